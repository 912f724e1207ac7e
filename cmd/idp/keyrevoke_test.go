package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
)

func TestLeakedKeyIsRevoked(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	kids, _ := states(t, i, "--client", "messaging-code")

	if careful := i.run("", "key", "revoke", "--", kids[0]); careful.code != 1 || !strings.Contains(careful.stderr, "say --compromised if somebody else may have it") {
		t.Errorf("%+v", careful)
	}

	revoked := i.run("", "key", "revoke", "--compromised", "--", kids[0])
	line := lineOf(t, revoked.stdout)

	if revoked.code != 0 || !strings.Contains(revoked.stdout, "Key "+kids[0]+" is revoked") || !strings.Contains(revoked.stdout, "messaging-code: if the key was pasted") {
		t.Errorf("%+v", revoked)
	}

	if signs := i.run("", "key", "export", "--client", "messaging-code", "--format", "one-line"); signs.stdout != line+"\n" {
		t.Errorf("another line is to be pasted: %+v", signs)
	}

	if _, all := states(t, i, "--client", "messaging-code", "--all"); !cmp.Equal(all, []string{"deleted", "active"}) {
		t.Errorf("states %v", all)
	}

	if again := i.run("", "key", "revoke", "--compromised", "--", kids[0]); again.code != 1 || !strings.Contains(again.stderr, "it is deleted already") {
		t.Errorf("%+v", again)
	}

	events := auditEvents(t, i)
	if last := events[len(events)-2]; last.Action != "keys.revoke" || last.Target != kids[0] || !strings.Contains(string(last.After), `"compromised": true`) {
		t.Errorf("%+v: %s", last, last.After)
	}

	var view op.RevokedStatus

	next, _ := states(t, i, "--client", "messaging-code")
	decode(t, i.run("", "key", "revoke", "--compromised", "--json", "--", next[0]), &view)

	if view.Kid != next[0] || view.ReplacedBy == "" || len(view.Affected) != 1 || view.Affected[0].Paste == "" {
		t.Errorf("%+v", view)
	}
}

// TestLeakedKeyOfTheProviderIsReadAnew: nobody has to change anything, but to wait.
func TestLeakedKeyOfTheProviderIsReadAnew(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	i.run("", "key", "create")

	kids, _ := states(t, i, "--client", "site")
	i.run("", "key", "publish", "--", kids[0])

	got := i.run("", "key", "revoke", "--compromised", "--", kids[0])
	if got.code != 0 || !strings.Contains(got.stdout, "site: reads the key set, and may accept the leaked key until 20") || strings.Contains(got.stdout, "in its place") {
		t.Errorf("%+v", got)
	}
}
