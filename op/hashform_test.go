package op_test

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// Whoever comes with a hash of another system signs in by it once, and has one of
// today's from then on.
func TestHashesOfOtherSystemsSignInAndAreRenewed(t *testing.T) {
	t.Parallel()
	table, err := os.ReadFile("password/testdata/hashes.tsv")
	if err != nil {
		t.Fatal(err)
	}
	// One of each form: the first four characters tell it.
	consumers, names := &strings.Builder{}, map[string]string{}
	for line := range strings.Lines(string(table)) {
		by, hash, _ := strings.Cut(strings.TrimSpace(line), "\t")
		if names[hash[:4]] == "" {
			names[hash[:4]] = fmt.Sprint("person", len(names))
			fmt.Fprintf(consumers, "  - {username: %s, password_hash: %q} # %s\n", names[hash[:4]], hash, by)
		}
	}
	p := webtest.Start(t, nil, brand, "consumers:\n"+consumers.String())
	if page := p.Browser(t).Authorize(codeRequest()).SignIn("person0", "correct horsE"); page.Status != http.StatusForbidden {
		t.Errorf("a wrong password: status %d", page.Status)
	}
	for form, name := range names {
		for range 2 {
			if page := p.Browser(t).Authorize(codeRequest()).SignIn(name, "correct horse"); page.Target() == "" {
				t.Fatalf("%s: status %d: %s", form, page.Status, page.Text("message"))
			}
			if stored := webtest.Query[string](p, "select password_hash from consumers where username = $1", name); !strings.HasPrefix(stored, "$argon2id$v=19$m=") {
				t.Fatalf("%s: the hash is %.12s…", form, stored)
			}
		}
	}
}
