-- Who did what, when and from where, by the management API. before and after have
-- the names of what has changed; secrets and personal data in them are masked. A
-- change is told in its own transaction, a read up to a second later.
create table audit_events (
  id          bigint generated always as identity primary key,
  at          timestamptz not null default idp_now(),
  actor       text not null,
  actor_kind  text not null,
  action      text not null,
  target_kind text not null,
  target      text not null,
  address     inet,
  request_id  text not null,
  before      jsonb,
  after       jsonb,
  expires_at  timestamptz not null default idp_now() + interval '400 days'
);
create index audit_events_expires_at on audit_events (expires_at);

---- create above / drop below ----

drop table audit_events;
