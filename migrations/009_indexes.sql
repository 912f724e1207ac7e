---- tern: disable-tx ----

-- Indexes on tables that may have many rows, built while these are written to. One
-- that was left half built goes first. Building waits for older transactions, and
-- keeps nobody waiting meanwhile.
set lock_timeout = 0;

drop index concurrently if exists access_tokens_family;
create index concurrently access_tokens_family on access_tokens (family_id) where family_id is not null;

-- By this one the sweeper finds the tokens that no code gives any more.
drop index concurrently if exists authorization_codes_retry;
create index concurrently authorization_codes_retry on authorization_codes (consumed_at) where retry_sealed is not null;

---- create above / drop below ----

drop index if exists access_tokens_family, authorization_codes_retry;
