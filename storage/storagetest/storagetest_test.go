package storagetest_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage/storagetest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return conn // left open on purpose: the database goes all the same
}

func query[T any](t *testing.T, conn *pgx.Conn, sql string) T {
	t.Helper()
	var value T
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

func TestADatabaseHasTheSchemaAndAnUnprivilegedOwner(t *testing.T) {
	t.Parallel()
	conn := connect(t, storagetest.New(t))
	if got := query[int64](t, conn, "select counter from changes"); got != 0 {
		t.Errorf("changes.counter = %d, want 0", got)
	}
	got := query[string](t, conn, "select current_user || ' ' || rolsuper || ' ' || rolcreatedb from pg_roles where rolname = current_user")
	if want := "idp false false"; got != want {
		t.Errorf("role = %q, want %q", got, want)
	}
}

func TestAnEmptyDatabaseHasNoTables(t *testing.T) {
	t.Parallel()
	conn := connect(t, storagetest.NewEmpty(t))
	if got := query[int64](t, conn, "select count(*) from pg_tables where schemaname = 'public'"); got != 0 {
		t.Errorf("tables = %d, want 0", got)
	}
}

func TestTestsDoNotSeeEachOther(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			conn := connect(t, storagetest.New(t))
			if _, err := conn.Exec(t.Context(), "insert into consumer_tombstones (sub) values ('amelia')"); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestADatabaseEndsWithItsTest(t *testing.T) {
	t.Parallel()
	var name string
	t.Run("uses one", func(t *testing.T) {
		name = query[string](t, connect(t, storagetest.New(t)), "select current_database()")
	})
	conn := connect(t, storagetest.NewEmpty(t))
	got := query[[]string](t, conn, "select coalesce(array_agg(datname), '{}') from pg_database where datname = '"+name+"'")
	if diff := cmp.Diff([]string{}, got); diff != "" {
		t.Errorf("databases left (-want +got):\n%s", diff)
	}
}
