---- tern: disable-tx ----

-- What a password hash costs, for the forms that came later, too. Of the hashes that
-- are stored by now it says what it said before, so that the index holds while it is
-- built anew. A build that was broken off leaves an index of another name behind.
create or replace function idp_password_form(hash text) returns text
  language sql immutable parallel safe
  as $$ select substring(hash from '^(\$2[aby]\$\d\d|\$argon2id?\$v=\d+\$[^$]+|\$scrypt\$[^$]+|\$7\$[./0-9A-Za-z]{11}|\$y\$[^$]+|\$pbkdf2(?:-sha\d+)?\$[^$]+|pbkdf2_sha\d+\$\d+|\$[56]\$(?:rounds=\d+)?)') $$;

set lock_timeout = 0;
drop index concurrently if exists consumers_password_form_ccnew;
drop index concurrently if exists consumers_password_form_ccold;
reindex index concurrently consumers_password_form;

---- create above / drop below ----

create or replace function idp_password_form(hash text) returns text
  language sql immutable parallel safe
  as $$ select substring(hash from '^(\$2[aby]\$\d\d|\$argon2id\$v=\d+\$[^$]+)') $$;
