package op_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/brandidp/idp/web/webtest"
)

//security:2-userinfo
func TestConformanceOfSignedUserInfo(t *testing.T) {
	t.Parallel()
	t.Run("oidcc-userinfo-rs256", func(t *testing.T) {
		t.Parallel()
		p := startBackend(t)
		b := amelia(t, p)
		token := tokens(t, redeemGateway(b, silent(t, b, gatewayRequest()).Get("code")))
		sub := claims(t, p, "gateway", token.IDToken)["sub"]
		p.Counts.Take()
		page := userinfo(b, token.AccessToken)
		wantCost(t, p, "userinfo, signed, by a JWT", 1, 0)
		for name, page := range map[string]*webtest.Page{
			"get": page, "post, header": b.Do(b.RawRequest("POST", "/userinfo", "", "", "Authorization", "Bearer "+token.AccessToken)),
			"post, body": b.Post("/userinfo", params("access_token", token.AccessToken)),
		} {
			if page.Status != http.StatusOK || page.Header.Get("Content-Type") != "application/jwt" || page.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: status %d, headers %v", name, page.Status, page.Header)
			}
			keys := oidc.NewRemoteKeySet(oidc.ClientContext(t.Context(), p.Browser(t).Client), p.Address+"/jwks/gateway.json")
			payload, err := keys.VerifySignature(t.Context(), page.Body)
			if err != nil {
				t.Fatal(err)
			}
			var all map[string]any
			if err := json.Unmarshal(payload, &all); err != nil || all["iss"] != p.Issuer || all["aud"] != "gateway" || all["sub"] != sub ||
				all["email"] != "amelia@brand.example" || all["exp"] != nil || all["sid"] != nil {
				t.Errorf("%s: %v", name, all)
			}
		}
	})
	t.Run("no relying party takes it for an ID token", func(t *testing.T) {
		t.Parallel()
		p := startBackend(t)
		b := amelia(t, p)
		body := userinfo(b, tokens(t, redeemGateway(b, silent(t, b, gatewayRequest()).Get("code"))).AccessToken).Body
		ctx := oidc.ClientContext(t.Context(), p.Browser(t).Client)
		verifier := oidc.NewVerifier(p.Issuer, oidc.NewRemoteKeySet(ctx, p.Address+"/jwks.json"), &oidc.Config{ClientID: "gateway", Now: p.Now})
		if _, err := verifier.Verify(ctx, body); err == nil {
			t.Error("a UserInfo response verifies as an ID token")
		}
	})
}

func TestUserInfoNeedsOpenid(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	token := tokens(t, refresh(b, granted(t, b).RefreshToken, "scope", "email"))
	page := userinfo(b, token.AccessToken)
	wantWire(t, page, http.StatusForbidden, "insufficient_scope")
	if challenge := page.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, `Bearer realm="idp", error="insufficient_scope"`) || !strings.HasSuffix(challenge, `scope="openid"`) {
		t.Errorf("WWW-Authenticate %q", challenge)
	}
}

// TestDiscoveryTellsWhatIsOn: what no client uses is not announced, and what one does
// is.
func TestDiscoveryTellsWhatIsOn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	read := func() string { return b.Get("/.well-known/openid-configuration").Body }
	for _, endpoint := range []string{"introspect", "revoke"} {
		if !strings.Contains(read(), `"`+p.Issuer+"/"+endpoint+`"`) {
			t.Errorf("%s is not announced", endpoint)
		}
	}
	several := []string{
		`"private_key_jwt"`, `"client_credentials"`, `"userinfo_signing_alg_values_supported":["RS256"]`,
		`"token_endpoint_auth_signing_alg_values_supported":["RS256","PS256","ES256","EdDSA"]`,
		`"introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","private_key_jwt"]`,
		`"revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post","private_key_jwt","none"]`,
	}
	for _, text := range several {
		if strings.Contains(read(), text) {
			t.Errorf("%s is announced, and no client uses it", text)
		}
	}
	p.Apply(backendBrand(t))
	for _, text := range several {
		if !strings.Contains(read(), text) {
			t.Errorf("%s is not announced\n%s", text, read())
		}
	}
}
