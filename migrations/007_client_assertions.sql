-- The client assertions that were taken (RFC 7523 3), until they expire: none is
-- taken twice.
create table client_assertions (
  client_id  bigint not null references clients (id) on delete cascade,
  jti_sha256 bytea not null check (octet_length(jti_sha256) = 32),
  expires_at timestamptz not null,
  primary key (client_id, jti_sha256)
);
create index client_assertions_expires_at on client_assertions (expires_at);

-- An access token of the client_credentials grant speaks for its client alone: it
-- has neither a consumer nor a session.
alter table access_tokens alter column consumer_id drop not null, alter column session_id drop not null;

---- create above / drop below ----

delete from access_tokens where consumer_id is null;
alter table access_tokens alter column consumer_id set not null, alter column session_id set not null;
drop table client_assertions;
