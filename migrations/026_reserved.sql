-- Taken by the change of master keys.
select 1;

---- create above / drop below ----

select 1;
