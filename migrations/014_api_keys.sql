-- Keys by which the brand's systems call the management API, as SHA-256 alone.
-- client_id: the one client that the key is narrowed to, null if to none. networks:
-- where it may be used from, empty for everywhere. Expired and revoked keys stay, so
-- that the audit events that name them can be read.
create table api_keys (
  id         bigint generated always as identity primary key,
  name       text not null check (name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$'),
  key_sha256 bytea not null unique check (octet_length(key_sha256) = 32),
  scopes     text[] not null,
  client_id  bigint references clients (id) on delete cascade,
  networks   cidr[] not null default '{}',
  created_at timestamptz not null default idp_now(),
  expires_at timestamptz,
  revoked_at timestamptz
);
create unique index api_keys_name on api_keys (name) where revoked_at is null;
create index api_keys_client on api_keys (client_id);

-- Instances hold keys in memory, as they do clients.
create trigger api_keys_changed after insert or update or delete on api_keys
  for each statement execute function idp_changed();

-- When each was last used: apart, since its writing must not have every instance
-- read its keys anew.
create table api_key_uses (
  api_key_id   bigint primary key references api_keys (id) on delete cascade,
  last_used_at timestamptz not null
);

---- create above / drop below ----

drop table api_key_uses, api_keys;
