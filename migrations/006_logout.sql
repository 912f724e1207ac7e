-- Back-channel sign-out (OpenID Connect Back-Channel Logout 1.0).

-- Which clients with an address for it know of a session: a row at the first use
-- of the session by the client. It has all that has to be said to them, since the
-- session is gone by then. Like codes, it names the session without a foreign key:
-- the trigger below takes it.
create table session_clients (
  session_id bigint not null,
  client_id  bigint not null references clients (id) on delete cascade,
  sid        text not null,
  sub        text not null,
  primary key (session_id, client_id)
);
create index session_clients_client on session_clients (client_id);

-- The outbox: what clients have still to be told. A row is deleted when it was
-- delivered, and tried again from next_at on until it expires. No foreign key: a
-- client that is removed must not stand in the way of somebody who signs out.
create table logout_notices (
  id         bigint generated always as identity primary key,
  client_id  bigint not null,
  sid        text not null,
  sub        text not null,
  attempts   integer not null default 0,
  created_at timestamptz not null default idp_now(),
  next_at    timestamptz not null default idp_now(),
  expires_at timestamptz not null
);
create index logout_notices_client on logout_notices (client_id, next_at);
create index logout_notices_expires_at on logout_notices (expires_at);

-- Whoever ends a session, in whatever way, fills the outbox in the same
-- transaction, and ends what was granted without offline_access: the release that
-- knows of no refresh tokens does, too. A family is locked before its tokens are
-- looked for, so that the token of a rotation under way is seen. A session that had
-- expired before says nothing: nobody signed out, and whoever is in the middle of
-- something at a client has not used the provider.
create function idp_sessions_ended() returns trigger language plpgsql as $$
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
create trigger sessions_ended after delete on sessions
  referencing old table as ended for each statement execute function idp_sessions_ended();

---- create above / drop below ----

drop trigger sessions_ended on sessions;
drop function idp_sessions_ended();
drop table logout_notices, session_clients;
