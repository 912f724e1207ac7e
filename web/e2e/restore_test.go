package e2e_test

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/brandidp/idp/storage/storagetest"
)

// program of PostgreSQL's client, by its name.
func client(t *testing.T, name string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name) // the pattern is right
	if len(found) == 0 {
		t.Fatalf("%s is missing: it comes with PostgreSQL", name)
	}
	return slices.Max(found)
}

// dump is a backup of a database, as pg_dump makes it.
func dump(t *testing.T, url string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), client(t, "pg_dump"), "--no-owner", "--dbname", url).Output()
	if err != nil {
		t.Fatalf("pg_dump: %v", err)
	}
	return string(out)
}

// restore brings a backup into a new database.
func restore(t *testing.T, backup string) (url string) {
	t.Helper()
	url = storagetest.NewEmpty(t)
	cmd := exec.CommandContext(t.Context(), client(t, "psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", "--single-transaction", "--dbname", url)
	cmd.Stdin = strings.NewReader(backup)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("psql: %v\n%s", err, out)
	}
	return url
}

// TestRestoredWithoutItsMasterKey: a backup whose master key is lost says so, and with
// new keys every consumer is there as before, signed in.
func TestRestoredWithoutItsMasterKey(t *testing.T) {
	t.Parallel()
	database := storagetest.New(t)
	s := serveAt(t, t.TempDir(), append([]string{"--database-url", database}, cheapHashing...)...)
	s.Apply(clients + crowd(2))
	request := params("client_id", "basic", "response_type", "code", "scope", "openid", "redirect_uri", callback)
	signedIn := member(s.Issuer, 0)
	if _, err := signedIn.Return(t.Context(), request); err != nil {
		t.Fatal(err)
	}
	before := keyIDs(t, s.Issuer)
	s.Stop()

	restored := &idp{
		Issuer: s.Issuer, tb: t,
		Args: append([]string{"--listen", s.Args[1], "--data-dir", t.TempDir(), "--database-url", restore(t, dump(t, database))}, cheapHashing...),
	}
	refuses(t, "idp key reset --without-master-key", append([]string{"serve"}, restored.Args...)...)
	for _, test := range []struct {
		stdin, sentence string
		flags           []string
	}{
		{"", "has to be given", nil},
		{"https://another.example\n", "that is not the issuer", []string{"--without-master-key"}},
	} {
		if out, err := restored.Run(test.stdin, append([]string{"key", "reset"}, test.flags...)...); err == nil || !strings.Contains(out, test.sentence) {
			t.Errorf("%v: %v\n%s", test.flags, err, out)
		}
	}
	out, err := restored.Run(s.Issuer+"\n", "key", "reset", "--without-master-key")
	if err != nil || !strings.Contains(out, "idp key export --client messaging --format one-line") {
		t.Fatalf("%v\n%s", err, out)
	}
	if out, err := restored.Run("", "key", "reset", "--without-master-key", "--yes"); err == nil || !strings.Contains(out, "is there") {
		t.Errorf("a second time: %v\n%s", err, out)
	}
	restored.Start()
	if after := keyIDs(t, s.Issuer); len(after) != 2*len(before) || !slices.Contains(after, before[0]) {
		t.Errorf("keys %v, before %v", after, before)
	}
	page, err := signedIn.Authorize(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if err := redeemAndCheck(t.Context(), s.Issuer, page, subOf(0)); err != nil {
		t.Errorf("who was signed in: %v", err)
	}
	person := member(s.Issuer, 1)
	if page, err = person.Authorize(t.Context(), request); err == nil {
		page, err = person.SignIn(t.Context(), page)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := redeemAndCheck(t.Context(), s.Issuer, page, subOf(1)); err != nil {
		t.Errorf("who signs in: %v", err)
	}
	if out, err := restored.Run("", "doctor"); err != nil {
		t.Errorf("idp doctor: %v\n%s", err, out)
	}
}
