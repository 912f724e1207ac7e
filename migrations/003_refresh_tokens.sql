-- Refresh tokens: a row for each family, which is a token with all that take its
-- place one after the other. A token carries its family's handle, its generation
-- and a MAC, so that the earlier ones are known without rows of their own.
-- generation and token_sha256 are those of the newest. grace_ends has for the
-- latest that were used, newest first, when their use can be answered no more.
-- Like codes, a family names its session and its code without foreign keys.
-- Rotating changes no column with an index.
create table refresh_families (
  id            bigint generated always as identity primary key,
  handle_sha256 bytea not null unique check (octet_length(handle_sha256) = 32),
  client_id     bigint not null references clients (id) on delete cascade,
  consumer_id   bigint not null references consumers (id) on delete cascade,
  session_id    bigint not null,
  code_id       bigint not null,
  sid           text not null,
  scope         text not null,
  offline       boolean not null, -- granted by offline_access: outlives the session
  auth_time     timestamptz not null,
  acr           text not null,
  amr           text[] not null,
  generation    integer not null default 0,
  token_sha256  bytea not null check (octet_length(token_sha256) = 32),
  grace_ends    timestamptz[] not null default '{}',
  created_at    timestamptz not null default idp_now(),
  expires_at    timestamptz not null
) with (fillfactor = 70);
create index refresh_families_client on refresh_families (client_id);
create index refresh_families_consumer on refresh_families (consumer_id);
create index refresh_families_session on refresh_families (session_id);
create index refresh_families_code on refresh_families (code_id);
create index refresh_families_expires_at on refresh_families (expires_at);

-- What the latest use of a family was answered with, for a client that lost the
-- response: sealed under a key that only the token it used gives, and gone with
-- the grace.
create table refresh_successors (
  family_id               bigint primary key,
  sealed                  bytea not null,
  scope                   text not null, -- of the access token
  access_token_expires_at timestamptz not null,
  expires_at              timestamptz not null
);
create index refresh_successors_expires_at on refresh_successors (expires_at);

alter table access_tokens add column family_id bigint; -- its index: 009

---- create above / drop below ----

drop table refresh_successors, refresh_families;
alter table access_tokens drop column family_id;
