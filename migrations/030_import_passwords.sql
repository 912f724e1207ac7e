-- How many lines had a password for a consumer who was there already, and has none:
-- it is set by --reset-passwords alone.
alter table import_jobs add column passwords_not_set bigint not null default 0;

---- create above / drop below ----

alter table import_jobs drop column passwords_not_set;
