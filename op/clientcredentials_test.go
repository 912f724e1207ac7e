package op_test

import (
	"net/http"
	"testing"
	"time"
)

func TestClientCredentials(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := p.Browser(t)
	p.Counts.Take()
	token := robotToken(t, b, "robot")
	wantCost(t, p, "token by client credentials", 1, 1)
	if token.TokenType != "Bearer" || token.ExpiresIn != 3600 || token.Scope != "orders.read stock" || token.RefreshToken != "" || token.IDToken != "" {
		t.Errorf("%+v", token)
	}
	highEntropy(t, "access_token", token.AccessToken)
	if token := robotToken(t, b, "robot", "scope", "stock"); token.Scope != "stock" {
		t.Errorf("scope %q", token.Scope)
	}
	if token := robotToken(t, b, "silent-robot"); token.Scope != "" || token.AccessToken == "" {
		t.Errorf("%+v", token)
	}
	grant := params("grant_type", "client_credentials")
	for _, scope := range []string{"openid", "stock openid", "orders.write", "stock unknown"} {
		wantWire(t, redeemAs(b, "robot", backendSecret, with(grant, "scope", scope)), http.StatusBadRequest, "invalid_scope")
	}
	// What the client may ask for of consumers is not for itself.
	wantWire(t, redeemAs(b, "gateway", backendSecret, with(grant, "scope", "email")), http.StatusBadRequest, "invalid_scope")
	wantWire(t, redeemAs(b, "site", siteSecret, grant), http.StatusBadRequest, "unauthorized_client")
	wantWire(t, redeemAs(b, "robot", siteSecret, grant), http.StatusUnauthorized, "invalid_client")
	wantWire(t, b.Post("/token", with(grant, "client_id", "page")), http.StatusBadRequest, "unauthorized_client")
	wantWire(t, b.Post("/token", with(grant, "client_id", "robot")), http.StatusUnauthorized, "invalid_client")
	// It speaks for no consumer.
	page := userinfo(b, token.AccessToken)
	wantWire(t, page, http.StatusUnauthorized, "invalid_token")
	// Nor does its client sign people in, or get its own words for one who does.
	wantErrorPage(t, b.Authorize(codeRequest("client_id", "robot")), http.StatusBadRequest, "invalid_request")
	p.Advance(time.Hour)
	wantInactive(t, b, "robot", token.AccessToken)
}
