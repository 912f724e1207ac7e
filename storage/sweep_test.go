package storage_test

import (
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// An import that was left goes without a statement that deletes all that it has met.
func TestSweepDeletesNoMoreThanABatchAtOnce(t *testing.T) {
	t.Parallel()
	url := storagetest.New(t)
	store, err := storage.Open(t.Context(), storage.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // the test has its answer
	for _, sql := range []string{
		`insert into import_jobs (head_sha256, read_sha256, offset_bytes, lines, created, updated, unchanged, refused, report_bytes, consumers_before, expires_at)
			select sha256(''), sha256(''), 0, 0, 0, 0, 0, 0, 0, 0, idp_now() + n * interval '1 hour' from generate_series(-1, 1) n`,
		"insert into import_job_consumers (import_job_id, consumer_id) select j.id, n from import_jobs j, generate_series(1, 2500) n",
		"create table deleted (n bigint)",
		`create function count_deleted() returns trigger language plpgsql as 'begin insert into deleted select count(*) from gone; return null; end'`,
		"create trigger counted after delete on import_job_consumers referencing old table as gone for each statement execute function count_deleted()",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var jobs, consumers, largest, all int64
	err = conn.QueryRow(t.Context(), `select (select count(*) from import_jobs), (select count(*) from import_job_consumers),
		(select max(n) from deleted), (select sum(n)::bigint from deleted)`).Scan(&jobs, &consumers, &largest, &all)
	if err != nil || jobs != 1 || consumers != 2500 || largest > 1000 || all != 5000 {
		t.Errorf("%v: %d imports and %d consumers are left, %d deleted, %d at once", err, jobs, consumers, all, largest)
	}
}
