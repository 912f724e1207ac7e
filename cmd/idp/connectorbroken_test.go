package main

import (
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// Each kind of broken set-up is named, with what to do about it.
func TestConnectorTestNamesWhatIsBroken(t *testing.T) {
	t.Parallel()

	good := connectorFile(rfc, bothWindows+", "+withSecret)

	for name, test := range map[string]struct {
		file   string
		change func(y *trying)
		typed  string // "" for the right password and secret
		args   []string
		code   int
		want   []string
	}{
		"wrong secret": {
			typed: trialPassword + "\nanother-secret-of-more-than-32-characters\n", code: 1,
			want: []string{" 5 ✗ External window, code flow: Conversational Cloud redeems the code (2.5)\n", "invalid_client", "what to do: the secret is not the client's"},
		},
		"wrong password": {
			typed: "not the password\n" + trialSecret + "\n", code: 1,
			want: []string{" 3 ✗ External window, code flow: the consumer signs in\n", "what to do: the password is wrong"},
		},
		"window not registered": {
			file: connectorFile(rfc, `redirect_uris: ["https://liveperson.net"], `+withSecret), code: 1,
			want: []string{" 2 ✗ ", "redirect_uri is not registered", "what to do: add https://lpcdn.lpsnmedia.net/le_unified_window/index.html to redirect_uris"},
		},
		"the brand's own login": {
			file: connectorFile(rfc, bothWindows+`, login_url: "https://www.brand.example/login", `+withSecret), code: 1,
			want: []string{" ✗ ", "the provider leads to the brand's own login", "what to do: this is right for a client with a login_url"},
		},
		"no web_origins": {
			file: connectorFile(rfc, windowAlone+", "+withSecret),
			want: []string{" – Embedded window (2.4)\n     left out: web_origins of the client is empty", "what to do: add the origin"},
		},
		"warnings beside a failure": {
			file: connectorFile(rfc, `redirect_uris: ["https://liveperson.net"], web_origins: ["`+trialOrigin+`"], `+implicitOnly), code: 1,
			want: []string{" 2 ✗ ", "redirect_uri is not registered", "\nWarning: redirect_uris has no address of the external window"},
		},
		"no way for a window, in a database from before": {
			file: connectorFile(rfc, windowAlone+", "+implicitOnly),
			change: func(y *trying) {
				y.provider.Exec(`update clients set metadata = jsonb_set(metadata, '{response_types}', '["code id_token"]')`)
			}, code: 1,
			want: []string{" 2 ✗ Conversation windows\n     failed: none was tried: ", "what to do: add code or id_token to response_types"},
		},
		"another database": {
			change: func(y *trying) {
				other := webtest.Start(y.t, nil, strings.Replace(good, "messaging", "other", 1))
				y.environ = append(y.environ, "IDP_ISSUER="+other.Issuer)
			}, code: 1,
			want: []string{" 2 ✗ ", "client_id names no client", "what to do: the provider that is up knows other clients"},
		},
		"provider down": {
			change: func(y *trying) { y.environ = append(y.environ, "IDP_ISSUER=http://localhost:1") }, code: 2,
			want: []string{" 1 ✗ The provider answers (5.2)\n     failed: the provider does not answer: dial tcp", "what to do: see that idp serve is up at http://localhost:1"},
		},
		"provider not at the address": {
			args: []string{"--address", "http://127.0.0.1:1"}, code: 2,
			want: []string{" 1 ✗ ", "what to do: see that idp serve is up at http://127.0.0.1:1, which --address names"},
		},
		"issuer mismatch": {
			change: func(y *trying) {
				y.environ = append(y.environ, "IDP_ISSUER="+strings.Replace(y.provider.Issuer, "localhost", "127.0.0.1", 1))
			}, code: 1,
			want: []string{" 1 ✗ ", "the provider calls itself http://localhost:", "what to do: give both the same issuer"},
		},
		"something else there": {
			change: func(y *trying) { y.environ = append(y.environ, "IDP_ISSUER="+y.provider.Issuer+"/path") }, code: 1,
			want: []string{" 1 ✗ ", "no discovery document is there, but an answer with status 404"},
		},
		"disabled":          {args: []string{"--consumer", "rory"}, code: 1, want: []string{"Error: the consumer is disabled"}},
		"no password":       {args: []string{"--consumer", "river"}, code: 1, want: []string{"Error: the consumer has no password", "set-password"}},
		"unknown consumer":  {args: []string{"--consumer", "nobody"}, code: 1, want: []string{"Error: there is no consumer"}},
		"nothing typed":     {typed: "\n", code: 1, want: []string{"Error: the password of amelia is missing"}},
		"no secret typed":   {typed: trialPassword, code: 1, want: []string{"Error: the client_secret of messaging is missing", "--client-secret-file"}},
		"no such file":      {args: []string{"--password-file", "/nowhere"}, code: 1, want: []string{"Error: --password-file: open /nowhere"}},
		"plain address":     {args: []string{"--address", "http://192.0.2.1"}, code: 1, want: []string{"Error: --address: must be https, or http on loopback"}},
		"address of a page": {args: []string{"--address", "https://id.brand.example/x"}, code: 1, want: []string{"Error: --address: must be a scheme, a host and a port"}},
		"no time":           {args: []string{"--timeout", "0s"}, code: 1, want: []string{"Error: --timeout: must be more than nothing"}},
		"too little time":   {args: []string{"--timeout", "1ns"}, code: 2, want: []string{" 1 ✗ ", "the provider does not answer in time"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if test.file == "" {
				test.file = good
			}

			y := newTrying(t, test.file)
			if test.change != nil {
				test.change(y)
			}

			if test.typed == "" {
				test.typed = trialPassword + "\n" + trialSecret + "\n"
			}

			got := y.run(test.typed, append([]string{"connector", "test", "messaging", "--consumer", "amelia"}, test.args...)...)
			y.tellsNothing(got)

			for _, want := range test.want {
				if got.code != test.code || !strings.Contains(got.stdout+got.stderr, want) {
					t.Errorf("want code %d and %q in code %d\n%s%s", test.code, want, got.code, got.stdout, got.stderr)
				}
			}

			if sessions := webtest.Query[int](y.provider, "select count(*) from sessions"); sessions != 0 {
				t.Errorf("%d sessions are left", sessions)
			}
		})
	}

	for args, want := range map[string]string{
		"nobody --consumer amelia": `client "nobody": not found`, "messaging": `required flag(s) "consumer" not set`, "--consumer amelia": "takes one argument",
	} {
		y := newTrying(t, good)
		if got := y.run("", append([]string{"connector", "test"}, strings.Fields(args)...)...); got.code != 1 || !strings.Contains(got.stderr, want) {
			t.Errorf("%s: %+v", args, got)
		}
	}
}
