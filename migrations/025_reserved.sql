-- Taken by the life of keys, instances and schedules.
select 1;

---- create above / drop below ----

select 1;
