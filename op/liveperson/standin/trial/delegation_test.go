package trial_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
	"github.com/brandidp/idp/web/webtest"
)

const clientSecret = "a-secret-of-more-than-32-characters-abc"

// delegatingBrand is brand with consumer delegation.
var delegatingBrand = strings.Replace(brand, "response_types: [id_token]",
	"response_types: [code, id_token]\n    grant_types: [authorization_code, implicit, refresh_token]\n    client_secret: "+clientSecret, 1)

// delegatingOptions are for the connector of delegatingBrand.
func delegatingOptions(issuer string) trial.Options {
	opts := options(issuer)
	opts.Registration.CodeFlow, opts.Registration.RefreshTokens, opts.Registration.Scope = true, true, "openid"
	opts.Registration.Settings.SetDelegationDefaults()
	opts.ClientSecret = clientSecret
	return opts
}

// A refresh that is refused, by whatever the token endpoint says, is a step that
// has failed; no other comes after it but the sign-out.
func TestRefusedRefresh(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, delegatingBrand)
	const refused = "the access token is not renewed: "
	for name, test := range map[string]struct {
		// change changes a form that is sent to the token endpoint, or the answer to
		// it, by its grant_type; true if it has answered.
		change func(form url.Values, w http.ResponseWriter) bool
		found  string
	}{
		"another refresh token": {
			func(form url.Values, _ http.ResponseWriter) bool {
				if form.Has("refresh_token") {
					form.Set("refresh_token", strings.Repeat("x", len(form.Get("refresh_token"))))
				}
				return false
			},
			refused + "the token endpoint answers with status 400 and invalid_grant",
		},
		"the secret in two ways at once": {
			func(form url.Values, _ http.ResponseWriter) bool {
				if form.Has("refresh_token") {
					form.Set("client_secret", "x") // beside the header
				}
				return false
			},
			refused + "the token endpoint answers with status 400 and invalid_request",
		},
		"not available": {
			func(form url.Values, w http.ResponseWriter) bool {
				if form.Has("refresh_token") {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				return form.Has("refresh_token")
			},
			refused + "the token endpoint answers with status 503",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/token" {
					body, err := io.ReadAll(r.Body)
					form, notForm := url.ParseQuery(string(body))
					if err != nil || notForm != nil {
						t.Errorf("%v, %v", err, notForm)
					}
					if test.change(form, w) {
						return
					}
					r.Body, r.ContentLength = io.NopCloser(strings.NewReader(form.Encode())), int64(len(form.Encode()))
				}
				p.Server.Handler().ServeHTTP(w, r)
			}))
			t.Cleanup(between.Close)
			opts := delegatingOptions(p.Issuer)
			opts.Address, opts.Now = between.URL, p.Now
			report, err := trial.Run(t.Context(), opts)
			if err != nil {
				t.Fatal(err)
			}
			last := report.Steps[len(report.Steps)-2:]
			if report.Passed || last[0].Name != "refresh" || last[0].Outcome != standin.Failed || last[1].Name != "sign-out" || last[1].Outcome != standin.Passed {
				t.Fatalf("passed: %v, %+v", report.Passed, last)
			}
			if last[0].Found != test.found || !strings.Contains(last[0].Advice, "grant refresh_token") || len(last[0].Requests) != 1 {
				t.Errorf("%+v", last[0])
			}
		})
	}
}
