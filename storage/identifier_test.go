package storage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// An identifier has a consumer, however it is written, and goes with it.
func TestIdentifiersHaveConsumers(t *testing.T) {
	t.Parallel()
	url := storagetest.New(t)
	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
		return conn
	}
	conn, other := connect(), connect()
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	refused := func(conn *pgx.Conn, sql string) {
		t.Helper()
		_, err := conn.Exec(t.Context(), sql)
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "23503" {
			t.Errorf("%s: %v", sql, err)
		}
	}
	left := func(want int) {
		t.Helper()
		var n int
		if err := conn.QueryRow(t.Context(), "select count(*) from identifiers").Scan(&n); err != nil || n != want {
			t.Errorf("%d identifiers, want %d; %v", n, want, err)
		}
	}
	exec("insert into consumers (id, sub) overriding system value select n, n from generate_series(1, 4) n")
	exec("insert into identifiers select 'user' || n % 10, n / 10, 'username' from unnest('{11, 12, 23, 34, 45}'::int[]) n")
	refused(conn, "insert into identifiers values ('user6', 1, 'username'), ('user7', 5, 'username')")
	refused(conn, "update identifiers set consumer_id = 5 where identifier = 'user1'")
	left(5)
	exec("delete from consumers where id <= 2")
	left(2)

	// The consumer is deleted by one while another gives it an identifier.
	begin := func(conn *pgx.Conn, sql string) pgx.Tx {
		t.Helper()
		tx, err := conn.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
		return tx
	}
	for _, first := range []struct{ sql, second, code string }{
		{"delete from consumers where id = 3", "insert into identifiers values ('late', 3, 'username')", "23503"},
		{"insert into identifiers values ('early', 4, 'username')", "delete from consumers where id = 4", ""},
	} {
		tx, second := begin(conn, first.sql), make(chan error, 1)
		go func() { _, err := other.Exec(t.Context(), first.second); second <- err }()
		waitForLock(t, url)
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		var code string
		err := <-second
		if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
			code = pgErr.Code
		} else if err != nil {
			t.Fatal(err)
		}
		if code != first.code {
			t.Errorf("%s: %q, want %q", first.second, code, first.code)
		}
	}
	left(0)

	exec("insert into consumers (id, sub) overriding system value values (6, '6')")
	exec("insert into identifiers values ('user6', 6, 'username')")
	exec("truncate consumers cascade")
	left(0)
}

// waitForLock waits until somebody waits for somebody else.
func waitForLock(t *testing.T, url string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing is left to do
	for waits := false; !waits; time.Sleep(time.Millisecond) {
		err := conn.QueryRow(t.Context(), "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')").Scan(&waits)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// What was kept of an import is gone when the import is.
func TestAnExpiredImportIsSwept(t *testing.T) {
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
	defer conn.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // nothing is left to do
	_, err = conn.Exec(t.Context(), `
		with jobs as (
			insert into import_jobs (head_sha256, read_sha256, offset_bytes, lines, created, updated, unchanged, refused, report_bytes, consumers_before, expires_at)
			select sha256(''), sha256(''), 0, 0, 0, 0, 0, 0, 0, 0, idp_now() + n * interval '1 hour' from unnest('{-1, 1}'::int[]) n returning id, expires_at
		)
		insert into import_job_consumers select id, n from jobs, generate_series(1, case when expires_at > idp_now() then 2 else 3 end) n`)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	var jobs, consumers int
	if err := conn.QueryRow(t.Context(), "select (select count(*) from import_jobs), (select count(*) from import_job_consumers)").Scan(&jobs, &consumers); err != nil {
		t.Fatal(err)
	}
	if jobs != 1 || consumers != 2 {
		t.Errorf("%d imports with %d consumers, want 1 with 2", jobs, consumers)
	}
}
