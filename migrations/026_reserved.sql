-- Taken by the rewrapping of data keys and by keys in tokens.
select 1;

---- create above / drop below ----

select 1;
