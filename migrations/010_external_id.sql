-- The identifier by which the brand's own system knows a consumer. Null if it has
-- none. Its index: 011. Nothing has to be validated: there is no value yet.
alter table consumers add column external_id text;
alter table consumers add constraint consumers_external_id_check check (external_id ~ '^[\x20-\x7e]{1,255}$') not valid;

---- create above / drop below ----

alter table consumers drop column external_id;
