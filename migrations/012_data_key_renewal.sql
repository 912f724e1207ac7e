-- Data keys can be replaced. A new one seals nothing before usable_from, by when
-- every instance that may open anything has read it: data_keys count as what
-- instances hold in memory.
alter table data_keys add column usable_from timestamptz not null default idp_now();
create trigger data_keys_changed after insert or update or delete on data_keys
  for each statement execute function idp_changed();

---- create above / drop below ----

drop trigger data_keys_changed on data_keys;
alter table data_keys drop column usable_from;
