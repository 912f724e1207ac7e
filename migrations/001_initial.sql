-- The first schema. Ids are identities, instants are timestamptz, and every
-- code, token and handle is kept as its SHA-256 alone. A row that can expire
-- has one expires_at with an index, which the sweeper follows.

-- idp_now is the one clock of every statement that decides about time:
-- instances' clocks disagree by seconds, the database's does not. Tests replace
-- the function in their own database to move time.
create function idp_now() returns timestamptz
  language sql volatile parallel safe
  as 'select clock_timestamp()';

-- The fingerprint of the master key that wraps data_keys. A row here means that
-- the database has been sealed: a start without that key is refused.
create table master_keys (
  id          bigint generated always as identity primary key,
  fingerprint bytea not null unique,
  created_at  timestamptz not null default idp_now()
);

-- Data keys, one line of them per purpose, wrapped by the master key.
create table data_keys (
  id         bigint generated always as identity primary key,
  purpose    text not null,
  wrapped    bytea not null,
  created_at timestamptz not null default idp_now()
);
create index data_keys_purpose on data_keys (purpose, id desc);

create table clients (
  id            bigint generated always as identity primary key,
  client_id     text not null unique check (client_id ~ '^[\x21-\x7e]{1,255}$'),
  secret_sha256 bytea check (octet_length(secret_sha256) = 32),
  metadata      jsonb not null,
  created_at    timestamptz not null default idp_now(),
  updated_at    timestamptz not null default idp_now()
);

-- Signing keys. client_id null: the provider's own, shared by every client that
-- has none. state follows a key's life; private_sealed is in the sealed format.
create table signing_keys (
  id             bigint generated always as identity primary key,
  client_id      bigint references clients (id) on delete cascade,
  kid            text not null unique,
  alg            text not null,
  state          text not null check (state in ('created', 'published', 'active', 'retired')),
  public_jwk     jsonb not null,
  private_sealed bytea not null,
  created_at     timestamptz not null default idp_now(),
  activated_at   timestamptz
);
create unique index signing_keys_active on signing_keys (coalesce(client_id, 0), alg) where state = 'active';
create index signing_keys_client on signing_keys (client_id);

create table consumers (
  id                  bigint generated always as identity primary key,
  sub                 text not null unique check (sub ~ '^[\x20-\x7e]{1,255}$'),
  disabled            boolean not null default false,
  username            text,
  password_hash       text,
  password_changed_at timestamptz not null default idp_now(),
  claims              jsonb not null default '{}',
  personal_info       jsonb,
  customer_info       jsonb,
  managed_by          text not null default 'apply' check (managed_by in ('apply', 'import', 'api')),
  created_at          timestamptz not null default idp_now(),
  updated_at          timestamptz not null default idp_now()
);
create unique index consumers_username on consumers (username) where username is not null;

-- What a password hash costs: all of it before the salt. By the index, the forms
-- in use are found without reading every consumer.
create function idp_password_form(hash text) returns text
  language sql immutable parallel safe
  as $$ select substring(hash from '^(\$2[aby]\$\d\d|\$argon2id\$v=\d+\$[^$]+)') $$;
create index consumers_password_form on consumers (idp_password_form(password_hash));

-- A sub is never given out twice, so it outlives its consumer here.
create table consumer_tombstones (
  sub        text primary key,
  deleted_at timestamptz not null default idp_now()
);

-- What a consumer can sign in with, normalised; one namespace for all kinds.
create table identifiers (
  identifier  text primary key,
  consumer_id bigint not null references consumers (id) on delete cascade,
  kind        text not null check (kind in ('username', 'email', 'phone_number'))
);
create index identifiers_consumer on identifiers (consumer_id);

-- Browser sessions. expires_at is the earlier of idle and absolute expiry and is
-- what every read compares; ends_at is the absolute one and never moves.
create table sessions (
  id            bigint generated always as identity primary key,
  handle_sha256 bytea not null unique check (octet_length(handle_sha256) = 32),
  sid           text not null unique,
  consumer_id   bigint not null references consumers (id) on delete cascade,
  auth_time     timestamptz not null,
  acr           text not null,
  amr           text[] not null,
  created_at    timestamptz not null default idp_now(),
  last_seen_at  timestamptz not null default idp_now(),
  expires_at    timestamptz not null,
  ends_at       timestamptz not null
);
create index sessions_consumer on sessions (consumer_id);
create index sessions_expires_at on sessions (expires_at);

-- Codes and tokens name their session without a foreign key: a session that the
-- sweeper takes leaves them to their own expiry; signing out deletes them.
create table authorization_codes (
  id             bigint generated always as identity primary key,
  code_sha256    bytea not null unique check (octet_length(code_sha256) = 32),
  client_id      bigint not null references clients (id) on delete cascade,
  consumer_id    bigint not null references consumers (id) on delete cascade,
  session_id     bigint not null,
  sid            text not null,
  redirect_uri   text not null,
  scope          text not null,
  nonce          text,
  code_challenge text,
  auth_time      timestamptz not null,
  acr            text not null,
  amr            text[] not null,
  session_ends_at timestamptz not null,
  created_at     timestamptz not null default idp_now(),
  consumed_at    timestamptz,
  expires_at     timestamptz not null
);
create index authorization_codes_client on authorization_codes (client_id);
create index authorization_codes_consumer on authorization_codes (consumer_id);
create index authorization_codes_session on authorization_codes (session_id);
create index authorization_codes_expires_at on authorization_codes (expires_at);

create table access_tokens (
  id           bigint generated always as identity primary key,
  token_sha256 bytea not null unique check (octet_length(token_sha256) = 32),
  client_id    bigint not null references clients (id) on delete cascade,
  consumer_id  bigint not null references consumers (id) on delete cascade,
  session_id   bigint not null,
  code_id      bigint,
  scope        text not null,
  created_at   timestamptz not null default idp_now(),
  expires_at   timestamptz not null
);
create index access_tokens_client on access_tokens (client_id);
create index access_tokens_consumer on access_tokens (consumer_id);
create index access_tokens_session on access_tokens (session_id);
create index access_tokens_code on access_tokens (code_id) where code_id is not null;
create index access_tokens_expires_at on access_tokens (expires_at);

-- Failed sign-ins. bucket is an HMAC of the identifier, the network address or
-- the device, cut to a fixed number of values, so strangers cannot make the
-- table grow. blocked_until is null unless there was a failure too many. Room
-- is left in the pages because the same rows are updated time and again.
create table sign_in_throttle (
  bucket         bigint primary key,
  failures       integer not null,
  window_ends_at timestamptz not null,
  blocked_until  timestamptz,
  expires_at     timestamptz not null
) with (fillfactor = 70);
create index sign_in_throttle_expires_at on sign_in_throttle (expires_at);

-- Instances hold clients and keys in memory. Every change to either bumps the
-- counter and notifies; who missed the notification sees the counter.
create table changes (
  single  boolean primary key default true check (single),
  counter bigint not null default 0
);
insert into changes default values;

create function idp_changed() returns trigger language plpgsql as $$
begin
  update changes set counter = counter + 1;
  perform pg_notify('idp_changes', '');
  return null;
end $$;
create trigger clients_changed after insert or update or delete on clients
  for each statement execute function idp_changed();
create trigger signing_keys_changed after insert or update or delete on signing_keys
  for each statement execute function idp_changed();

---- create above / drop below ----

drop table access_tokens, authorization_codes, sessions, identifiers, consumer_tombstones, consumers, signing_keys, clients, data_keys, master_keys, sign_in_throttle, changes;
drop function idp_changed();
drop function idp_password_form(text);
drop function idp_now();
