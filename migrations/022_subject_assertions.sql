-- The assertions about consumers that were taken (RFC 7523 2.1, RFC 8693), until they
-- expire: none is taken twice, whichever client brings it. The hash is of iss and jti.
create table subject_assertions (
  jti_sha256 bytea primary key check (octet_length(jti_sha256) = 32),
  expires_at timestamptz not null
);
create index subject_assertions_expires_at on subject_assertions (expires_at);

---- create above / drop below ----

drop table subject_assertions;
