-- What requests with an Idempotency-Key were answered with, sealed, so that a repeated
-- one changes nothing. caller is whose key it is. Without an answer the request is
-- under way; the answer is stored in the transaction of the change.
create table idempotency_keys (
  id             bigint generated always as identity primary key,
  caller         text not null,
  key_sha256     bytea not null check (octet_length(key_sha256) = 32),
  request_sha256 bytea not null check (octet_length(request_sha256) = 32),
  answer_sealed  bytea,
  created_at     timestamptz not null default idp_now(),
  expires_at     timestamptz not null,
  unique (caller, key_sha256)
);
create index idempotency_keys_expires_at on idempotency_keys (expires_at);

---- create above / drop below ----

drop table idempotency_keys;
