---- tern: disable-tx ----

-- What a password hash costs, for the forms that came later, too, and without a regular expression,
-- which was most of what an insert of many consumers cost. Of the hashes that
-- are stored by now it says what it said before, so that the index holds while it is
-- built anew. A build that was broken off leaves an index of another name behind.
create or replace function idp_password_form(hash text) returns text
  language sql immutable parallel safe
  as $$ select case
    when hash like '$2_$%' then left(hash, 6)
    when hash like '$argon2%' then '$' || split_part(hash, '$', 2) || '$' || split_part(hash, '$', 3) || '$' || split_part(hash, '$', 4)
    when hash like '$scrypt$%' or hash like '$pbkdf2%' or hash like '$y$%' then '$' || split_part(hash, '$', 2) || '$' || split_part(hash, '$', 3)
    when hash like 'pbkdf2\_%' then split_part(hash, '$', 1) || '$' || split_part(hash, '$', 2)
    when hash like '$7$%' then left(hash, 14)
    when hash like '$5$rounds=%' or hash like '$6$rounds=%' then '$' || split_part(hash, '$', 2) || '$' || split_part(hash, '$', 3)
    when hash like '$5$%' or hash like '$6$%' then left(hash, 3)
  end $$;

set lock_timeout = 0;
drop index concurrently if exists consumers_password_form_ccnew;
drop index concurrently if exists consumers_password_form_ccold;
reindex index concurrently consumers_password_form;

---- create above / drop below ----

create or replace function idp_password_form(hash text) returns text
  language sql immutable parallel safe
  as $$ select substring(hash from '^(\$2[aby]\$\d\d|\$argon2id\$v=\d+\$[^$]+)') $$;
