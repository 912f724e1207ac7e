package main

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestMasterKeyIsChanged takes an installation from the key that its first start has
// made to one of a command.
func TestMasterKeyIsChanged(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	next := filepath.Join(i.dir, "next.key")
	want := func(r result, code int, text string) {
		t.Helper()

		if r.code != code || !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("want %d and %q: %+v", code, text, r)
		}
	}

	want(i.run("", "key", "rewrap"), 1, "say where the next master key is, by --to-file or --to-command")
	want(i.run("", "key", "rewrap", "--finish"), 1, "is not being changed")
	want(i.run("", "key", "rewrap", "--to-command", "'"), 1, "quote")
	want(i.run("", "key", "rewrap", "--to-file", next), 0, "idp key rewrap --finish")
	want(i.run("", "data-key", "renew"), 1, "the master key is being changed")

	other := filepath.Join(i.dir, "other.key")
	want(i.run("", "key", "rewrap", "--to-file", other), 1, "the master key is being changed")

	if _, err := os.Stat(other); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what is refused has made a key: %v", err)
	}

	want(i.run("", "webhook", "secret"), 0, "whsec_")

	key, err := os.ReadFile(next)
	if err != nil {
		t.Fatal(err)
	}

	before := i.environ
	i.environ = slices.Concat(before, []string{"IDP_MASTER_KEY_COMMAND=sh -c 'cat " + next + "'"})

	want(i.run("", "webhook", "secret"), 0, "whsec_")
	want(i.run("", "key", "rewrap", "--finish"), 0, "alone")
	want(i.run("", "webhook", "secret"), 0, "whsec_")
	want(i.run("", "data-key", "reseal"), 0, "Sealed 0 values anew")

	i.environ = before

	want(i.run("", "webhook", "secret"), 1, "fingerprint")

	i.environ = slices.Concat(before, []string{"IDP_MASTER_KEY_COMMAND=sh -c 'echo the vault is shut >&2; cat " + next + "; exit 1'"})
	r := i.run("", "webhook", "secret")
	want(r, 1, "the vault is shut; try the master_key_command by hand")

	if text := strings.TrimSpace(string(key)); strings.Contains(r.stderr, text) {
		t.Error("the error tells the key")
	}

	i.environ = append(i.environ, "IDP_MASTER_KEY="+base64.StdEncoding.EncodeToString(make([]byte, 32)))

	want(i.run("", "webhook", "secret"), 1, "must be given alone")
}
