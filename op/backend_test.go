package op_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

const (
	keyedCallback   = "https://keyed.brand.example/cb"
	gatewayCallback = "https://gateway.brand.example/cb"
	backendSecret   = "secret-of-backend-0123456789-0123456789"
)

// backendBrand has clients that authenticate by keys, that act for themselves, that
// look tokens up, and whose access tokens are JWTs.
func backendBrand(tb testing.TB) string {
	tb.Helper()
	set := func(kids ...string) string {
		var keys jose.JSONWebKeySet
		for _, kid := range kids {
			keys.Keys = append(keys.Keys, jose.JSONWebKey{Key: clientKeys()[kid].Public(), KeyID: kid, Use: "sig"})
		}
		document, err := json.Marshal(keys)
		if err != nil {
			tb.Fatal(err)
		}
		return string(document)
	}
	return `
clients:
  - client_id: keyed
    token_endpoint_auth_method: private_key_jwt
    jwks: ` + set("rsa", "ec", "ed") + `
    redirect_uris: [` + keyedCallback + `]
    grant_types: [authorization_code, refresh_token, client_credentials]
    scope: openid email offline_access orders.read orders.write
  - client_id: keyed-strict
    token_endpoint_auth_method: private_key_jwt
    token_endpoint_auth_signing_alg: ES256
    token_endpoint_auth_audience: issuer
    jwks: ` + set("rsa", "ec") + `
    grant_types: [client_credentials]
    scope: reports
  - client_id: robot
    client_secret: ` + backendSecret + `
    grant_types: [client_credentials]
    scope: orders.read stock
  - client_id: silent-robot
    client_secret: ` + backendSecret + `
    grant_types: [client_credentials]
    access_token_format: jwt
  - client_id: api
    client_secret: ` + backendSecret + `
    grant_types: []
    introspection: true
  - client_id: gateway
    client_secret: ` + backendSecret + `
    redirect_uris: [` + gatewayCallback + `]
    response_types: [code, id_token token, code id_token token]
    grant_types: [authorization_code, implicit, refresh_token, client_credentials]
    scope: openid email profile offline_access orders.read
    access_token_format: jwt
    access_token_audience: https://api.brand.example
    userinfo_signed_response_alg: RS256
    web_origins: [https://gateway.brand.example]
`
}

func startBackend(t *testing.T) *webtest.Provider {
	t.Helper()
	return webtest.Start(t, nil, brand, refreshBrand, signingBrand(t), backendBrand(t))
}

// present sends a token to the introspection or revocation endpoint, with the Basic
// credentials of a client.
func present(b *webtest.Browser, endpoint, client, token string, pairs ...string) *webtest.Page {
	secret := map[string]string{"site": siteSecret, "site2": site2Secret, "portal": portalSecret, "portal2": portalSecret, "delegating": portalSecret, "messaging-code": messagingSecret}[client]
	if secret == "" {
		secret = backendSecret
	}
	request := b.Request(endpoint, with(params("token", token), pairs...))
	request.SetBasicAuth(client, secret)
	return b.Do(request)
}

// introspected gives what a client is told of a token.
func introspected(t *testing.T, b *webtest.Browser, client, token string) map[string]any {
	t.Helper()
	page := present(b, "/introspect", client, token)
	var all map[string]any
	if err := json.Unmarshal([]byte(page.Body), &all); err != nil || page.Status != http.StatusOK {
		t.Fatalf("status %d\n%s", page.Status, page.Body)
	}
	if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", page.Header)
	}
	return all
}

// wantInactive checks that nothing is told of a token, not even why.
func wantInactive(t *testing.T, b *webtest.Browser, client, token string) {
	t.Helper()
	if all := introspected(t, b, client, token); len(all) != 1 || all["active"] != false {
		t.Errorf("client %s is told %v", client, all)
	}
}

// robotToken gives an access token of the client itself.
func robotToken(t *testing.T, b *webtest.Browser, client string, pairs ...string) tokenAnswer {
	t.Helper()
	return tokens(t, redeemAs(b, client, backendSecret, with(params("grant_type", "client_credentials"), pairs...)))
}

// gatewayRequest is the authorization request of the client with JWT access tokens.
func gatewayRequest(pairs ...string) url.Values {
	return with(params("client_id", "gateway", "response_type", "code", "scope", "openid email offline_access",
		"redirect_uri", gatewayCallback, "state", "st", "nonce", "no"), pairs...)
}

func redeemGateway(b *webtest.Browser, code string) *webtest.Page {
	return redeemAs(b, "gateway", backendSecret, params("grant_type", "authorization_code", "redirect_uri", gatewayCallback, "code", code))
}
