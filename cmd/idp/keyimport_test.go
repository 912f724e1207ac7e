package main

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/keys"
)

// brandKey is the key that a brand has had elsewhere: its folder with key.pem, the same
// encrypted in sealed.pem, and the line that Conversational Cloud holds.
func brandKey(t *testing.T) (dir, line string) {
	t.Helper()

	dir = t.TempDir()
	openssl := func(args string) []byte {
		t.Helper()

		cmd := exec.CommandContext(t.Context(), "openssl", strings.Fields(args)...)
		cmd.Dir = dir

		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("openssl %s: %v", args, err)
		}

		return out
	}

	openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem")
	openssl("pkcs8 -topk8 -in key.pem -passout pass:horse -out sealed.pem")

	return dir, base64.StdEncoding.EncodeToString(openssl("pkey -in key.pem -pubout -outform DER"))
}

// TestBrandMovesWithItsKey: Conversational Cloud holds the brand's public key, and does
// so afterwards.
func TestBrandMovesWithItsKey(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	dir, line := brandKey(t)
	file := filepath.Join(dir, "key.pem")

	moved := i.run("", "key", "import", "--client", "messaging-code", "--kid", "brand-2024", "--activate", file)
	if moved.code != 0 || !strings.Contains(moved.stdout, "Brought in the RS256 key brand-2024.") || !strings.Contains(moved.stdout, "Key brand-2024 signs from now on.") ||
		!strings.Contains(moved.stdout, "The way back: idp connector rotate messaging-code --back\n") {
		t.Fatalf("%+v", moved)
	}

	if pasted := i.run("", "key", "export", "--client", "messaging-code", "--format", "one-line"); pasted.stdout != line+"\n" {
		t.Errorf("another key is pasted: %+v", pasted)
	}

	kids, all := states(t, i, "--client", "messaging-code")
	if !cmp.Equal(all, []string{"retired", "active"}) || kids[1] != "brand-2024" {
		t.Errorf("keys %v %v", kids, all)
	}

	var got []string

	for _, event := range auditEvents(t, i) {
		if event.TargetKind == "key" && event.Target == "brand-2024" {
			got = append(got, event.ActorKind+" "+event.Action)
		}
	}

	if want := []string{"command keys.import", "command keys.publish", "command keys.activate"}; !cmp.Equal(got, want) {
		t.Errorf("events %v", got)
	}

	// Whoever reads key sets has to hear of it first.
	if other := i.run("", "key", "import", "--activate", file); other.code != 1 || !strings.Contains(other.stderr, "it is here already, as brand-2024, which is active") {
		t.Errorf("the same key again: %+v", other)
	}

	secret, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}

	if body := strings.Split(string(secret), "\n")[3]; strings.Contains(moved.stdout+moved.stderr, body) {
		t.Error("the private key is printed")
	}
}

func TestKeyImportOfTheProvider(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	dir, _ := brandKey(t)

	brought := i.run("horse\n", "key", "import", "--json", filepath.Join(dir, "sealed.pem"))

	var key keys.Status

	decode(t, brought, &key)

	if key.State != keys.Created || key.ClientID != "" || key.Alg != "RS256" || len(key.Kid) != 43 {
		t.Errorf("%+v", key)
	}

	want := result{stdout: "Key " + key.Kid + " is deleted.\n"}
	if deleted := i.run("", "key", "delete", "--", key.Kid); deleted != want {
		t.Errorf("%+v", deleted)
	}

	// A key that is gone, perhaps since it leaked, does not come back.
	if again := i.run("", "key", "import", filepath.Join(dir, "key.pem")); again.code != 1 || !strings.Contains(again.stderr, "which is deleted") {
		t.Errorf("%+v", again)
	}
}

func TestKeyImportRefuses(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	dir, _ := brandKey(t)
	file, sealed, password := filepath.Join(dir, "key.pem"), filepath.Join(dir, "sealed.pem"), filepath.Join(dir, "pw")

	if err := os.WriteFile(password, []byte("mule\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	own, _ := states(t, i, "--client", "messaging-code")

	for args, want := range map[string]string{
		"":                             "takes one argument, the file of a private key",
		"nowhere.pem":                  "no such file",
		"--client nobody " + file:      `client "nobody": not found; idp client list shows all`,
		"--client site " + file:        "are signed by the provider's keys",
		"--alg ES256 " + file:          "must be a key for ES256",
		"--alg HS256 " + file:          "--alg: must be one of RS256, ",
		"--kid " + own[0] + " " + file: "another key has the kid",
		sealed:                         "the password of the key is missing",
		"--password-file " + password + " " + sealed: "does not open with this password",
	} {
		if got := i.run("", append([]string{"key", "import"}, strings.Fields(args)...)...); got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}

	// Which has brought it in all the same, as it says.
	if got := i.run("", "key", "import", "--activate", file); got.code != 1 ||
		!strings.Contains(got.stderr, "was brought in, but does not sign") || !strings.Contains(got.stderr, "would break site (it may keep the key set for 5m0s") {
		t.Errorf("%+v", got)
	}

	// That which was brought in.
	brought, _ := states(t, i, "--client", "site")
	i.run("", "key", "revoke", "--compromised", "--", brought[0])

	if got := i.run("", "key", "import", file); got.code != 1 || !strings.Contains(got.stderr, "it was here, as "+brought[0]+", was revoked, and never comes back") {
		t.Errorf("%+v", got)
	}

	if list := i.run("", "key", "list", "--all", "--client", "site"); !strings.Contains(list.stdout, "  revoked  20") {
		t.Errorf("%+v", list)
	}

	if bare, _ := os.ReadFile(file); i.run(string(bare), "key", "import", "-", "--kid", "a b").code != 1 {
		t.Error("a kid with a blank")
	}
}
