package main

import (
	"strings"
	"testing"
)

func TestDataKeys(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	var before, after []dataKeyView

	decode(t, i.run("", "data-key", "list", "--json"), &before)

	if got := i.run("", "data-key", "renew", "tickets"); got.code != 0 || !strings.HasPrefix(got.stdout, "tickets: made data key ") {
		t.Errorf("renew: %+v", got)
	}

	decode(t, i.run("", "data-key", "list", "--json"), &after)

	if len(after) != len(before)+1 {
		t.Fatalf("%d keys, %d before", len(after), len(before))
	}

	last := after[len(after)-1]
	if last.Purpose != "tickets" || last.State != "waits" || last.UsableIn < 60 || last.UsableIn > 120 {
		t.Errorf("the new key: %+v", last)
	}

	if got := i.run("", "data-key", "list"); got.code != 0 || !strings.Contains(got.stdout, "waits, seals in 1m") && !strings.Contains(got.stdout, "waits, seals in 2m") {
		t.Errorf("list: %+v", got)
	}

	if got := i.run("", "data-key", "renew"); got.code != 0 || strings.Count(got.stdout, "made data key") != 5 {
		t.Errorf("renew: %+v", got)
	}

	if got := i.run("", "data-key", "renew", "proofs"); got.code != 1 || !strings.Contains(got.stderr, `"proofs": must be one of signing_keys, tickets, devices, webhooks, audit`) {
		t.Errorf("renew proofs: %+v", got)
	}
}
