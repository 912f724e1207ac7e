-- No event without who did it: what reads the trail takes it for given, the API's
-- document says it. Rows from before are not looked at.
alter table audit_events
  add constraint audit_events_actor check (actor <> '' and actor_kind in ('api_key', 'client', 'command', 'schedule')) not valid;

---- create above / drop below ----

alter table audit_events drop constraint audit_events_actor;
