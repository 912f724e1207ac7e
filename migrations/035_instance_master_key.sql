-- The master key that an instance has started with, by its fingerprint. Null for one of
-- an earlier release, which does not tell.
alter table instances add column master_key_fingerprint bytea;

---- create above / drop below ----

alter table instances drop column master_key_fingerprint;
