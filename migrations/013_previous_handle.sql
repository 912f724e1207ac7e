---- tern: disable-tx ----

-- The handle that a session had before its person signed in again. If the answer
-- with the new one was lost, the browser still has this. Nobody is signed in by it;
-- but it tells which session is meant by who signs in once more, or signs out.
-- There is no value yet that would have to be validated.
alter table sessions
  add column if not exists previous_handle_sha256 bytea,
  drop constraint if exists sessions_previous_handle_sha256_check,
  add constraint sessions_previous_handle_sha256_check check (octet_length(previous_handle_sha256) = 32) not valid;

-- The index is built while the table is written to, as those before.
set lock_timeout = 0;

drop index concurrently if exists sessions_previous_handle;
create index concurrently sessions_previous_handle on sessions (previous_handle_sha256) where previous_handle_sha256 is not null;

---- create above / drop below ----

drop index if exists sessions_previous_handle;
alter table sessions drop column previous_handle_sha256;
