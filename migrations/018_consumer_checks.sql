-- The same rules as before for subs and external ids, in a form that costs a tenth: a
-- bounded repetition is slow to match, and was most of what an insert cost. Nothing has
-- to be validated: what is there was held to them.
alter table consumers
  drop constraint consumers_sub_check,
  drop constraint consumers_external_id_check,
  add constraint consumers_sub_check check (sub ~ '^[\x20-\x7e]+$' and length(sub) <= 255) not valid,
  add constraint consumers_external_id_check check (external_id ~ '^[\x20-\x7e]+$' and length(external_id) <= 255) not valid;

---- create above / drop below ----

alter table consumers
  drop constraint consumers_sub_check,
  drop constraint consumers_external_id_check,
  add constraint consumers_sub_check check (sub ~ '^[\x20-\x7e]{1,255}$') not valid,
  add constraint consumers_external_id_check check (external_id ~ '^[\x20-\x7e]{1,255}$') not valid;
