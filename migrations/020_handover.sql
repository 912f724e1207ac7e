-- Sign-in and sign-out that are handed over to the brand's own login.

-- An authorization request whose browser was sent to the brand's login: the one
-- kind that is stored, since its ticket fits no address. request_sealed is a ticket
-- that is bound to the browser's binding and to this row. subject is the sub that is
-- signed in or that the request names, null for none. The columns from decided_at on
-- are what the brand's backend has answered, error for a rejection; the flow goes on,
-- once, with the verifier that it got for it. consumed_at is when a browser brought
-- that, the right one or another.
create table login_challenges (
  id               bigint generated always as identity primary key,
  challenge_sha256 bytea not null unique check (octet_length(challenge_sha256) = 32),
  client_id        bigint not null references clients (id) on delete cascade,
  binding_sha256   bytea not null check (octet_length(binding_sha256) = 32),
  request_sealed   bytea not null,
  subject          text,
  address_bucket   bigint not null,
  created_at       timestamptz not null default idp_now(),
  expires_at       timestamptz not null,
  decided_at       timestamptz,
  verifier_sha256  bytea unique check (octet_length(verifier_sha256) = 32),
  error            text,
  consumer_id      bigint references consumers (id) on delete cascade,
  acr              text,
  amr              text[],
  auth_time        timestamptz,
  session_lifetime interval,
  consumed_at      timestamptz
);
create index login_challenges_client on login_challenges (client_id);
create index login_challenges_consumer on login_challenges (consumer_id) where consumer_id is not null;
create index login_challenges_expires_at on login_challenges (expires_at);

-- A sign-out whose browser was sent to the brand's own. The session is gone by then,
-- so the row has all that the brand's backend is told. sid and sub are null if it had
-- run out before.
create table logout_challenges (
  id               bigint generated always as identity primary key,
  challenge_sha256 bytea not null unique check (octet_length(challenge_sha256) = 32),
  binding_sha256   bytea not null check (octet_length(binding_sha256) = 32),
  request_sealed   bytea not null,
  client_id        text,
  sid              text,
  sub              text,
  external_id      text,
  created_at       timestamptz not null default idp_now(),
  expires_at       timestamptz not null,
  verifier_sha256  bytea unique check (octet_length(verifier_sha256) = 32),
  consumed_at      timestamptz
);
create index logout_challenges_expires_at on logout_challenges (expires_at);

-- The sessions that the brand has accepted somebody for, through which client, and
-- until when they can be extended at most. told says that the brand is to be told of
-- the end. As with session_clients, the trigger below takes the row.
create table handed_over_sessions (
  session_id  bigint primary key,
  client_id   bigint not null,
  sid         text not null,
  sub         text not null,
  external_id text,
  told        boolean not null,
  latest_end  timestamptz not null
);

-- The outbox of the webhook: what the brand has still to be told. message_id is the
-- same for each attempt.
create table session_events (
  id          bigint generated always as identity primary key,
  message_id  uuid not null default gen_random_uuid(),
  sid         text not null,
  sub         text not null,
  external_id text,
  reason      text not null,
  attempts    integer not null default 0,
  created_at  timestamptz not null default idp_now(),
  next_at     timestamptz not null default idp_now(),
  expires_at  timestamptz not null
);
create index session_events_next_at on session_events (next_at);
create index session_events_expires_at on session_events (expires_at);

-- The secrets that webhooks are signed with, sealed. The newest has no expires_at;
-- one that was rotated away signs beside it until its own.
create table webhook_secrets (
  id            bigint generated always as identity primary key,
  secret_sealed bytea not null,
  created_at    timestamptz not null default idp_now(),
  expires_at    timestamptz
);
create unique index webhook_secrets_current on webhook_secrets ((true)) where expires_at is null;

-- As in 006, and the webhook's outbox is filled in the same way. Expiry is told
-- there: the brand keeps sessions of its own beside ours. Whoever ends a session says
-- why in a setting of the transaction.
create or replace function idp_sessions_ended() returns trigger language plpgsql as $$
declare
  families bigint[];
begin
  with gone as (
    delete from refresh_families f using ended e
    where f.session_id = e.id and not f.offline and e.expires_at > idp_now()
    returning f.id
  )
  select array_agg(id) into families from gone;
  delete from access_tokens where family_id = any (families);
  with gone as (
    delete from session_clients c using ended e where c.session_id = e.id
    returning c.client_id, c.sid, c.sub, e.expires_at
  )
  insert into logout_notices (client_id, sid, sub, expires_at)
  select client_id, sid, sub, idp_now() + interval '1 day' from gone where expires_at > idp_now();
  with gone as (
    delete from handed_over_sessions h using ended e where h.session_id = e.id
    returning h.sid, h.sub, h.external_id, h.told, e.consumer_id, e.expires_at
  )
  insert into session_events (sid, sub, external_id, reason, expires_at)
  select g.sid, g.sub, coalesce(c.external_id, g.external_id),
    case when g.expires_at <= idp_now() then 'expired' when c.id is null then 'consumer_deleted'
      else coalesce(nullif(current_setting('idp.session_end_reason', true), ''), 'signed_out') end,
    idp_now() + interval '1 day'
  from gone g left join consumers c on c.id = g.consumer_id where g.told;
  return null;
end $$;

---- create above / drop below ----

create or replace function idp_sessions_ended() returns trigger language plpgsql as $$
declare
  families bigint[];
begin
  with gone as (
    delete from refresh_families f using ended e
    where f.session_id = e.id and not f.offline and e.expires_at > idp_now()
    returning f.id
  )
  select array_agg(id) into families from gone;
  delete from access_tokens where family_id = any (families);
  with gone as (
    delete from session_clients c using ended e where c.session_id = e.id
    returning c.client_id, c.sid, c.sub, e.expires_at
  )
  insert into logout_notices (client_id, sid, sub, expires_at)
  select client_id, sid, sub, idp_now() + interval '1 day' from gone where expires_at > idp_now();
  return null;
end $$;
drop table webhook_secrets, session_events, handed_over_sessions, logout_challenges, login_challenges;
