-- A signing key's life: created, published, active, retired, deleted, with the time
-- of each step. A deleted key stays as a tombstone without its private half, so that
-- its kid is never given to another. tokens_until is when the last token that a
-- retired key has signed ends; of an active key, one that a client got before its
-- tokens lived less long. A key that an earlier release has made has no
-- published_at: it was published when it was made.
alter table signing_keys
  drop constraint signing_keys_state_check,
  add constraint signing_keys_state_check check (state in ('created', 'published', 'active', 'retired', 'deleted')),
  add column published_at timestamptz,
  add column retired_at   timestamptz,
  add column tokens_until timestamptz,
  add column deleted_at   timestamptz,
  add column revoked_at   timestamptz,
  add constraint signing_keys_deleted check (state <> 'deleted' or private_sealed = '');

---- create above / drop below ----

delete from signing_keys where state = 'deleted';
alter table signing_keys
  drop constraint signing_keys_deleted,
  drop column revoked_at,
  drop column deleted_at,
  drop column tokens_until,
  drop column retired_at,
  drop column published_at,
  drop constraint signing_keys_state_check,
  add constraint signing_keys_state_check check (state in ('created', 'published', 'active', 'retired'));
