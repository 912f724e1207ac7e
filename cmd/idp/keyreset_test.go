package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
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

// TestAKeyResetTellsOfEachKey as of the steps that it makes of them.
func TestAKeyResetTellsOfEachKey(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	if made := i.run("", "key", "create", "--client", "messaging-code"); made.code != 0 {
		t.Fatalf("%+v", made)
	}

	before, _ := states(t, i, "--client", "messaging-code") // one that signs, and one that nobody knows of

	if err := os.Remove(filepath.Join(i.dir, "master.key")); err != nil {
		t.Fatal(err)
	}

	if got := i.run("", "key", "reset", "--without-master-key", "--yes"); got.code != 0 {
		t.Fatalf("%+v", got)
	}

	after, _ := states(t, i, "--client", "messaging-code")
	told := map[string]storage.AuditEvent{}

	for _, event := range auditEvents(t, i) {
		told[event.Action+" "+event.Target] = event
	}

	if last := after[len(after)-1]; len(before) != 2 || slices.Contains(before, last) {
		t.Fatalf("keys %q, then %q", before, after)
	}

	for event, want := range map[string]string{
		"keys.retire " + before[0]:           `{"state": "retired", "replaced_by": "` + after[len(after)-1] + `"}`,
		"keys.delete " + before[1]:           `{"state": "deleted"}`,
		"keys.create " + after[len(after)-1]: `{"alg": "RS256", "state": "active", "client_id": "messaging-code"}`,
	} {
		if got, is := told[event]; !is || string(got.After) != want || got.ActorKind != storage.ActorCommand {
			t.Errorf("%q: %+v with %s, want %s", event, got, got.After, want)
		}
	}
}

// The audit trail says what a reset has taken from it, and that it is no fault.
func TestAuditVerifyAfterAKeyReset(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	webtest.Eventually(t, "all are sealed", func() bool { return i.run("", "audit", "export").code == 0 && i.count("audit_seals") > 0 })

	if err := os.Remove(filepath.Join(i.dir, "master.key")); err != nil {
		t.Fatal(err)
	}

	if got := i.run("", "audit", "export"); got.code != 1 {
		t.Errorf("exported without the key: %+v", got)
	}

	if got := i.run("", "key", "reset", "--without-master-key", "--yes"); got.code != 0 || !strings.Contains(got.stdout, "idp audit verify") {
		t.Errorf("%+v", got)
	}

	if got := i.run("", "audit", "verify"); got.code != 0 || !strings.Contains(got.stdout, "cannot be opened since the key reset of 2") {
		t.Errorf("%+v", got)
	}

	var report op.AuditReport

	decode(t, i.run("", "audit", "verify", "--json"), &report)

	if report.KeyReset == nil || report.Unchecked == 0 || len(report.Faults) != 0 {
		t.Errorf("%+v", report)
	}

	i.exec("update audit_seals set sealed_at = sealed_at - interval '1 day' where events = 0")

	if got := i.run("", "audit", "verify"); got.code != 1 {
		t.Errorf("the reset was changed: %+v", got)
	}
}

// count counts the rows of a table.
func (i *installation) count(table string) (rows int) {
	i.t.Helper()

	if err := i.connect().QueryRow(i.t.Context(), "select count(*) from "+table).Scan(&rows); err != nil {
		i.t.Fatal(err)
	}

	return rows
}
