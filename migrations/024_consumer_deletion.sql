-- A sub is never given out twice, by whichever way a consumer goes or comes: whoever is
-- deleted leaves it in consumer_tombstones, and whoever is made must not have one of
-- those. A statement of its own in a function sees what was committed while an insert
-- waited for a deletion of the same sub.
create function idp_consumers_deleted() returns trigger language plpgsql as $$
begin
  insert into consumer_tombstones (sub) select sub from gone on conflict do nothing;
  return null;
end $$;
create trigger consumers_deleted after delete on consumers
  referencing old table as gone for each statement execute function idp_consumers_deleted();

create function idp_consumers_made() returns trigger language plpgsql as $$
begin
  if exists (select from made m join consumer_tombstones t on t.sub = m.sub) then
    raise unique_violation using constraint = 'consumer_tombstones_pkey', message = 'a sub is never given out twice';
  end if;
  return null;
end $$;
create trigger consumers_made after insert on consumers
  referencing new table as made for each statement execute function idp_consumers_made();

---- create above / drop below ----

drop trigger consumers_made on consumers;
drop trigger consumers_deleted on consumers;
drop function idp_consumers_made();
drop function idp_consumers_deleted();
