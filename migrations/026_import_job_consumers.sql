-- As for identifiers: what is kept of an import goes with it, without a query for each
-- consumer that it meets.
create function idp_import_jobs_gone() returns trigger language plpgsql as $$
begin
  delete from import_job_consumers m using gone g where m.import_job_id = g.id;
  return null;
end $$;

create trigger import_jobs_deleted after delete on import_jobs
  referencing old table as gone for each statement execute function idp_import_jobs_gone();
alter table import_job_consumers drop constraint import_job_consumers_import_job_id_fkey;

---- create above / drop below ----

alter table import_job_consumers add constraint import_job_consumers_import_job_id_fkey
  foreign key (import_job_id) references import_jobs (id) on delete cascade;
drop trigger import_jobs_deleted on import_jobs;
drop function idp_import_jobs_gone;
