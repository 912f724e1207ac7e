package main

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
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

// TestDoctorKnowsThePlaceOfTheMasterKey by whatever option it is given.
func TestDoctorKnowsThePlaceOfTheMasterKey(t *testing.T) {
	t.Parallel()

	data, elsewhere := t.TempDir(), t.TempDir()
	key := base64.StdEncoding.EncodeToString(make([]byte, 32))

	for _, dir := range []string{data, elsewhere} {
		if err := os.WriteFile(filepath.Join(dir, "key"), []byte(key), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	if err := os.Symlink(filepath.Join(data, "key"), filepath.Join(elsewhere, "link")); err != nil {
		t.Fatal(err)
	}

	yaml := filepath.Join(elsewhere, "idp.yaml")
	if err := os.WriteFile(yaml, []byte("master_key_file: "+filepath.Join(data, "key")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	for name, test := range map[string]struct {
		given, verdict, found string
	}{
		"variable":           {"IDP_MASTER_KEY=" + key, verdictOK, "the option master_key (IDP_MASTER_KEY)"},
		"command":            {"IDP_MASTER_KEY_COMMAND=echo " + key, verdictOK, "the command echo, by master_key_command (IDP_MASTER_KEY_COMMAND)"},
		"file":               {"IDP_MASTER_KEY_FILE=" + filepath.Join(elsewhere, "key"), verdictOK, filepath.Join(elsewhere, "key") + ", by master_key_file (IDP_MASTER_KEY_FILE)"},
		"file with the data": {"IDP_MASTER_KEY_FILE=" + filepath.Join(data, "key"), verdictWarning, filepath.Join(data, "key") + ", by master_key_file (IDP_MASTER_KEY_FILE): key and data lie together"},
		"link to the data":   {"IDP_MASTER_KEY_FILE=" + filepath.Join(elsewhere, "link"), verdictWarning, "key and data lie together"},
		"file by the file":   {"IDP_CONFIG=" + yaml, verdictWarning, filepath.Join(data, "key") + ", by master_key_file (" + yaml + ":1): key and data"},
		"none":               {"", verdictWarning, filepath.Join(data, "master.key") + ": key and data lie together"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			r := execute(t, []string{"IDP_DATA_DIR=" + data, test.given}, "doctor", "--json")

			var findings []finding

			decode(t, result{stdout: r.stdout}, &findings)

			if at := slices.IndexFunc(findings, func(f finding) bool { return f.Check == "place of the master key" }); at < 0 ||
				findings[at].Verdict != test.verdict || !strings.Contains(findings[at].Found, test.found) || strings.Contains(r.stdout, key) {
				t.Errorf("want %s and %q: %+v", test.verdict, test.found, r)
			}
		})
	}
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

// TestDoctorNamesTheOwnerOfADamagedKey, and nobody else's.
func TestDoctorNamesTheOwnerOfADamagedKey(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	kids, _ := states(t, i, "--client", "messaging-code")
	i.exec("update signing_keys set private_sealed = substr(private_sealed, 1, 60) where kid = '" + kids[0] + "'")

	if r := i.run("", "doctor"); r.code != 1 || strings.Count(r.stdout, " fault ") != 1 ||
		!strings.Contains(r.stdout, "of messaging-code, active: signing key "+kids[0]) || strings.Contains(r.stdout, kids[0]+" of messaging-code has signed") {
		t.Errorf("%+v", r)
	}
}
