-- An event that never ends, or that is as good as never, would keep its seal and all
-- seals after it for ever, and a time that is infinite cannot be sealed: all events
-- after it would wait. Nothing has to be validated: what is there has the default.
alter table audit_events
  add constraint audit_events_expires_at_check check (isfinite(at) and expires_at <= at + interval '10 years') not valid;

---- create above / drop below ----

alter table audit_events drop constraint audit_events_expires_at_check;
