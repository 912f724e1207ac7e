package op_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// lasting has two clients with refresh tokens and every response type with a code.
const lasting = `
clients:
  - client_id: lasting
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://lasting.brand.example/cb]
    response_types: [code, code id_token, code token, code id_token token]
    grant_types: [authorization_code, implicit, refresh_token]
  - client_id: lasting2
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://lasting.brand.example/cb]
    response_types: [code, code id_token, code token, code id_token token]
    grant_types: [authorization_code, implicit, refresh_token]
`

// grant has a client get a refresh token, with the consent that OpenID Connect Core
// 11 asks for.
func (s *profile) grant(t *testing.T, b *webtest.Browser, client, nonce string) *outcome {
	t.Helper()
	request := s.request("client_id", client, "redirect_uri", "https://lasting.brand.example/cb", "scope", "openid email offline_access",
		"prompt", "consent", "nonce", nonce)
	page := b.Authorize(request)
	if page.Element("sign-in") != nil {
		page = page.SignIn("river", riversPassword)
	}
	o := s.complete(t, request, page.Submit("consent", map[string]string{"consent": "allow"}))
	highEntropy(t, "refresh_token", o.token.RefreshToken)
	return o
}

// refreshToken: the ID tokens agree, and neither client can use the other's token.
func (s *profile) refreshToken(t *testing.T) {
	b := s.p.Browser(t)
	first, other := s.grant(t, b, "lasting", "short"), s.grant(t, b, "lasting2", strings.Repeat("n", 43))
	s.p.Advance(time.Minute)
	const scope = "openid email offline_access" // as it was asked for
	second := s.tokenResponse(t, redeemAs(b, "lasting", portalSecret, refreshGrant(first.token.RefreshToken, "scope", scope)))
	highEntropy(t, "refresh_token", second.RefreshToken)
	highEntropy(t, "access_token", second.AccessToken)
	if second.AccessToken == first.token.AccessToken {
		t.Error("the same access token once more")
	}
	old, refreshed := first.claims, claims(t, s.p, "lasting", second.IDToken)
	for _, claim := range []string{"iss", "sub", "aud", "auth_time", "acr", "sid"} {
		if old[claim] == nil || old[claim] != refreshed[claim] {
			t.Errorf("%s %v, then %v", claim, old[claim], refreshed[claim])
		}
	}
	if !slices.Equal(old["amr"].([]any), refreshed["amr"].([]any)) {
		t.Errorf("amr %v, then %v", old["amr"], refreshed["amr"])
	}
	if refreshed["iat"].(float64) <= old["iat"].(float64) || refreshed["azp"] != nil || refreshed["nonce"] != nil {
		t.Errorf("iat %v, then %v; azp %v; nonce %v", old["iat"], refreshed["iat"], refreshed["azp"], refreshed["nonce"])
	}
	if sum := sha256.Sum256([]byte(second.AccessToken)); refreshed["at_hash"] != base64.RawURLEncoding.EncodeToString(sum[:16]) {
		t.Errorf("at_hash %v", refreshed["at_hash"])
	}
	if info := userinfoClaims(t, userinfo(b, second.AccessToken), refreshed["sub"]); info["email"] != "river@brand.example" {
		t.Errorf("userinfo %v", info)
	}
	wantWire(t, redeemAs(b, "lasting2", portalSecret, refreshGrant(second.RefreshToken)), http.StatusBadRequest, "invalid_grant")
	wantWire(t, redeemAs(b, "lasting", portalSecret, refreshGrant(other.token.RefreshToken, "scope", scope)), http.StatusBadRequest, "invalid_grant")
	s.tokenResponse(t, redeemAs(b, "lasting", portalSecret, refreshGrant(second.RefreshToken)))
	s.tokenResponse(t, redeemAs(b, "lasting2", portalSecret, refreshGrant(other.token.RefreshToken)))
}
