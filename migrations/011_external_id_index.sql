---- tern: disable-tx ----

-- Built while the table is written to, as those of 009.
set lock_timeout = 0;

drop index concurrently if exists consumers_external_id;
create unique index concurrently consumers_external_id on consumers (external_id) where external_id is not null;

---- create above / drop below ----

drop index if exists consumers_external_id;
