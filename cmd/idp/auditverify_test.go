package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/api/client"
	"github.com/brandidp/idp/web/webtest"
)

func TestAuditList(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	i.run("", "api-key", "create", "crm", "--scope", "idp:audit:read")
	i.run("", "api-key", "revoke", "crm")

	list := func(args ...string) []client.AuditEvent {
		t.Helper()

		var events []client.AuditEvent

		decode(t, i.run("", append([]string{"audit", "list", "--json"}, args...)...), &events)

		return events
	}

	all := list()
	if len(all) != 6 || all[0].Action != "api-key revoke" || all[5].Action != "apply" || all[0].Actor != operatingSystemUser() || all[0].At.IsZero() {
		t.Fatalf("%+v", all)
	}

	for _, c := range []struct {
		args []string
		want int
	}{
		{[]string{"--action", "apply"}, 4},
		{[]string{"--target", "crm"}, 2},
		{[]string{"--target", "crm", "--action", "api-key create"}, 1},
		{[]string{"--actor", "nobody"}, 0},
		{[]string{"--actor", operatingSystemUser(), "--since", "1h"}, 6},
		{[]string{"--until", "1h"}, 0},
		{[]string{"--since", "2020-01-01", "--until", "2100-01-01T00:00:00Z"}, 6},
		{[]string{"--since", "2100-01-01"}, 0},
		{[]string{"--limit", "4"}, 4},
	} {
		if got := list(c.args...); len(got) != c.want {
			t.Errorf("%v: %d events, want %d", c.args, len(got), c.want)
		}
	}

	text := i.run("", "audit", "list", "--target", "messaging-code").stdout
	if !strings.Contains(text, "command "+operatingSystemUser()+"  apply") || !strings.Contains(text, "client_name") {
		t.Errorf("%s", text)
	}

	for _, args := range [][]string{{"--limit", "0"}, {"--since", "soon"}, {"--until", "-1h"}} {
		if got := i.run("", append([]string{"audit", "list"}, args...)...); got.code != 1 || !strings.Contains(got.stderr, args[0]+": must be") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

func TestAuditExportAndVerify(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	file := filepath.Join(i.dir, "audit.jsonl")

	if got := i.run("", "audit", "verify"); got.code != 0 || !strings.HasSuffix(got.stdout, "not sealed yet: 4\n") {
		t.Errorf("before anything is sealed: %+v", got)
	}

	// Other tests' transactions on the same server may keep events from being sealed.
	webtest.Eventually(t, "all are exported", func() bool {
		got := i.run("", "audit", "export", file)
		if got.code != 0 {
			t.Fatalf("%+v", got)
		}

		return got.stdout == "Exported 4 audit events.\n"
	})

	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")

	var event client.AuditEvent
	if err := json.Unmarshal([]byte(lines[0]), &event); err != nil || len(lines) != 5 || event.ID != 1 || event.Target != "messaging-code" {
		t.Errorf("%v, %s", err, raw)
	}

	if got := i.run("", "audit", "export", "--since", "2100-01-01"); got.stdout != lines[4]+"\n" || !strings.HasPrefix(got.stdout, `{"head":{"seal":1,"hmac":"`) {
		t.Errorf("%+v", got)
	}

	var report op.AuditReport

	decode(t, i.run("", "audit", "verify", "--json", "--head", file), &report)

	if report.Events != 4 || report.Seals != 1 || report.Head.LastEventID != 4 || len(report.Faults) != 0 {
		t.Errorf("%+v", report)
	}

	conn := i.connect()
	exec := func(sql string) {
		t.Helper()

		if _, err := conn.Exec(context.WithoutCancel(t.Context()), sql); err != nil {
			t.Fatal(err)
		}
	}

	exec("update audit_events set actor = 'nobody' where id = 2")

	if got := i.run("", "audit", "verify"); got.code != 1 || !strings.HasPrefix(got.stdout, "✗ seal 1, events after 0 up to 4: events were changed\n") ||
		!strings.Contains(got.stderr, "the audit trail is not as it was sealed") {
		t.Errorf("an event was changed: %+v", got)
	}

	exec("truncate audit_events, audit_seals")

	if got := i.run("", "audit", "verify"); got.code != 0 {
		t.Errorf("nothing is there: %+v", got)
	}

	head := i.write("head.json", lines[4])
	if got := i.run("", "audit", "verify", "--head", head); got.code != 1 || !strings.Contains(got.stdout, "the end is cut off: the head is seal 1, and the last here is 0") {
		t.Errorf("the end is cut off: %+v", got)
	}

	for name, want := range map[string]string{
		i.write("events.jsonl", lines[0]): "must be the head",
		i.write("empty", ""):              "must be the head",
		filepath.Join(i.dir, "not-there"): "no such file",
	} {
		if got := i.run("", "audit", "verify", "--head", name); got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
