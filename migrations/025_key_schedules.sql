-- Rotations of signing keys that somebody has asked for: one for an owner, null being
-- the provider, and an algorithm. every is from one activation to the next, wait from
-- the publication of a key to its activation, keep how long a retired key stays. What
-- comes next follows from the keys. One instance at a time has it, until taken_until.
create table key_schedules (
  id          bigint generated always as identity primary key,
  client_id   bigint references clients (id) on delete cascade,
  alg         text not null,
  every       interval not null,
  wait        interval not null,
  keep        interval not null,
  created_at  timestamptz not null default idp_now(),
  paused_at   timestamptz,
  taken_until timestamptz
);
create unique index key_schedules_owner on key_schedules (coalesce(client_id, 0), alg);
create index key_schedules_client on key_schedules (client_id);
create trigger key_schedules_changed after insert or delete or update of every, wait, keep, paused_at on key_schedules
  for each statement execute function idp_changed();

---- create above / drop below ----

drop table key_schedules;
