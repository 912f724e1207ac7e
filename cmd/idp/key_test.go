package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson/inspect"
)

//contract:1.6-one-line
func TestKeyExport(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	pem := i.run("", "key", "export", "--client", "messaging-code")
	line := i.run("", "key", "export", "--client", "messaging-code", "--format", "one-line")
	jwks := i.run("", "key", "export", "--client", "messaging-code", "--format", "jwks")

	if !strings.HasPrefix(pem.stdout, "-----BEGIN PUBLIC KEY-----\n") || !strings.HasSuffix(pem.stdout, "-----END PUBLIC KEY-----\n") {
		t.Errorf("pem: %+v", pem)
	}

	if strings.Join(strings.Split(strings.TrimSpace(pem.stdout), "\n")[1:8], "") != strings.TrimSpace(line.stdout) {
		t.Errorf("one line: %+v", line)
	}

	var settings connectorSettings

	decode(t, i.run("", "connector", "settings", "messaging-code", "--json"), &settings)

	if settings.Fields[9].Value+"\n" != line.stdout {
		t.Errorf("the form has another key: %+v", settings.Fields[9])
	}

	var document struct {
		Keys []map[string]string `json:"keys"`
	}

	decode(t, jwks, &document)

	if len(document.Keys) != 1 || document.Keys[0]["d"] != "" {
		t.Errorf("jwks: %+v", jwks)
	}

	for _, form := range []result{pem, line, jwks} {
		if _, err := inspect.ParseKeys([]byte(form.stdout)); err != nil || form.code != 0 {
			t.Errorf("%v: %+v", err, form)
		}
	}
}

func TestKeyExportRefuses(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	for args, want := range map[string]string{
		"--format der":    "--format: must be one of pem, one-line, jwks",
		"--client nobody": `client "nobody": not found`,
		"--client site":   "no active signing key; idp serve makes the provider's at its first start",
		"messaging-code":  "takes flags alone",
	} {
		if got := i.run("", append([]string{"key", "export"}, strings.Fields(args)...)...); got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}

func TestKeyList(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	var all, own, provider []keys.Status

	decode(t, i.run("", "key", "list", "--json"), &all)
	decode(t, i.run("", "key", "list", "--client", "messaging-code", "--json"), &own)
	decode(t, i.run("", "key", "list", "--client", "site", "--json"), &provider)

	if len(all) != 1 || len(own) != 1 || provider == nil || len(provider) != 0 || own[0].Kid != all[0].Kid {
		t.Fatalf("all %v, own %v, provider's %v", all, own, provider)
	}

	if key := own[0]; !cmp.Equal(key.MayBePasted, []string{"messaging-code"}) || key.Since.IsZero() || key.TokensUntil.IsZero() || len(key.Next) != 1 {
		t.Errorf("key: %+v", key)
	}

	if key := own[0]; key.ClientID != "messaging-code" || key.Alg != "RS256" || key.State != "active" || key.CreatedAt.IsZero() {
		t.Errorf("key: %+v", key)
	}

	if text := i.run("", "key", "list"); text.code != 0 || !strings.Contains(text.stdout, own[0].Kid+"  RS256      active  20") ||
		!strings.Contains(text.stdout, "Z  messaging-code  messaging-code  20") || !strings.Contains(text.stdout, "retire (breaks messaging-code)") {
		t.Errorf("list: %+v", text)
	}

	if got := i.run("", "key", "list", "--client", "nobody"); got.code != 1 {
		t.Errorf("an unknown client: %+v", got)
	}
}
