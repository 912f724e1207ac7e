package op_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

func TestTokenExchange(t *testing.T) {
	t.Parallel()
	p := startAsserting(t)
	b := p.Browser(t)
	subject := func(more members) string { return signed(t, jose.ES256, "ec", "JWT", said(p, more)) }

	// A connector's ID token, by its own keys.
	signedIn := p.Now().Add(-time.Hour).Unix()
	p.Counts.Take()
	page := redeemAs(b, "backend", backendSecret, exchange(typeIDToken, subject(members{"auth_time": signedIn, "amr": []string{"otp"}, "acr": "high", "email": "evil@brand.example"}), "audience", "messaging"))
	wantCost(t, p, "an ID token by token exchange", 2, 1)
	answer := exchangedTokens(t, page, typeIDToken, "N_A")
	got := claims(t, p, "messaging", answer.AccessToken)
	if got["sub"] != "sub-of-clara" || got["auth_time"] != float64(signedIn) || fmt.Sprint(got["amr"]) != "[otp]" || got["acr"] != "loa1" || got["email"] != "clara@brand.example" || got["sid"] != nil {
		t.Errorf("claims %v", got)
	}
	if answer.RefreshToken != "" || answer.IDToken != "" || answer.Scope != "" || answer.ExpiresIn < 3500 {
		t.Errorf("answer %+v", answer)
	}
	// By the issuer that knows consumers by sub, for the connector itself.
	other := signed(t, jose.EdDSA, "ed", "authorization-grant+jwt", asserted(p, otherIssuer, members{"sub": "sub-of-clara", "aud": p.Issuer + "/token"}))
	answer = exchangedTokens(t, redeemAs(b, "chat", backendSecret, exchange(typeIDToken, other, "subject_token_type", typeIDToken)), typeIDToken, "N_A")
	claims(t, p, "chat", answer.AccessToken)

	// An access token.
	answer = exchangedTokens(t, redeemAs(b, "backend", backendSecret, exchange("", subject(nil))), typeAccess, "Bearer")
	if answer.Scope != "openid email" || answer.ExpiresIn != 3600 {
		t.Errorf("answer %+v", answer)
	}
	if page := userinfo(b, answer.AccessToken); page.Status != http.StatusOK || !strings.Contains(page.Body, "clara@brand.example") || strings.Contains(page.Body, "given_name") {
		t.Errorf("UserInfo: status %d %s", page.Status, page.Body)
	}
	if state := introspected(t, b, "backend", answer.AccessToken); state["sub"] != "sub-of-clara" || state["client_id"] != "backend" {
		t.Errorf("introspection %v", state)
	}
	answer = exchangedTokens(t, redeemAs(b, "backend", backendSecret, exchange(typeAccess, subject(nil), "scope", "openid", "audience", p.Issuer)), typeAccess, "Bearer")
	if answer.Scope != "openid" {
		t.Errorf("answer %+v", answer)
	}
	answer = exchangedTokens(t, redeemAs(b, "exchanger", backendSecret, exchange(typeAccess, subject(nil), "audience", "https://api.brand.example")), typeAccess, "Bearer")
	wantAccess(t, b, answer.AccessToken, http.StatusOK)
	p.SetPassword("sub-of-clara", "a brand new password")
	wantAccess(t, b, answer.AccessToken, http.StatusUnauthorized)

	// A client that goes on its own has its own words besides.
	if token := tokens(t, redeemAs(b, "backend", backendSecret, params("grant_type", "client_credentials"))); token.Scope != "orders.read" {
		t.Errorf("%+v", token)
	}
	var document struct {
		Grants []string `json:"grant_types_supported"`
	}
	if err := json.Unmarshal([]byte(b.Get("/.well-known/openid-configuration").Body), &document); err != nil || !strings.HasSuffix(strings.Join(document.Grants, " "), grantExchange+" "+grantBearer) {
		t.Errorf("%v, %v", document, err)
	}
	if body := webtest.Start(t, nil, brand).Browser(t).Get("/.well-known/openid-configuration").Body; strings.Contains(body, "urn:ietf") {
		t.Errorf("told without a client that may: %s", body)
	}
}

// TestWhoMayBringAssertions: a client gets what it has registered, and nothing of
// another's.
//
//security:32-target
func TestWhoMayBringAssertions(t *testing.T) {
	t.Parallel()
	p := startAsserting(t)
	b := p.Browser(t)
	p.Exec(`update clients set metadata = metadata || '{"grant_types": ["` + grantBearer + `", "` + grantExchange + `"]}' where client_id = 'page'`)
	p.Reload()
	assertion := func() string { return signed(t, jose.ES256, "ec", "", said(p, nil)) }
	idToken := func(pairs ...string) url.Values { return exchange(typeIDToken, assertion(), pairs...) }
	for name, test := range map[string]struct {
		client, secret string
		form           url.Values
		status         int
		code           string
	}{
		"no secret":                    {"backend", "", bearing(assertion()), 401, "invalid_client"},
		"another secret":               {"backend", siteSecret, bearing(assertion()), 401, "invalid_client"},
		"no grant":                     {"site", siteSecret, bearing(assertion()), 400, "unauthorized_client"},
		"no grant to exchange":         {"site", siteSecret, idToken("audience", "messaging"), 400, "unauthorized_client"},
		"the other grant":              {"bearer", backendSecret, idToken("audience", "messaging"), 400, "unauthorized_client"},
		"the other grant, too":         {"exchanger", backendSecret, bearing(assertion()), 400, "unauthorized_client"},
		"no assertion":                 {"backend", backendSecret, bearing(""), 400, "invalid_request"},
		"no subject token":             {"backend", backendSecret, exchange(typeIDToken, ""), 400, "invalid_request"},
		"no subject token type":        {"backend", backendSecret, idToken("audience", "messaging", "subject_token_type", ""), 400, "invalid_request"},
		"an access token as subject":   {"backend", backendSecret, idToken("audience", "messaging", "subject_token_type", typeAccess), 400, "invalid_request"},
		"unknown type":                 {"backend", backendSecret, exchange("urn:x", assertion(), "audience", "messaging"), 400, "invalid_request"},
		"a refresh token":              {"backend", backendSecret, exchange("urn:ietf:params:oauth:token-type:refresh_token", assertion()), 400, "invalid_request"},
		"an actor":                     {"backend", backendSecret, idToken("audience", "messaging", "actor_token", "x", "actor_token_type", typeJWT), 400, "invalid_request"},
		"a resource":                   {"backend", backendSecret, idToken("resource", "https://api.brand.example"), 400, "invalid_target"},
		"a connector not listed":       {"backend", backendSecret, idToken("audience", "delegating"), 400, "invalid_target"},
		"no connector":                 {"backend", backendSecret, idToken("audience", "site"), 400, "invalid_target"},
		"nobody":                       {"backend", backendSecret, idToken("audience", "nobody"), 400, "invalid_target"},
		"itself, no connector":         {"backend", backendSecret, idToken(), 400, "invalid_target"},
		"none listed":                  {"exchanger", backendSecret, idToken("audience", "messaging"), 400, "invalid_target"},
		"a connector for another":      {"chat", backendSecret, idToken("audience", "messaging"), 400, "invalid_target"},
		"a connector with codes alone": {"backend", backendSecret, idToken("audience", "asking"), 400, "invalid_target"},
		"scope of an ID token":         {"backend", backendSecret, idToken("audience", "messaging", "scope", "openid"), 400, "invalid_scope"},
		"another API's access token":   {"backend", backendSecret, exchange(typeAccess, assertion(), "audience", "https://api.brand.example"), 400, "invalid_target"},
		"scope of others":              {"backend", backendSecret, exchange(typeAccess, assertion(), "scope", "openid phone"), 400, "invalid_scope"},
		"scope of the client's own":    {"backend", backendSecret, exchange(typeAccess, assertion(), "scope", "orders.read"), 400, "invalid_scope"},
		"offline_access":               {"backend", backendSecret, bearing(assertion(), "scope", "openid offline_access"), 400, "invalid_scope"},
		"unknown grant type":           {"backend", backendSecret, with(bearing(assertion()), "grant_type", "urn:ietf:params:oauth:grant-type:saml2-bearer"), 400, "unsupported_grant_type"},
	} {
		t.Run(name, func(t *testing.T) {
			page := redeemAs(b, test.client, test.secret, test.form)
			wantWire(t, page, test.status, test.code)
		})
	}
	// A public client that has come to the grant gets nothing by it.
	for _, form := range []url.Values{bearing(assertion()), idToken("audience", "messaging")} {
		wantWire(t, b.Post("/token", with(form, "client_id", "page")), http.StatusBadRequest, "unauthorized_client")
	}
	if n := webtest.Query[int](p, "select count(*) from subject_assertions"); n != 0 {
		t.Errorf("%d assertions were spent", n)
	}
	// Two audiences at once are refused, as everything that is sent twice.
	form := idToken("audience", "messaging")
	form.Add("audience", "messaging-code")
	wantWire(t, redeemAs(b, "backend", backendSecret, form), http.StatusBadRequest, "invalid_request")
}
