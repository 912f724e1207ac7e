-- How far an import of consumers has come, committed with each of its batches, so that
-- it goes on there after it was killed. The input is known again by its first bytes
-- (head_sha256) and by all that were read of it (read_sha256 of the first offset_bytes).
-- A row lives until its import is done.
create table import_jobs (
  id           bigint generated always as identity primary key,
  head_sha256  bytea not null check (octet_length(head_sha256) = 32),
  read_sha256  bytea not null check (octet_length(read_sha256) = 32),
  offset_bytes bigint not null,
  lines        bigint not null,
  created      bigint not null,
  updated      bigint not null,
  unchanged    bigint not null,
  refused      bigint not null,
  report_bytes bigint not null,
  -- The consumers after this id that an import has made are its own.
  consumers_before bigint not null,
  created_at   timestamptz not null default idp_now(),
  updated_at   timestamptz not null default idp_now(),
  expires_at   timestamptz not null default idp_now() + interval '30 days'
);
create index import_jobs_head on import_jobs (head_sha256);
create index import_jobs_expires_at on import_jobs (expires_at);

-- The consumers from before it that an import has met: a second line of the same one
-- is refused.
create table import_job_consumers (
  import_job_id bigint not null references import_jobs (id) on delete cascade,
  consumer_id   bigint not null,
  primary key (import_job_id, consumer_id)
);

---- create above / drop below ----

drop table import_job_consumers, import_jobs;
