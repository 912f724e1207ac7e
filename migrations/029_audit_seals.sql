-- Audit events are sealed in batches. A seal covers the events after after_event_id up
-- to last_event_id; hmac is over the other columns, by a key of its own (key_sealed), and
-- previous_hmac makes the seals a chain. They are numbered without gaps. expires_at is
-- that of the last of the events of this seal and those before it: seals are deleted
-- from the first on, with their events, and what is left says when the one before it
-- expired. The first seal has nothing before it.
create table audit_seals (
  id                  bigint primary key check (id > 0),
  after_event_id      bigint not null,
  last_event_id       bigint not null,
  events              integer not null,
  events_sha256       bytea not null,
  previous_hmac       bytea not null,
  previous_expires_at timestamptz,
  hmac                bytea not null,
  key_sealed          bytea not null,
  sealed_at           timestamptz not null,
  expires_at          timestamptz not null
);
create index audit_seals_expires_at on audit_seals (expires_at);

---- create above / drop below ----

drop table audit_seals;
