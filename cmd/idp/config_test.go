package main

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/cmd/idp/config"
)

func decode(t *testing.T, r result, into any) {
	t.Helper()

	if err := json.Unmarshal([]byte(r.stdout), into); err != nil {
		t.Fatalf("the output is not JSON: %v\n%+v", err, r)
	}
}

var secretURL = []string{"IDP_DATABASE_URL=postgres://idp:hunter2@db.example/idp"}

func TestConfigCommand(t *testing.T) {
	t.Parallel()

	got := execute(t, secretURL, "config", "--listen", ":9000")

	spaces := regexp.MustCompile(" +") // as many as the longest key needs
	for _, want := range []string{
		"\nlisten :9000 --listen\n",
		"\nissuer http://localhost:9000 ",
		"\ndatabase.url ******** IDP_DATABASE_URL\n",
		"\nbrand.name (the issuer's host) ",
	} {
		if !strings.Contains(spaces.ReplaceAllString(got.stdout, " "), want) {
			t.Errorf("lacks %q:\n%s", want, got.stdout)
		}
	}

	if got.code != 0 || strings.Contains(got.stdout+got.stderr, "hunter2") {
		t.Errorf("got %+v", got)
	}
}

func TestConfigCommandJSON(t *testing.T) {
	t.Parallel()

	var settings []config.Setting

	decode(t, execute(t, secretURL, "config", "--json"), &settings)

	found := map[string]config.Setting{}
	for _, s := range settings {
		found[s.Key] = s
	}

	if len(found) != len(config.Options) {
		t.Errorf("%d settings, want %d", len(found), len(config.Options))
	}

	want := config.Setting{Key: "database.url", Value: "********", Source: "IDP_DATABASE_URL"}
	if diff := cmp.Diff(want, found["database.url"]); diff != "" {
		t.Errorf("database.url (-want +got):\n%s", diff)
	}
}

func TestConfigWarnsOfUnknownVariables(t *testing.T) {
	t.Parallel()

	got := execute(t, []string{"IDP_ISUER=x"}, "config", "--log-format", "json")
	if got.code != 0 || !strings.Contains(got.stderr, `"msg":"the variable IDP_ISUER is no option; the nearest is IDP_ISSUER"`) {
		t.Errorf("got %+v", got)
	}
}

func TestConfigReference(t *testing.T) {
	t.Parallel()

	if got := execute(t, nil, "config", "reference"); got.code != 0 || !strings.HasPrefix(got.stdout, "# Configuration\n") {
		t.Errorf("got %+v", got)
	}
}
