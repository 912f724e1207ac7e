package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// exec changes the database behind the program's back.
func (i *installation) exec(sql string) {
	i.t.Helper()

	if _, err := i.connect().Exec(context.WithoutCancel(i.t.Context()), sql); err != nil {
		i.t.Fatal(err)
	}
}

// A reset that is refused leaves no master key behind: it would open nothing, and the
// next start would complain of it instead of that there is none.
func TestARefusedKeyResetMakesNoMasterKey(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	file := filepath.Join(i.dir, "master.key")

	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}

	i.exec("insert into instances (id, counter, version, expires_at) values (gen_random_uuid(), 0, '1', idp_now() + interval '1 hour')")

	if got := i.run("", "key", "reset", "--without-master-key", "--yes"); got.code != 1 || !strings.Contains(got.stderr, "one that was killed counts for up to 75 seconds") {
		t.Errorf("an instance runs: %+v", got)
	}

	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is refused has made a key: %v", err)
	}

	if got := i.run("", "webhook", "secret"); got.code != 1 || !strings.Contains(got.stderr, "idp key reset") {
		t.Errorf("without a key: %+v", got)
	}

	i.exec("delete from instances")

	if got := i.run("", "key", "reset", "--without-master-key", "--yes"); got.code != 0 {
		t.Errorf("no instance runs: %+v", got)
	}

	if got := i.run("", "webhook", "secret"); got.code != 0 {
		t.Errorf("with the new key: %+v", got)
	}
}
