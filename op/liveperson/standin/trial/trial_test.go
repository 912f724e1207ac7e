package trial_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
	"github.com/brandidp/idp/web/webtest"
)

const (
	window   = "https://lpcdn.lpsnmedia.net/le_unified_window/index.html"
	origin   = "https://www.brand.example"
	password = "correct horse battery staple"
	subject  = "0b6c3d52-8f7e-4d6b-9a7c-3f1e2d4c5b6a"
)

const brand = `
clients:
  - client_id: messaging
    redirect_uris: [` + window + `]
    response_types: [id_token]
    web_origins: [` + origin + `]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
consumers:
  - {sub: ` + subject + `, username: amelia, password: ` + password + `}
`

// options are for the connector of brand at an issuer.
func options(issuer string) trial.Options {
	settings := &liveperson.ConversationalCloud{Variant: liveperson.VariantRFC, AccountID: "12345678"}
	settings.SetDefaults()
	return trial.Options{
		Registration: &liveperson.Registration{
			Settings: settings, ClientID: "messaging", ImplicitFlow: true, RedirectURIs: []string{window}, WebOrigins: []string{origin},
			Issuer: issuer, AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token", JWKSEndpoint: issuer + "/jwks/messaging.json",
			PageScript: issuer + "/token-source.js?client_id=messaging",
		},
		Username: "amelia", Password: password, Subject: subject, Rand: rand.Reader,
	}
}

// Whoever interrupts a trial leaves no session behind, at whichever step.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	for _, last := range []string{"discovery", "authorize", "sign-in", "answer", "token", "script", "token-source", "stranger"} {
		t.Run(last, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			opts := options(p.Issuer)
			opts.Now = p.Now
			opts.Done = func(s trial.Step) {
				if s.Name == last {
					cancel()
				}
				if s.Outcome != standin.Passed {
					t.Errorf("%+v", s)
				}
			}
			if _, err := trial.Run(ctx, opts); !errors.Is(err, context.Canceled) {
				t.Errorf("err: %v", err)
			}
			if sessions := webtest.Query[int](p, "select count(*) from sessions"); sessions != 0 {
				t.Errorf("%d sessions are left", sessions)
			}
		})
	}
}

// A browser that is somebody else, and a provider that says other things than
// this one, are found out.
func TestFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	for name, test := range map[string]struct {
		change func(*trial.Options)
		// between changes what the provider answers, as a proxy might.
		between             func(w http.ResponseWriter, r *http.Request) bool
		step, found, advice string
	}{
		"somebody else": {
			change: func(o *trial.Options) { o.Subject = "another" },
			step:   "token", found: "sub is not the one that the page's identity function named", advice: "somebody else than --consumer names",
		},
		"another key": {
			change: func(o *trial.Options) { o.Registration.PublicKey = "bm8ga2V5" },
			step:   "token", found: "Signature, pasted key: ", advice: "other keys than this command's database",
		},
		"no keys": {
			change: func(o *trial.Options) { o.Registration.JWKSEndpoint = o.Registration.Issuer + "/jwks/other.json" },
			step:   "token", found: "the JWKS endpoint answers with status 404", advice: "other keys than this command's database",
		},
		"keys elsewhere": {
			change: func(o *trial.Options) { o.Registration.JWKSEndpoint = "https://elsewhere.example/jwks.json" },
			step:   "token", found: "elsewhere.example is not the provider's: nothing is sent there", advice: "other keys",
		},
		"other endpoints": {
			change: func(o *trial.Options) { o.Registration.TokenEndpoint += "s" },
			step:   "discovery", found: "its endpoints are not those of the connector's form", advice: "of another release",
		},
		"no codes": {
			change: func(o *trial.Options) { o.Registration.CodeFlow, o.ClientSecret = true, "x" },
			step:   "answer", found: "unauthorized_client", advice: "add what the window asks for, id_token or code, to response_types",
		},
		"no window": {
			change: func(o *trial.Options) { o.Registration.ImplicitFlow = false },
			step:   "window", found: "none was tried", advice: "add code or id_token to response_types",
		},
		"a page for a script": {
			between: func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/token-source.js" {
					_, _ = w.Write([]byte("<!DOCTYPE html><p>It works!"))
				}
				return r.URL.Path == "/token-source.js"
			},
			step: "script", found: `status 200 and the type "text/html"`, advice: "the proxy in front of the provider",
		},
		"another JS method": {
			change: func(o *trial.Options) { o.Registration.Settings.JSMethod = "brand.token" },
			step:   "script", found: "does not name the JS method of the form, brand.token", advice: "other settings",
		},
		"cookies are lost": {
			between: func(_ http.ResponseWriter, r *http.Request) bool { r.Header.Del("Cookie"); return false },
			step:    "sign-in", found: "too old, or was opened in another browser", advice: "request id",
		},
		"the sign-in page comes as plain text": {
			between: func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/authorize" {
					_, _ = w.Write([]byte("It works!"))
				}
				return r.URL.Path == "/authorize"
			},
			step: "authorize", found: "status 200 and a page that leads nowhere", advice: "and not something else",
		},
		"Origin is taken away": {
			between: func(_ http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/token-source" {
					r.Header.Del("Origin")
				}
				return false
			},
			step: "token-source", found: "a browser would keep the answer from the page", advice: "that the proxy passes Origin on",
		},
		"every origin is granted": {
			between: func(w http.ResponseWriter, r *http.Request) bool {
				if r.Header.Get("Origin") == "https://stranger.invalid" {
					w.Header().Set("Access-Control-Allow-Origin", "*")
				}
				return false
			},
			step: "stranger", found: "with status 403, and with a grant", advice: "what the proxy in front of it adds",
		},
		"a page leads elsewhere": {
			between: func(w http.ResponseWriter, r *http.Request) bool {
				if r.URL.Path == "/authorize" {
					http.Redirect(w, r, "https://elsewhere.example/?id_token=x", http.StatusFound)
				}
				return r.URL.Path == "/authorize"
			},
			step: "answer", found: "leads to https://elsewhere.example/, and not to the window",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if test.between == nil || !test.between(w, r) {
					p.Server.Handler().ServeHTTP(w, r)
				}
			}))
			t.Cleanup(between.Close)
			opts := options(p.Issuer)
			opts.Now, opts.Address = p.Now, between.URL
			if test.change != nil {
				test.change(&opts)
			}
			report, err := trial.Run(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			var failed trial.Step
			for _, step := range report.Steps {
				if step.Outcome == standin.Failed {
					failed = step
				}
			}
			if report.Passed || failed.Name != test.step || !strings.Contains(failed.Found, test.found) || !strings.Contains(failed.Advice, test.advice) {
				t.Errorf("failed: %s: %s\n%s", failed.Name, failed.Found, failed.Advice)
			}
			if told, err := json.Marshal(report); err != nil || strings.Contains(string(told), "eyJ") || strings.Contains(string(told), password) {
				t.Errorf("%v: it tells a secret: %s", err, told)
			}
		})
	}
}

// At another address the certificate has to be the issuer's all the same.
func TestCertificateIsTheIssuers(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler()) // its certificate names example.com
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for issuer, reached := range map[string]bool{"https://example.com": true, "https://id.brand.test": false} {
		opts := options(issuer)
		opts.Address, opts.TLS = server.URL, &tls.Config{RootCAs: roots}
		report, err := trial.Run(t.Context(), opts)
		if report == nil || errors.Is(err, trial.ErrUnreachable) == reached {
			t.Errorf("%s: %+v, %v", issuer, report, err)
		}
	}
}

func TestCheckAddress(t *testing.T) {
	t.Parallel()
	for address, good := range map[string]bool{
		"http://127.0.0.1:8080": true, "http://localhost:8080/": true, "http://[::1]:8080": true, "http://idp.localhost": true,
		"https://192.0.2.1": true, "https://192.0.2.1:8443": true,
		"": false, "127.0.0.1:8080": false, "http://192.0.2.1": false, "ftp://127.0.0.1": false, "https://192.0.2.1/path": false,
		"https://user@192.0.2.1": false, "https://192.0.2.1?x": false, "https://192.0.2.1#x": false, "http://localhost.example": false,
		"http://[::ffff:127.0.0.1]": false, "http://[::1%25lo]": false,
	} {
		if err := trial.CheckAddress(address); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}
