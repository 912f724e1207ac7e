---- tern: disable-tx ----

-- What is asked of audit events: all of one target or of one actor, in the order of their
-- ids, and those of a time. They are told nearly in the order of their times, which is all
-- that the last one needs. Built while the table is written to, as those of 009.
set lock_timeout = 0;

drop index concurrently if exists audit_events_target;
create index concurrently audit_events_target on audit_events (target, id);

drop index concurrently if exists audit_events_actor;
create index concurrently audit_events_actor on audit_events (actor, id);

drop index concurrently if exists audit_events_at;
create index concurrently audit_events_at on audit_events using brin (at);

---- create above / drop below ----

drop index if exists audit_events_target, audit_events_actor, audit_events_at;
