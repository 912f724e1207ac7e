package op_test

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

// A door is a place that takes one kind of what the provider issues or is shown.
type door struct {
	takes []string
	try   func(value string) *webtest.Page
	open  func(*webtest.Page) bool
}

func isOK(page *webtest.Page) bool { return page.Status == http.StatusOK }

func hasCode(page *webtest.Page) bool { return page.Target() != "" && page.Answer().Get("code") != "" }

// doors are all of them, for a person who is signed in in the browser.
func doors(t *testing.T, p *webtest.Provider, b *webtest.Browser, form url.Values) map[string]door {
	t.Helper()
	isActive := func(page *webtest.Page) bool { return strings.Contains(page.Body, `"active":true`) }
	return map[string]door{
		"UserInfo":      {[]string{"access token", "JWT access token"}, func(v string) *webtest.Page { return userinfo(b, v) }, isOK},
		"introspection": {[]string{"access token", "refresh token"}, func(v string) *webtest.Page { return present(b, "/introspect", "portal", v) }, isActive},
		"introspection by an API": {
			[]string{"access token", "JWT access token", "a client's own access token"},
			func(v string) *webtest.Page { return present(b, "/introspect", "api", v) }, isActive,
		},
		"refresh": {[]string{"refresh token"}, func(v string) *webtest.Page { return refresh(b, v) }, isOK},
		"a code":  {[]string{"code"}, func(v string) *webtest.Page { return redeemPortal(b, v) }, isOK},
		"the session": {[]string{"session"}, func(v string) *webtest.Page {
			bare := p.Browser(t)
			bare.Client.Jar = nil
			return bare.Do(bare.Request("/authorize?"+portalRequest("prompt", "none").Encode(), nil, "Cookie", "idp_session="+v))
		}, hasCode},
		"id_token_hint": {[]string{"ID token"}, func(v string) *webtest.Page {
			return b.Authorize(portalRequest("prompt", "none", "id_token_hint", v))
		}, hasCode},
		"a request object": {[]string{"request object"}, func(v string) *webtest.Page { return b.Authorize(beside(v)) }, hasCode},
		"a client's authentication": {
			[]string{"client assertion"}, func(v string) *webtest.Page { return b.Post("/token", proven(v, badCode())) },
			func(page *webtest.Page) bool { return page.Status != http.StatusUnauthorized },
		},
		"the ticket": {[]string{"ticket"}, func(v string) *webtest.Page { return b.Post("/sign-in", with(form, "ticket", v)) }, hasCode},
		"the proof":  {nil, func(v string) *webtest.Page { return b.Post("/end_session", params("proof", v)) }, func(page *webtest.Page) bool { return page.Element("confirm") == nil }},
	}
}

// TestNothingIsTakenForAnotherKind brings everything that is issued, sealed or
// signed to every door.
func TestNothingIsTakenForAnotherKind(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	form := with(b.Authorize(portalRequest("prompt", "login")).Form("sign-in"), "username", "amelia", "password", ameliasPassword)
	consent := b.Authorize(portalRequest("prompt", "consent")).Form("consent")
	token := granted(t, b)
	values := map[string]string{
		"access token":                token.AccessToken,
		"refresh token":               token.RefreshToken,
		"ID token":                    token.IDToken,
		"JWT access token":            tokens(t, redeemGateway(b, silent(t, b, gatewayRequest()).Get("code"))).AccessToken,
		"a client's own access token": robotToken(t, b, "robot").AccessToken,
		"a client's own JWT":          robotToken(t, b, "silent-robot").AccessToken,
		"code":                        silent(t, b, portalRequest()).Get("code"),
		"session":                     b.Cookie("idp_session"),
		"binding":                     b.Cookie("idp_binding"),
		"device":                      b.Cookie("idp_device"),
		"ticket":                      form.Get("ticket"),
		"proof":                       consent.Get("proof"),
		"request object":              signed(t, jose.ES256, "ec", "", asked(p, nil)),
		"typed request object":        signed(t, jose.ES256, "ec", typRequest, asked(p, members{"iss": "keyed", "client_id": "keyed", "sub": "keyed"})),
		"client assertion":            signed(t, jose.ES256, "ec", "", asserted(p, "keyed", nil)),
		"secret":                      portalSecret,
	}
	all := doors(t, p, b, form)
	try := func(name, kind string, want bool) {
		t.Helper()
		page := all[name].try(values[kind])
		if got := all[name].open(page); got != want || page.Status >= http.StatusInternalServerError {
			t.Errorf("%s as %s: taken %t, status %d %.200s", kind, name, got, page.Status, page.Body)
		}
	}
	for name, door := range all {
		for kind := range values {
			if !slices.Contains(door.takes, kind) && (name != "introspection by an API" || kind != "a client's own JWT") {
				try(name, kind, false)
			}
		}
	}
	// Each door is open to what it takes, after all that: a control of the above.
	for _, name := range []string{
		"UserInfo", "introspection", "introspection by an API", "refresh", "a code", "the session", "id_token_hint", "a request object", "a client's authentication", "the ticket",
	} {
		for _, kind := range all[name].takes {
			try(name, kind, true)
		}
	}
}

// TestRandomTextIsNoToken: nothing that was not issued is taken for a token by the
// accident of its form, and none of it is more than the provider can bear.
func TestRandomTextIsNoToken(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := p.Browser(t)
	for n := range 300 {
		raw := make([]byte, []int{16, 32, 84, 200}[n%4]) // of a code, and of a refresh token, too
		if _, err := rand.Read(raw); err != nil {
			t.Fatal(err)
		}
		text := base64.RawURLEncoding.EncodeToString(raw)
		wantAccess(t, b, text, http.StatusUnauthorized)
		wantRefused(t, refresh(b, text))
		wantRefused(t, redeemPortal(b, text))
		if page := present(b, "/introspect", "portal", text); strings.TrimSpace(page.Body) != `{"active":false}` {
			t.Errorf("introspection: %d %s", page.Status, page.Body)
		}
	}
}
