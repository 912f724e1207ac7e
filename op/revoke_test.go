package op_test

import (
	"net/http"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// revoked checks that a token was ended, or was not there.
func revoked(t *testing.T, page *webtest.Page) {
	t.Helper()
	if page.Status != http.StatusOK || page.Body != "" || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("revocation: status %d %q, headers %v", page.Status, page.Body, page.Header)
	}
}

//defect:3-userinfo
func TestRevocation(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)

	one, other := granted(t, b), granted(t, b)
	p.Counts.Take()
	revoked(t, present(b, "/revoke", "portal", one.AccessToken))
	wantCost(t, p, "revocation of an access token", 1, 1)
	wantAccess(t, b, one.AccessToken, http.StatusUnauthorized) // and nothing else
	wantAccess(t, b, other.AccessToken, http.StatusOK)
	next := tokens(t, refresh(b, one.RefreshToken))

	p.Counts.Take()
	revoked(t, present(b, "/revoke", "portal", next.RefreshToken, "token_type_hint", "access_token"))
	wantCost(t, p, "revocation of a refresh token", 1, 1)
	wantAccess(t, b, next.AccessToken, http.StatusUnauthorized)
	wantRefused(t, refresh(b, next.RefreshToken))
	wantRefused(t, refresh(b, one.RefreshToken)) // not even as a retry
	tokens(t, refresh(b, other.RefreshToken))    // another grant

	// Any token of the family is the family.
	first := granted(t, b)
	second := tokens(t, refresh(b, first.RefreshToken))
	revoked(t, present(b, "/revoke", "portal", first.RefreshToken))
	wantRefused(t, refresh(b, second.RefreshToken))
	wantAccess(t, b, first.AccessToken, http.StatusUnauthorized)
	wantAccess(t, b, second.AccessToken, http.StatusUnauthorized)

	// What is unknown, or gone, is as its client wants it.
	for _, token := range []string{next.RefreshToken, one.AccessToken, "unknown", "a.b.c", first.RefreshToken[:100]} {
		revoked(t, present(b, "/revoke", "portal", token))
	}
	robot := robotToken(t, b, "robot")
	revoked(t, present(b, "/revoke", "robot", robot.AccessToken, "grant_type", "password"))
	wantInactive(t, b, "robot", robot.AccessToken)
}

//defect:3-cors
func TestRevocationOfPublicClients(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	code := silent(t, b, challenged(portalRequest("client_id", "mobile"))).Get("code")
	token := tokens(t, b.Post("/token", params("client_id", "mobile", "grant_type", "authorization_code", "redirect_uri", portalCallback, "code", code, "code_verifier", verifier)))
	wantWire(t, b.Post("/revoke", params("token", token.RefreshToken, "client_id", "page")), http.StatusBadRequest, "invalid_grant")
	wantAccess(t, b, token.AccessToken, http.StatusOK)
	revoked(t, b.Post("/revoke", params("token", token.RefreshToken, "client_id", "mobile")))
	wantAccess(t, b, token.AccessToken, http.StatusUnauthorized)

	// A page of the client's may, and no other.
	for origin, granted := range map[string]string{"https://page.brand.example": "https://page.brand.example", "https://evil.example": ""} {
		page := b.Do(b.Request("/revoke", params("token", "x", "client_id", "page"), "Origin", origin))
		if got := page.Header.Get("Access-Control-Allow-Origin"); got != granted || page.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", origin, got)
		}
	}
	if page := b.Do(b.RawRequest("OPTIONS", "/revoke", "", "", "Origin", "https://page.brand.example")); page.Status != http.StatusNoContent {
		t.Errorf("preflight: status %d", page.Status)
	}
}

// TestAStrangerEndsNothing: who is not the token's client changes nothing, whatever
// he presents.
//
//security:24-revoke
func TestAStrangerEndsNothing(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	token := granted(t, b)
	jwt := tokens(t, redeemGateway(b, silent(t, b, gatewayRequest()).Get("code")))
	for _, text := range []string{token.AccessToken, token.RefreshToken, jwt.AccessToken, jwt.RefreshToken} {
		for _, client := range []string{"portal2", "api", "robot"} {
			wantWire(t, present(b, "/revoke", client, text), http.StatusBadRequest, "invalid_grant")
		}
		wantWire(t, b.Post("/revoke", params("token", text)), http.StatusUnauthorized, "invalid_client")
		wantWire(t, b.Post("/revoke", params("token", text, "client_id", "portal")), http.StatusUnauthorized, "invalid_client")
		wantWire(t, b.Do(b.Request("/revoke", params("token", text), "Authorization", basic("portal:wrong"))), http.StatusUnauthorized, "invalid_client")
	}
	wantWire(t, present(b, "/revoke", "portal", ""), http.StatusBadRequest, "invalid_request")
	wantAccess(t, b, token.AccessToken, http.StatusOK)
	wantAccess(t, b, jwt.AccessToken, http.StatusOK)
	tokens(t, refresh(b, token.RefreshToken))
}

// TestAnIDTokenIsNotRevoked: and who tries is told so.
func TestAnIDTokenIsNotRevoked(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	wantWire(t, present(b, "/revoke", "portal", granted(t, b).IDToken), http.StatusBadRequest, "unsupported_token_type")
	wantWire(t, present(b, "/revoke", "delegating", delegated(t, b).IDToken), http.StatusBadRequest, "unsupported_token_type")
}
