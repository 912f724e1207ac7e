package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
	"github.com/brandidp/idp/web/webtest"
)

const (
	trialPassword = "correct horse battery staple"
	trialSecret   = "a-secret-of-more-than-32-characters-abc"
	trialOrigin   = "https://www.brand.example"
)

const trialConsumers = `
consumers:
  - sub: 0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10
    username: amelia
    password: ` + trialPassword + `
    claims: {given_name: Amelia, family_name: Pond, email: amelia@brand.example, email_verified: true, phone_number: "+441632960000", phone_number_verified: true}
    personal_info: {firstname: Amelia, lastname: Pond, language: en-GB}
    customer_info: {ctype: vip, customerId: 138766AC, balance: -400.99, imei: "490154203237518"}
  - {username: rory, password: ` + trialPassword + `, disabled: true}
  - {username: river}
`

// connector is a brand file with one connector, messaging: fields in YAML's flow
// style, besides those that every one has.
func connectorFile(cloud, fields string) string {
	if fields != "" {
		fields = ", " + fields
	}

	return `clients: [{client_id: messaging, client_name: Messaging, conversational_cloud: {` + cloud + `}` + fields + `}]` + trialConsumers
}

const (
	windowAlone  = `redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]`
	bothWindows  = `redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, "https://liveperson.net"], web_origins: ["` + trialOrigin + `"]`
	withSecret   = `client_secret: ` + trialSecret
	implicitOnly = `response_types: [id_token]`
	rfc          = `variant: rfc, account_id: "87654321"`
)

// trying is a provider that is up, and commands beside it.
type trying struct {
	*installation

	provider *webtest.Provider
}

func newTrying(t *testing.T, brandFile string) *trying {
	t.Helper()

	p := webtest.Start(t, nil, brandFile)

	return &trying{provider: p, installation: &installation{
		t: t, dir: t.TempDir(), environ: []string{"IDP_DATABASE_URL=" + p.DatabaseURL, "IDP_ISSUER=" + p.Issuer},
	}}
}

// try runs idp connector test for Amelia and makes sure that nothing secret is
// told.
func (y *trying) try(args ...string) result {
	y.t.Helper()

	got := y.run(trialPassword+"\n"+trialSecret+"\n", append([]string{"connector", "test", "messaging", "--consumer", "amelia"}, args...)...)
	y.tellsNothing(got)

	return got
}

func (y *trying) tellsNothing(got result) {
	y.t.Helper()

	for _, secret := range []string{trialPassword, trialSecret, "eyJ", "138766AC", "Amelia", "amelia@brand.example", "0b6c2c8e"} {
		if strings.Contains(got.stdout+got.stderr, secret) {
			y.t.Errorf("it tells %q:\n%s%s", secret, got.stdout, got.stderr)
		}
	}
}

// passes runs it as JSON, where every step has to pass, and gives the names of the
// steps with their outcomes.
func (y *trying) passes(args ...string) *trial.Report {
	y.t.Helper()

	got := y.try(append(args, "--json")...)

	var report trial.Report
	if err := json.Unmarshal([]byte(got.stdout), &report); err != nil {
		y.t.Fatalf("%v: %+v", err, got)
	}

	if got.code != 0 || !report.Passed {
		y.t.Errorf("exit code %d, %s%s", got.code, got.stderr, got.stdout)
	}

	return &report
}

// names are those of the steps, with what is not passed marked.
func names(report *trial.Report) string {
	var all []string

	for _, step := range report.Steps {
		name := step.Name
		if step.Outcome != standin.Passed {
			name += ":" + string(step.Outcome)
		}

		all = append(all, name)
	}

	return strings.Join(all, " ")
}

// Each way that the client's settings allow is tried, and passes.
func TestConnectorTest(t *testing.T) {
	t.Parallel()

	const code = "answer code token "

	for name, test := range map[string]struct{ file, want string }{
		"implicit": {
			connectorFile(rfc, bothWindows+", "+implicitOnly),
			"authorize sign-in answer token token-source token stranger",
		},
		"code": {
			connectorFile(rfc, bothWindows+", "+withSecret),
			"authorize sign-in " + code + "authorize " + code + "token-source code token token-source code token stranger",
		},
		"code with PKCE demanded": {
			connectorFile(rfc, bothWindows+", require_pkce: true, "+withSecret),
			"authorize sign-in " + code + "token-source code token stranger",
		},
		"code and implicit, delegation": {
			connectorFile(rfc, windowAlone+", response_types: [code, id_token], grant_types: [authorization_code, implicit, refresh_token], "+withSecret),
			"authorize sign-in " + code + "authorize " + code + "authorize answer token token-source:left-out refresh",
		},
		"consent, no account, form_post": {
			connectorFile("variant: rfc, response_placement: form_post", windowAlone+", consent: required, "+implicitOnly),
			"authorize sign-in consent answer token token-source:left-out",
		},
		"legacy implicit": {
			connectorFile("variant: legacy, account_id: \"87654321\"", bothWindows+", "+implicitOnly),
			"authorize sign-in answer token token-source token stranger",
		},
		"legacy implicit in the query": {
			connectorFile("variant: legacy, response_placement: query, token_parameter: code", windowAlone+", "+implicitOnly),
			"authorize sign-in answer token token-source:left-out",
		},
		"legacy code": {
			connectorFile("variant: legacy", bothWindows+", "+withSecret),
			"authorize sign-in " + code + "token-source code token stranger",
		},
		"settings of ID tokens": {
			connectorFile(rfc+`, audience: ["acc:87654321"], acr: none, phone_number: imei, iat_backdating: 60s`, windowAlone+", "+implicitOnly),
			"authorize sign-in answer token token-source:left-out",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			y := newTrying(t, test.file)
			if got, want := names(y.passes()), "discovery "+test.want+" sign-out"; got != want {
				t.Errorf("steps:\n%s, want\n%s", got, want)
			}

			if sessions := webtest.Query[int](y.provider, "select count(*) from sessions"); sessions != 0 {
				t.Errorf("%d sessions are left", sessions)
			}
		})
	}
}

func TestConnectorTestInWords(t *testing.T) {
	t.Parallel()

	y := newTrying(t, connectorFile(rfc, bothWindows+", "+withSecret))

	got := y.try()
	for _, want := range []string{
		" 1 ✓ The provider answers (5.2)\n", " 3 ✓ External window, code flow: the consumer signs in\n", "password: hidden\n",
		"         ?code: 43 characters\n", "Authorization: Basic, hidden\n", "access_token: 43 characters\n", "→ 403\n",
		"✓ Personal and Customer Info: ", "✓ Issuer: iss is exactly the connector's: " + y.provider.Issuer + " (1.2)\n",
		"\nNone of 18 steps failed: Conversational Cloud can use this connector.\n",
	} {
		if got.code != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("want %q in\n%s%s", want, got.stdout, got.stderr)
		}
	}

	claims := y.run(trialPassword+"\n"+trialSecret+"\n", "connector", "test", "messaging", "--consumer", "amelia", "--claims")
	if claims.code != 0 || !strings.Contains(claims.stdout, `"given_name": "Amelia"`) || strings.Contains(claims.stdout, "eyJ") {
		t.Errorf("with its claims: %+v", claims)
	}
}

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
		"no web_origins": {
			file: connectorFile(rfc, windowAlone+", "+withSecret),
			want: []string{" – Embedded window (2.4)\n     left out: web_origins of the client is empty", "what to do: add the origin"},
		},
		"consent and an embedded window": {
			file: connectorFile(rfc, bothWindows+", consent: required, "+implicitOnly), code: 1,
			want: []string{"✗ Embedded window, implicit flow", "consent_required", "what to do: consent: required asks every time"},
		},
		"no ID token": {
			file: connectorFile(rfc, windowAlone+`, response_types: ["id_token token"]`), code: 1,
			want: []string{" 3 ✗ ", "unauthorized_client", "what to do: add what the window asks for, id_token or code, to response_types"},
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
