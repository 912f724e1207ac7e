package main

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

func TestMigrate(t *testing.T) {
	t.Parallel()

	environ := []string{"IDP_DATABASE_URL=" + storagetest.NewEmpty(t)}

	before := execute(t, environ, "migrate", "status")
	if before.code != 0 || !strings.Contains(before.stdout, "schema version 0 of ") || !strings.Contains(before.stdout, "run idp migrate up") {
		t.Errorf("status of an empty database: %+v", before)
	}

	if up := execute(t, environ, "migrate", "up"); up.code != 0 || !strings.Contains(up.stdout, "schema brought from version 0 to ") {
		t.Errorf("up: %+v", up)
	}

	if again := execute(t, environ, "migrate", "up"); again.code != 0 || !strings.Contains(again.stdout, "nothing to do") {
		t.Errorf("up once more: %+v", again)
	}

	var status storage.MigrationStatus

	decode(t, execute(t, environ, "migrate", "status", "--json"), &status)

	if status.Current != status.Latest || status.Latest == 0 {
		t.Errorf("status = %+v, want the latest", status)
	}
}

func TestMigrateRefusesANewerDatabase(t *testing.T) {
	t.Parallel()

	url := storagetest.New(t)

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // the test is over

	if _, err := conn.Exec(t.Context(), "update schema_version set version = 999"); err != nil {
		t.Fatal(err)
	}

	for _, command := range []string{"status", "up"} {
		got := execute(t, []string{"IDP_DATABASE_URL=" + url}, "migrate", command)
		if got.code != 1 || !strings.Contains(got.stderr, "the database was migrated by a newer idp: its schema is version 999") {
			t.Errorf("migrate %s: %+v", command, got)
		}
	}
}

func TestMigrateWithoutADatabase(t *testing.T) {
	t.Parallel()

	got := execute(t, nil, "migrate", "status", "--database-url", "postgres://idp:hunter2@127.0.0.1:1/idp")
	if got.code != 2 || !strings.Contains(got.stderr, "connect to the database") || strings.Contains(got.stderr, "hunter2") {
		t.Errorf("got %+v, want exit code 2", got)
	}
}

func TestMigrateBuiltin(t *testing.T) {
	t.Parallel()

	dir := storagetest.DataDir(t)
	for _, want := range []string{"schema brought from version 0 to ", "nothing to do"} {
		if got := execute(t, nil, "migrate", "up", "--data-dir", dir); got.code != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("got %+v, want %q", got, want)
		}
	}
}
