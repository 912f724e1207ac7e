package main

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// TestDoctorLooksAtInstances that have another master key, or do not read the changes.
func TestDoctorLooksAtInstances(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	url := strings.TrimPrefix(i.environ[0], "IDP_DATABASE_URL=")

	store, err := storage.Open(t.Context(), storage.Options{URL: url, MaxConnections: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()

	key, err := seal.MasterKeyFile(filepath.Join(i.dir, "master.key")).Load()
	if err != nil {
		t.Fatal(err)
	}

	join := func(id byte, fingerprint []byte) {
		t.Helper()

		if err := store.JoinInstance(t.Context(), storage.Instance{ID: [16]byte{id}, MasterKeyFingerprint: fingerprint}, time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	finds := func(code int, text string) {
		t.Helper()

		if r := i.run("", "doctor"); r.code != code || !strings.Contains(r.stdout, text) {
			t.Errorf("want %d and %q: %+v", code, text, r)
		}
	}

	join(1, key.Fingerprint())
	join(2, nil) // of an earlier release
	finds(0, "2 alive, all know the latest change")
	join(3, nil)

	if _, err := i.connect().Exec(t.Context(), "update instances set master_key_fingerprint = 'another' where id = '03000000-0000-0000-0000-000000000000'"); err != nil {
		t.Fatal(err)
	}

	finds(1, "1 of 3 alive were started with another master key (03000000-0000-0000-0000-000000000000, started at ")

	if _, err := i.connect().Exec(t.Context(), "update changes set counter = counter + 1"); err != nil {
		t.Fatal(err)
	}

	join(1, nil)
	join(3, nil)
	finds(1, "1 of 3 alive do not know the latest change (02000000-")
}
