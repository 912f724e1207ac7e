-- While the master key is changed, both the one in force and the next one open every
-- data key: wrapped is by the former, wrapped_next by the latter. What is in force
-- stays as it was until the change is finished, so that a release which knows
-- nothing of it runs on beside.
alter table data_keys add column wrapped_next bytea;
alter table master_keys add column next_fingerprint bytea;

---- create above / drop below ----

alter table master_keys drop column next_fingerprint;
alter table data_keys drop column wrapped_next;
