package main

import (
	"strings"
	"testing"
)

func TestAPIKeys(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	made := i.run("", "api-key", "create", "crm", "--scope", "idp:consumers:read")
	if key := strings.TrimSpace(made.stdout); made.code != 0 || !strings.HasPrefix(key, "idp_k_") || len(key) != len("idp_k_")+43 {
		t.Fatalf("%+v", made)
	}

	for _, c := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"create", "crm", "--scope", "idp:consumers:read"}, "there is a key of this name"},
		{[]string{"create", "a b", "--scope", "idp:consumers:read"}, "the name must be"},
		{[]string{"create", "other"}, "--scope: is needed"},
		{[]string{"create", "other", "--scope", "idp:all"}, `there is no "idp:all"`},
		{[]string{"create", "other", "--scope", "idp:logins", "--network", "10.0.0.1/8"}, "--network: must be"},
		{[]string{"create", "other", "--scope", "idp:logins", "--expires", "-1h"}, "--expires: must be"},
		{[]string{"create", "other", "--scope", "idp:logins", "--expires", "soon"}, "--expires: must be"},
		{[]string{"create", "other", "--scope", "idp:logins", "--client", "nobody"}, "--client: there is no client"},
		{[]string{"revoke", "other"}, "there is no live key"},
	} {
		if got := i.run("", append([]string{"api-key"}, c.arguments...)...); got.code != 1 || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%v: %+v", c.arguments, got)
		}
	}

	if got := i.run("", "api-key", "create", "page", "--scope", "idp:engagements:write", "--client", "site", "--network", "10.0.0.0/8",
		"--network", "::1", "--expires", "90d"); got.code != 0 {
		t.Fatalf("%+v", got)
	}

	if got := i.run("", "__complete", "api-key", "revoke", ""); !strings.HasPrefix(got.stdout, "crm\npage\n:4\n") {
		t.Errorf("completions: %+v", got)
	}

	if got := i.run("", "api-key", "revoke", "crm"); got.code != 0 {
		t.Fatalf("%+v", got)
	}

	if got := i.run("", "__complete", "api-key", "revoke", ""); !strings.HasPrefix(got.stdout, "page\n:4\n") {
		t.Errorf("completions: %+v", got)
	}

	var keys []apiKeyView

	decode(t, i.run("", "api-key", "list", "--json"), &keys)

	if len(keys) != 2 || keys[0].Name != "crm" || keys[0].RevokedAt == nil || keys[1].Client != "site" || keys[1].ExpiresAt == nil ||
		strings.Join(keys[1].Networks, " ") != "10.0.0.0/8 ::1/128" {
		t.Errorf("%+v", keys)
	}

	if list := i.run("", "api-key", "list"); !strings.Contains(list.stdout, "revoked 20") || strings.Contains(list.stdout, strings.TrimSpace(made.stdout)) {
		t.Errorf("%s", list.stdout)
	}
}
