-- What a brand knows of a consumer beyond what has a column of its own: an object
-- of texts, numbers and booleans. Null if there is nothing.
alter table consumers add column attributes jsonb;

---- create above / drop below ----

alter table consumers drop column attributes;
