package main

import (
	"strings"
	"testing"

	"github.com/brandidp/idp/op/keys"
)

func TestKeySchedule(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	for _, step := range []struct {
		args string
		code int
		want string
	}{
		{"list", 0, "KEYS OF  ALGORITHM  EVERY  WAIT  KEEP  NEXT\n"},
		{"set --client messaging-code --every 90d", 1, `client "messaging-code": it may hold a pasted public key`},
		{"set", 1, "--every: must be a duration"},
		{"set --every 90", 1, "--every: must be a duration with its unit, such as 90d"},
		{"set --every 90d --wait 86400", 1, "--wait: must be a duration with its unit"},
		{"set --every 90d --keep 172800", 1, "--keep: must be a duration with its unit"},
		{"set --every 90d --alg HS256", 1, "--alg: must be one of RS256, "},
		{"set --every 90d --client messaging-cod", 1, `client "messaging-cod": not found; the nearest is "messaging-code"`},
		{"pause --alg HS256", 1, "--alg: must be one of RS256, "},
		{"pause --client messaging-cod", 1, `the nearest is "messaging-code"`},
		{"set --every 90d --wait 1m", 1, `wait: must be at least 6m0s, or client "site" might not know the new key`},
		{"set --every 90d --keep 1h", 1, "keep: must be at least 25h1m0s"},
		{"set --every 1d", 1, "every: must be longer than wait"},
		{"set --every 90d --client site", 1, "are signed by the provider's keys"},
		{"set --every 90d", 0, "all others  RS256      90d    1d    2d    activate: no key signs that another could take the place of\n"},
		{"set --every 30d --wait 12h", 0, "all others  RS256      30d    12h0m0s  2d"},
		{"pause", 0, "The schedule is paused.\n"},
		{"list", 0, "paused since 20"},
		{"resume", 0, "The schedule goes on.\n"},
		{"pause --client messaging-code", 1, "key schedule of messaging-code: not found; idp key schedule list shows all"},
		{"remove", 0, "The schedule is removed.\n"},
		{"remove", 1, "key schedule of the provider: not found"},
	} {
		got := i.run("", append([]string{"key", "schedule"}, strings.Fields(step.args)...)...)
		if got.code != step.code || !strings.Contains(got.stdout+got.stderr, step.want) {
			t.Errorf("%s: want %d and %q: %+v", step.args, step.code, step.want, got)
		}
	}

	// A connector that reads its key set has one.
	applied := i.run(strings.Replace(brandYAML, "variant: rfc", "variant: rfc, idp_certificate_type: jwks_endpoint", 1), "apply", "-f", "-")
	if applied.code != 0 {
		t.Fatalf("%+v", applied)
	}

	i.run("", "key", "schedule", "set", "--client", "messaging-code", "--every", "30d")

	var listed []keys.ScheduleStatus

	decode(t, i.run("", "key", "schedule", "list", "--json"), &listed)

	if len(listed) != 1 || listed[0].ClientID != "messaging-code" || listed[0].Next != "create" || listed[0].Awaits != "" || listed[0].At.IsZero() || listed[0].Every != 30*86400 {
		t.Errorf("%+v", listed)
	}
}
