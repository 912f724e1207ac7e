package main

import (
	"strings"
	"testing"
)

//contract:2.8-second-connector
func TestConnectorThatDelegates(t *testing.T) {
	t.Parallel()

	i := newInstallation(t)
	i.environ = append(i.environ, "IDP_ISSUER=https://id.brand.example")

	applied := i.run(`clients:
  - client_id: bots
    redirect_uris: [https://liveperson.net]
    grant_types: [authorization_code, refresh_token]
    refresh_token_lifetime: 12h
    scope: openid email
    conversational_cloud: {variant: rfc, account_id: "12345678", idp_domains: [lo.idp.liveperson.net]}
  - client_id: nowhere
    redirect_uris: [https://liveperson.net]
    grant_types: [authorization_code, refresh_token]
    conversational_cloud: {variant: rfc}
`, "apply", "-f", "-")
	if applied.code != 0 {
		t.Fatalf("%+v", applied)
	}

	const link = "https://id.brand.example/authorize?client_id=bots&redirect_uri=" +
		"https%3A%2F%2Flo.idp.liveperson.net%2Fcallback%2F12345678%2FredirectCode&response_type=code&scope=openid+email"

	for _, test := range []struct{ args, want string }{
		{"connector settings bots", "(consumer delegation):\n\n  " + link + "\n"},
		{"connector settings bots", "CONSUMER_DELEGATION"},
		{"connector settings bots --html -", `data-copy="` + strings.ReplaceAll(strings.ReplaceAll(link, "&", "&amp;"), "+", "&#43;") + `"`},
		{"client show bots", "grant_types                   authorization_code, refresh_token\n"},
		{"client show bots", "refresh_token_lifetime        12h0m0s\n"},
		{"client show bots", "https://lo.idp.liveperson.net/callback/12345678/redirectCode https://lo.idp.liveperson.net/callback/12345678/redirectedCode\n"},
		{"client show nowhere", "no callback of consumer delegation is registered"},
		{"connector settings nowhere", "no callback of consumer delegation is registered"},
	} {
		if got := i.run("", strings.Fields(test.args)...); got.code != 0 || !strings.Contains(got.stdout, test.want) {
			t.Errorf("idp %s: want %q in\n%s%s", test.args, test.want, got.stdout, got.stderr)
		}
	}

	var settings connectorSettings

	decode(t, i.run("", "connector", "settings", "bots", "--json"), &settings)

	if settings.DelegationLink != link {
		t.Errorf("settings: %+v", settings)
	}
}
