package main

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// states are those of the keys of a client, the oldest first.
func states(t *testing.T, i *installation, args ...string) (kids, states []string) {
	t.Helper()

	var listed []keys.Status

	decode(t, i.run("", append([]string{"key", "list", "--json"}, args...)...), &listed)

	for _, key := range listed {
		kids, states = append(kids, key.Kid), append(states, key.State)
	}

	return kids, states
}

// TestKeyOfAConnectorIsReplacedByHand goes through the life of a key by commands.
func TestKeyOfAConnectorIsReplacedByHand(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	want := func(r result, code int, text string) {
		t.Helper()

		if r.code != code || !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("want %d and %q: %+v", code, text, r)
		}
	}
	step := func(name, kid string, flags ...string) result {
		return i.run("", append(append([]string{"key", name}, flags...), "--", kid)...)
	}
	wantStates := func(wanted ...string) {
		t.Helper()

		if _, got := states(t, i, "--client", "messaging-code", "--all"); !cmp.Equal(got, wanted) {
			t.Errorf("states %v, want %v", got, wanted)
		}
	}

	made := i.run("", "key", "create", "--client", "messaging-code")
	want(made, 0, "Next: idp key publish")

	kids, _ := states(t, i, "--client", "messaging-code")
	old, next := kids[0], kids[1]

	wantStates("active", "created")
	want(step("activate", next), 1, "it is not published yet")
	want(step("publish", next[:8]), 0, "is published")
	wantStates("active", "published")

	// Nobody knows whether the connector reads the key set.
	refused := step("activate", next)
	want(refused, 1, "would break messaging-code (it may hold another key, pasted")

	command := regexp.MustCompile(`; idp (key activate .*) does it all the same`).FindStringSubmatch(refused.stderr)
	if command == nil {
		t.Fatalf("no command: %s", refused.stderr)
	}

	forced := i.run("", strings.Fields(command[1])...)
	want(forced, 0, "Warning: this breaks messaging-code")
	want(forced, 0, "The way back: idp connector rotate messaging-code --back\n")
	wantStates("retired", "active")

	// The key to go back to is no older one: its step has to be forced.
	again := step("activate", old, "--force")
	want(again, 0, "signs from now on")
	want(again, 0, "The way back: "+stepCommand(keys.Activate, next, " --force")+"\n")
	wantStates("active", "retired")
	want(step("retire", next), 1, "it is retired already")
	want(step("delete", next), 1, "and the key stays for keys.retain, 24h0m0s, and 1m0s after that, until 20")
	want(step("delete", old), 1, "it signs")
	want(step("delete", next, "--force"), 0, "is deleted")
	wantStates("active", "deleted")
	want(step("activate", next, "--force"), 1, "it is deleted, and its private half gone")
	want(i.run("", "key", "publish", "-dash"), 1, "what begins with - and is no flag is given behind --")
	want(step("publish", "nobody"), 1, `kid "nobody": not found; idp key list shows all`)

	if _, live := states(t, i, "--client", "messaging-code"); !cmp.Equal(live, []string{"active"}) {
		t.Errorf("a deleted key is listed: %v", live)
	}

	if document := i.run("", "key", "export", "--client", "messaging-code", "--format", "jwks"); strings.Contains(document.stdout, next) {
		t.Errorf("a deleted key is published: %s", document.stdout)
	}

	wantKeyEvents(t, i, old, next)
}

// wantKeyEvents checks what was told of the steps above.
func wantKeyEvents(t *testing.T, i *installation, old, next string) {
	t.Helper()

	var got []string

	for _, event := range auditEvents(t, i) {
		if event.TargetKind != "key" {
			continue
		}

		if event.ActorKind != "command" || event.Actor == "" {
			t.Errorf("by %s %q", event.ActorKind, event.Actor)
		}

		var state struct {
			State string `json:"state"`
		}

		if err := json.Unmarshal(event.After, &state); err != nil {
			t.Fatal(err)
		}

		got = append(got, strings.NewReplacer(old, "old", next, "next").Replace(event.Action+" "+event.Target+" "+state.State))
	}

	want := []string{
		"keys.create next created", "keys.publish next published",
		"keys.retire old retired", "keys.activate next active",
		"keys.retire next retired", "keys.activate old active", "keys.delete next deleted",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

// auditEvents are those that the installation's database has, the oldest first.
func auditEvents(t *testing.T, i *installation) []storage.AuditEvent {
	t.Helper()

	store := i.store()

	events, err := store.FindAuditEvents(t.Context(), storage.AuditFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}

	slices.Reverse(events)

	return events
}

func TestKeyOfTheProviderWaitsForItsReaders(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	i.environ = append(i.environ, "IDP_KEYS_JWKS_MAX_AGE=10m")

	if made := i.run("", "key", "create"); made.code != 0 {
		t.Fatalf("%+v", made)
	}

	kids, _ := states(t, i, "--client", "site")
	i.run("", "key", "publish", "--", kids[0])

	if got := i.run("", "key", "activate", "--", kids[0]); got.code != 1 || !strings.Contains(got.stderr, "would break site (it may keep the key set for 10m0s, until 20") {
		t.Errorf("%+v", got)
	}

	if text := i.run("", "key", "list", "--client", "site"); !strings.Contains(text.stdout, "activate from 20") || !strings.Contains(text.stdout, "Z; delete") {
		t.Errorf("%+v", text)
	}
}

func TestKeyCreateRefuses(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	for args, want := range map[string]string{
		"--client site":                       "are signed by the provider's keys",
		"--client nobody":                     `client "nobody": not found; idp client list shows all`,
		"--alg HS256":                         "--alg: must be one of RS256, ",
		"--client messaging-code --alg ES256": "which is RS256",
		"messaging-code":                      "takes flags alone",
	} {
		if got := i.run("", append([]string{"key", "create"}, strings.Fields(args)...)...); got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}

	if all, _ := states(t, i); len(all) != 1 {
		t.Errorf("keys %v", all)
	}
}
