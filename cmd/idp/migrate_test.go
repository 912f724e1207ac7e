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

// TestReadingMakesNoSchema runs on an empty database what has nothing to make
// there, and then on one that is behind.
func TestReadingMakesNoSchema(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	url := strings.TrimPrefix(i.environ[0], "IDP_DATABASE_URL=")

	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // the test is over

	refused := func(version string, commands ...string) {
		t.Helper()

		for _, command := range commands {
			got := i.run(brandYAML, strings.Fields(command)...)
			if got.code != 1 || !strings.Contains(got.stderr, "the schema is version "+version+" of ") ||
				!strings.Contains(got.stderr, ": run idp migrate up, or start idp serve") {
				t.Errorf("idp %s at version %s: %+v", command, version, got)
			}
		}
	}

	reading := []string{
		"client list", "client show messaging", "consumer list", "consumer show amelia", "consumer set-password amelia", "consumer sign-out amelia", "key list", "key export",
		"connector settings messaging", "token preview --client messaging --consumer amelia", "apply -f - --dry-run",
	}
	refused("0", reading...)

	if got := i.run("", "migrate", "status"); got.code != 0 {
		t.Errorf("migrate status: %+v", got)
	}

	var tables int
	if err := conn.QueryRow(t.Context(), "select count(*) from pg_tables where schemaname = 'public'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables were made, %v", tables, err)
	}

	if got := i.run(brandYAML, "apply", "-f", "-"); got.code != 0 {
		t.Fatalf("apply: %+v", got)
	}

	if _, err := conn.Exec(t.Context(), "update schema_version set version = 1"); err != nil {
		t.Fatal(err)
	}

	refused("1", append(reading, "apply -f -")...)
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
