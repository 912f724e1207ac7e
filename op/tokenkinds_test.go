package op_test

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

// kind is a kind of token, made anew each time since some are used up, and where it
// is taken.
type kind struct {
	client string
	make   func() string
	taken  string // the places, separated by commas
}

// kinds are all that a client, a browser or an API ever holds of a provider.
func kinds(t *testing.T, p *webtest.Provider, b *webtest.Browser) map[string]kind {
	t.Helper()
	code := func(client, callback string) string {
		return silent(t, b, params("client_id", client, "response_type", "code", "scope", "openid email offline_access", "redirect_uri", callback, "nonce", "no")).Get("code")
	}
	redeemed := map[string]func() tokenAnswer{
		"keyed": func() tokenAnswer {
			form := params("grant_type", "authorization_code", "redirect_uri", keyedCallback, "code", code("keyed", keyedCallback))
			return tokens(t, b.Post("/token", authenticated(t, p, "keyed", form)))
		},
		"gateway": func() tokenAnswer { return tokens(t, redeemGateway(b, code("gateway", gatewayCallback))) },
	}
	told := logoutToken(t, p)
	all := map[string]kind{
		"session":        {"keyed", func() string { return b.Cookie("idp_session") }, "session"},
		"nothing":        {"keyed", func() string { return strings.Repeat("a", 43) }, ""},
		"secret":         {"gateway", func() string { return backendSecret }, ""},
		"assertion":      {"keyed", func() string { return signed(t, jose.ES256, "ec", "", asserted(p, "keyed", nil)) }, "assertion"},
		"request object": {"keyed", func() string { return keyedObject(t, p, "") }, "request object"},
		"typed object":   {"keyed", func() string { return keyedObject(t, p, typRequest) }, "request object"},
		"UserInfo, signed": {"gateway", func() string {
			return userinfo(b, redeemed["gateway"]().AccessToken).Body
		}, ""},
		"ticket":                      {"keyed", func() string { return signInForm(b).Get("ticket") }, "ticket"},
		"binding":                     {"keyed", func() string { return b.Cookie("idp_binding") }, ""},
		"device":                      {"keyed", func() string { return b.Cookie("idp_device") }, ""},
		"proof of a consent":          {"keyed", func() string { return b.Authorize(codeRequest("prompt", "consent")).Form("consent").Get("proof") }, ""},
		"logout token":                {"gateway", func() string { return told }, ""},
		"access token of the client":  {"gateway", func() string { return robotToken(t, b, "gateway").AccessToken }, "introspection"},
		"access token of a connector": {"delegating", func() string { return delegated(t, b).AccessToken }, "userinfo,introspection"},
		"ID token of a connector":     {"delegating", func() string { return delegated(t, b).IDToken }, "hint"},
		"jti": {"gateway", func() string {
			return resource(t, p, redeemed["gateway"]().AccessToken)["jti"].(string)
		}, ""},
		"sid": {"gateway", func() string {
			return claims(t, p, "gateway", redeemed["gateway"]().IDToken)["sid"].(string)
		}, ""},
	}
	for client, callback := range map[string]string{"keyed": keyedCallback, "gateway": gatewayCallback} {
		get := redeemed[client]
		all["code of "+client] = kind{client, func() string { return code(client, callback) }, "code"}
		all["access token of "+client] = kind{client, func() string { return get().AccessToken }, "userinfo,introspection"}
		all["refresh token of "+client] = kind{client, func() string { return get().RefreshToken }, "refresh,introspection"}
		all["ID token of "+client] = kind{client, func() string { return get().IDToken }, "hint"}
	}
	return all
}

// logoutToken is what a client is told of a sign-out with.
func logoutToken(t *testing.T, p *webtest.Provider) string {
	t.Helper()
	rp := newReceiver(t, nil)
	p.Apply(listener("shop", rp.URL))
	b := amelia(t, p)
	use(t, p, b, "shop")
	b.Get("/end_session").Submit("sign-out", nil)
	return rp.wait(t, 1)[0]
}

func keyedObject(t *testing.T, p *webtest.Provider, typ string) string {
	t.Helper()
	return signed(t, jose.ES256, "ec", typ, members{
		"iss": "keyed", "client_id": "keyed", "aud": p.Issuer, "exp": p.Now().Add(time.Minute).Unix(), "jti": nextText(),
		"response_type": "code", "redirect_uri": keyedCallback, "scope": "openid",
	})
}

// signInForm is one that is ready to be sent.
func signInForm(b *webtest.Browser) url.Values {
	return with(b.Authorize(codeRequest("prompt", "login")).Form("sign-in"), "username", "amelia", "password", ameliasPassword)
}

// authenticated is a form with the credentials of a client.
func authenticated(t *testing.T, p *webtest.Provider, client string, form url.Values) url.Values {
	t.Helper()
	return proven(signed(t, jose.ES256, "ec", "", asserted(p, client, nil)), form)
}

// places are where tokens go, each telling whether one is taken there.
func places(t *testing.T, p *webtest.Provider, b *webtest.Browser) map[string]func(kind, string) bool {
	t.Helper()
	send := func(endpoint, client string, form url.Values) *webtest.Page {
		if client == "keyed" {
			return b.Post(endpoint, authenticated(t, p, client, form))
		}
		secret := backendSecret
		if client == "delegating" {
			secret = portalSecret
		}
		request := b.Request(endpoint, form)
		request.SetBasicAuth(client, secret)
		return b.Do(request)
	}
	callbacks := map[string]string{"keyed": keyedCallback, "gateway": gatewayCallback, "delegating": window}
	refusedWith := func(page *webtest.Page, codes ...string) bool {
		t.Helper()
		if page.Status == http.StatusOK {
			return false
		}
		if got := decode(t, page).Error; !strings.Contains(strings.Join(codes, ","), got) {
			t.Errorf("status %d, error %s; want %v", page.Status, got, codes)
		}
		return true
	}
	return map[string]func(kind, string) bool{
		"userinfo": func(_ kind, text string) bool { return !refusedWith(userinfo(b, text), "invalid_token") },
		"userinfo, body": func(_ kind, text string) bool {
			return !refusedWith(b.Post("/userinfo", params("access_token", text)), "invalid_token")
		},
		"introspection": func(k kind, text string) bool {
			page := send("/introspect", k.client, params("token", text))
			active := strings.Contains(page.Body, `"active":true`)
			if page.Status != http.StatusOK || !active && strings.TrimSpace(page.Body) != `{"active":false}` {
				t.Errorf("introspection: status %d %s", page.Status, page.Body)
			}
			return active
		},
		"code": func(k kind, text string) bool {
			return !refusedWith(send("/token", k.client, params("grant_type", "authorization_code", "redirect_uri", callbacks[k.client], "code", text)), "invalid_grant")
		},
		"refresh": func(k kind, text string) bool {
			return !refusedWith(send("/token", k.client, refreshGrant(text)), "invalid_grant")
		},
		"assertion": func(_ kind, text string) bool {
			return !refusedWith(b.Post("/token", proven(text, params("grant_type", "client_credentials"))), "invalid_client")
		},
		"secret": func(_ kind, text string) bool {
			return !refusedWith(redeemAs(b, "robot", text, params("grant_type", "client_credentials")), "invalid_client")
		},
		"request object": func(_ kind, text string) bool {
			return b.Authorize(params("client_id", "keyed", "request", text)).Target() != ""
		},
		"hint": func(_ kind, text string) bool {
			return b.Authorize(codeRequest("prompt", "none", "id_token_hint", text)).Answer().Has("code")
		},
		"ticket": func(_ kind, text string) bool {
			return b.Post("/sign-in", with(signInForm(b), "ticket", text)).Target() != ""
		},
		"session": func(_ kind, text string) bool {
			stranger := p.Browser(t)
			request := stranger.Request("/authorize?"+codeRequest("prompt", "none").Encode(), nil)
			request.Header.Set("Cookie", "idp_session="+text)
			return stranger.Do(request).Answer().Has("code")
		},
	}
}

// TestNoTokenIsTakenForAnother: each kind of token is taken where it belongs, and
// nowhere else.
//
//defect:4-confusion
//security:2-access-token 2-logout-token 2-userinfo 12-another-purpose 25-other-kind
func TestNoTokenIsTakenForAnother(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	at := places(t, p, b)
	for name, k := range kinds(t, p, b) {
		belongs := strings.Split(k.taken, ",")
		for place, takes := range at {
			want := false
			for _, own := range belongs {
				want = want || own != "" && strings.HasPrefix(place, own)
			}
			text := k.make()
			if text == "" {
				t.Fatalf("no %s", name)
			}
			if name == "secret" && place == "secret" {
				want = true
			}
			if got := takes(k, text); got != want {
				t.Errorf("%s as %s: taken %t, want %t", name, place, got, want)
			}
		}
	}
}

// TestRandomTextIsNoToken: nothing that was not issued is taken for a token by the
// accident of its form, and none of it is more than the provider can bear.
//
//defect:4-unauthenticated
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
