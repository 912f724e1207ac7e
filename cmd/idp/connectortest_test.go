package main

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
	"github.com/brandidp/idp/web"
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
			"authorize sign-in answer token script token-source token stranger",
		},
		"code": {
			connectorFile(rfc, bothWindows+", "+withSecret),
			"authorize sign-in " + code + "authorize " + code + "script token-source code token token-source code token stranger",
		},
		"code with PKCE demanded": {
			connectorFile(rfc, bothWindows+", require_pkce: true, "+withSecret),
			"authorize sign-in " + code + "script token-source code token stranger",
		},
		"code and implicit, delegation": {
			connectorFile(rfc, windowAlone+", response_types: [code, id_token], grant_types: [authorization_code, implicit, refresh_token], "+withSecret),
			"authorize sign-in " + code + "authorize " + code + "authorize answer token token-source:left-out refresh authorize consent callback",
		},
		"consent, for both windows": {
			connectorFile(rfc, bothWindows+", consent: required, "+implicitOnly),
			"authorize sign-in consent answer token script token-source token stranger",
		},
		"consent, no account, form_post": {
			connectorFile("variant: rfc, response_placement: form_post", windowAlone+", consent: required, "+implicitOnly),
			"authorize sign-in consent answer token token-source:left-out",
		},
		"legacy implicit": {
			connectorFile("variant: legacy, account_id: \"87654321\"", bothWindows+", "+implicitOnly),
			"authorize sign-in answer token script token-source token stranger",
		},
		"legacy implicit in the query": {
			connectorFile("variant: legacy, response_placement: query, token_parameter: code", windowAlone+", "+implicitOnly),
			"authorize sign-in answer token token-source:left-out",
		},
		"legacy code": {
			connectorFile("variant: legacy", bothWindows+", "+withSecret),
			"authorize sign-in " + code + "script token-source code token stranger",
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
		"\nNone of 19 steps failed.\n\nWarning: the issuer is not https on port 443",
	} {
		if got.code != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("want %q in\n%s%s", want, got.stdout, got.stderr)
		}
	}

	claims := y.run(trialPassword+"\n"+trialSecret+"\n", "connector", "test", "messaging", "--consumer", "amelia", "--claims")
	if claims.code != 0 || !strings.Contains(claims.stdout, `"given_name": "Amelia"`) || strings.Contains(claims.stdout, "eyJ") {
		t.Errorf("with its claims: %+v", claims)
	}

	var report trial.Report

	decode(t, y.run(trialPassword+"\n"+trialSecret+"\n", "connector", "test", "messaging", "--consumer", "amelia", "--claims", "--json"), &report)

	if token := report.Steps[5]; token.Name != "token" || !strings.Contains(string(token.Claims), `"ctype": "vip"`) || report.Steps[4].Claims != nil {
		t.Errorf("with its claims, as JSON: %+v", token)
	}
}

// LivePerson alone can open an encrypted token: what is outside is checked, and
// the rest is said to be open.
func TestConnectorTestWithEncryption(t *testing.T) {
	t.Parallel()

	der, err := x509.MarshalPKIXPublicKey(tokenKey().Public())
	if err != nil {
		t.Fatal(err)
	}

	y := newTrying(t, connectorFile(rfc+`, encryption_key: {base64: "`+base64.StdEncoding.EncodeToString(der)+`", kid: lpsso}`,
		bothWindows+", response_types: [code], grant_types: [authorization_code, refresh_token], require_pkce: true, "+withSecret))

	report := y.passes()
	if got, want := names(report), "discovery authorize sign-in answer code token script token-source code token stranger refresh:left-out sign-out"; got != want {
		t.Errorf("steps:\n%s, want\n%s", got, want)
	}

	outcomes := map[string]standin.Outcome{}
	for _, check := range report.Steps[5].Checks {
		outcomes[check.Name] = check.Outcome
	}

	want := map[string]standin.Outcome{"encryption": standin.Passed, "recipient": standin.Passed, "nested": standin.LeftOut}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}

	if got := y.try(); got.code != 0 || !strings.Contains(got.stdout, "what is in it was not examined\n     what to do: idp token preview --client messaging") ||
		!strings.Contains(got.stdout, "failed; left out: 1.\n") {
		t.Errorf("in words: %+v", got)
	}
}

// Before its name leads there, the provider is reached at another address, under
// its own name.
func TestConnectorTestAtAnotherAddress(t *testing.T) {
	t.Parallel()

	const issuer = "https://id.brand.example/login"

	p := webtest.Start(t, func(opts *web.Options) { opts.Issuer = issuer }, connectorFile(rfc, bothWindows+", "+withSecret))

	var hosts sync.Map

	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		hosts.Store(r.Host, true)
		p.Server.Handler().ServeHTTP(w, r)
	}))
	t.Cleanup(plain.Close)

	y := &trying{provider: p, installation: &installation{
		t: t, dir: t.TempDir(), environ: []string{"IDP_DATABASE_URL=" + p.DatabaseURL, "IDP_ISSUER=" + issuer},
	}}

	report := y.passes("--address", plain.URL)
	if report.Issuer != issuer || report.Warnings != nil {
		t.Errorf("report: %+v", report)
	}

	hosts.Range(func(host, _ any) bool {
		if host != "id.brand.example" {
			t.Errorf("a request was for %v", host)
		}

		return true
	})
}

// Password and secret come from files, too, and a sub names the consumer as well.
func TestConnectorTestReadsFiles(t *testing.T) {
	t.Parallel()

	y := newTrying(t, connectorFile(rfc, windowAlone+", "+withSecret))
	password, secret := y.write("password", trialPassword+"\r\n"), y.write("secret", trialSecret)

	for _, consumer := range []string{"0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10", "Amelia@brand.example", "+441632960000"} {
		got := y.run("", "connector", "test", "messaging", "--consumer", consumer, "--password-file", password, "--client-secret-file", secret)
		y.tellsNothing(got)

		if got.code != 0 {
			t.Errorf("%+v", got)
		}
	}

	if got := y.run(trialSecret, "connector", "test", "messaging", "--consumer", "amelia", "--password-file", password); got.code != 0 {
		t.Errorf("the secret alone on standard input: %+v", got)
	}
}
