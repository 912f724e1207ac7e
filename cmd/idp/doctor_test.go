package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDoctor(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	verdicts := func(code int) map[string]finding {
		t.Helper()

		r := i.run("", "doctor", "--json")
		if r.code != code {
			t.Fatalf("%+v", r)
		}

		var findings []finding

		decode(t, result{stdout: r.stdout}, &findings)

		byCheck := map[string]finding{}
		for _, f := range findings {
			byCheck[f.Check] = f
		}

		return byCheck
	}
	wants := func(got map[string]finding, check, verdict, text string) {
		t.Helper()

		if f := got[check]; f.Verdict != verdict || !strings.Contains(f.Found+f.Do, text) {
			t.Errorf("%s: %+v, want %s and %q", check, f, verdict, text)
		}
	}

	got := verdicts(0)
	wants(got, "database", verdictOK, "")
	wants(got, "schema", verdictOK, "version")
	wants(got, "master key", verdictOK, "fingerprint")
	wants(got, "signer", verdictOK, " signs with the RSA keys of the database: ")
	wants(got, "signing key", verdictOK, "has signed by RS256 for 0s")
	wants(got, "instances", verdictOK, "0 alive")

	if r := i.run("", "doctor"); r.code != 0 || !strings.Contains(r.stdout, "VERDICT") {
		t.Errorf("as text: %+v", r)
	}

	file := filepath.Join(i.dir, "master.key")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}

	wants(verdicts(0), "place of the master key", verdictWarning, "chmod 600 "+file)

	if err := os.Rename(file, file+".away"); err != nil {
		t.Fatal(err)
	}

	wants(verdicts(1), "master key", verdictFault, "bring that key back")

	if _, err := os.Stat(file); err == nil {
		t.Error("it has made a key")
	}

	i.environ = append(i.environ, "IDP_DATABASE_URL=postgres://idp@127.0.0.1:1/idp")

	got = verdicts(2)
	wants(got, "database", verdictFault, "")
	wants(got, "signer", verdictOK, " signs with the RSA keys of the database: ")
	wants(got, "place of the master key", verdictOK, file)
}

// TestDoctorMakesNothing: where there is no database yet, it says so and leaves it.
func TestDoctorMakesNothing(t *testing.T) {
	t.Parallel()

	dir := filepath.Join(t.TempDir(), "data")

	r := execute(t, []string{"IDP_DATA_DIR=" + dir}, "doctor")
	if r.code != 1 || !strings.Contains(r.stdout, "no database in "+dir+"; idp serve makes it") || !strings.Contains(r.stdout, "place of the master key") {
		t.Errorf("%+v", r)
	}

	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("it has made %s: %v", dir, err)
	}
}
