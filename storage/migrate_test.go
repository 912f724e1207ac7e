package storage_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/tern/v2/migrate"

	"github.com/brandidp/idp/migrations"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// connect gives a connection of the test's own.
func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// firstRelease gives a database as the first release left it.
func firstRelease(t *testing.T) string {
	t.Helper()
	return migratedTo(t, 2)
}

// migratedTo gives a database with the schema of a version.
func migratedTo(t *testing.T, version int32) string {
	t.Helper()
	url := storagetest.New(t)
	m, err := migrate.NewMigrator(t.Context(), connect(t, url), "schema_version")
	if err != nil {
		t.Fatal(err)
	}
	if err := m.LoadMigrations(migrations.FS); err != nil {
		t.Fatal(err)
	}
	if err := m.MigrateTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	return url
}

func wantMigrated(t *testing.T, url string) {
	t.Helper()
	status, err := storage.ReadMigrationStatus(t.Context(), url)
	if err != nil || status.Current != status.Latest {
		t.Errorf("%+v, %v", status, err)
	}
	var invalid int
	if err := connect(t, url).QueryRow(t.Context(), "select count(*) from pg_index where not indisvalid").Scan(&invalid); err != nil || invalid != 0 {
		t.Errorf("%d indexes are half built, %v", invalid, err)
	}
}

func TestAMigrationGivesWayToReaders(t *testing.T) {
	t.Parallel()
	url := firstRelease(t)
	backup, reader := connect(t, url), connect(t, url)
	execute(t, backup, "begin; lock table access_tokens in access share mode")
	done := make(chan error, 1)
	go func() { done <- storage.Migrate(t.Context(), url) }()
	waiting := "select exists (select from pg_locks where not granted and relation = 'access_tokens'::regclass)"
	for waits := false; !waits; {
		if err := backup.QueryRow(t.Context(), waiting).Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	bounded, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := reader.Exec(bounded, "select from access_tokens"); err != nil {
		t.Errorf("a read behind the migration: %v", err)
	}
	execute(t, backup, "rollback")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	wantMigrated(t, url)
}

func TestAHalfBuiltIndexIsBuiltAnew(t *testing.T) {
	t.Parallel()
	url := migratedTo(t, 8)
	conn := connect(t, url)
	if _, err := conn.Exec(t.Context(), "create index concurrently access_tokens_family on changes ((1 / (counter - counter)))"); err == nil {
		t.Fatal("the index was built")
	}
	if err := storage.Migrate(t.Context(), url); err != nil {
		t.Fatal(err)
	}
	wantMigrated(t, url)
}

func TestInstancesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	url := firstRelease(t)
	done := make(chan error)
	for range 4 {
		go func() { done <- storage.Migrate(t.Context(), url) }()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	wantMigrated(t, url)
}

func TestAMigrationEndsWithItsContext(t *testing.T) {
	t.Parallel()
	url := firstRelease(t)
	execute(t, connect(t, url), "begin; lock table consumers")
	bounded, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	if err := storage.Migrate(bounded, url); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("error %v", err)
	}
}
