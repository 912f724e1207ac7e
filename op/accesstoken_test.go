package op_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

// halfHash is the value of at_hash.
func halfHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// resource verifies a JWT access token as a resource server does (RFC 9068 4), with
// the keys that do not belong to any connector.
func resource(t *testing.T, p *webtest.Provider, token string) map[string]any {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatalf("%v: %s", err, token)
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != "at+jwt" {
		t.Errorf("typ %v", header.ExtraHeaders[jose.HeaderType])
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(p.Browser(t).Get("/jwks/site.json").Body), &set); err != nil {
		t.Fatal(err)
	}
	payload, err := jws.Verify(set.Key(header.KeyID)[0])
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(payload, &all); err != nil {
		t.Fatal(err)
	}
	now := float64(p.Now().Unix())
	exp, _ := all["exp"].(float64)
	if iat, _ := all["iat"].(float64); iat > now || iat < now-60 || exp <= now || exp > now+3601 {
		t.Errorf("now %v, claims %v", now, all)
	}
	if jti, _ := all["jti"].(string); jti == "" {
		t.Errorf("jti %v", all["jti"])
	}
	return all
}

//defect:4-confusion
func TestJWTAccessTokens(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	sub := webtest.Query[string](p, "select sub from consumers where username = 'amelia'")
	check := func(name, accessToken, scope string) {
		t.Helper()
		all := resource(t, p, accessToken)
		if all["iss"] != p.Issuer || all["sub"] != sub || all["aud"] != "https://api.brand.example" || all["client_id"] != "gateway" ||
			all["scope"] != scope || all["acr"] != "loa1" || all["auth_time"] == nil || all["email"] != nil || len(all) != 11 {
			t.Errorf("%s: %v", name, all)
		}
		told := introspected(t, b, "api", accessToken)
		if told["active"] != true || told["jti"] != all["jti"] || told["aud"] != all["aud"] || told["sub"] != sub {
			t.Errorf("%s: introspected as %v", name, told)
		}
		wantAccess(t, b, accessToken, http.StatusOK)
		// The jti may stand in a log of the API: it is no token.
		wantAccess(t, b, all["jti"].(string), http.StatusUnauthorized)
		wantAccess(t, b, "at+jwt "+all["jti"].(string), http.StatusUnauthorized)
		wantInactive(t, b, "gateway", all["jti"].(string))
		wantInactive(t, b, "gateway", "at+jwt "+all["jti"].(string))
	}
	code := silent(t, b, gatewayRequest("response_type", "code id_token token"))
	check("hybrid", code.Get("access_token"), "openid email offline_access")
	front := claims(t, p, "gateway", code.Get("id_token"))
	first := tokens(t, redeemGateway(b, code.Get("code")))
	check("code", first.AccessToken, "openid email offline_access")
	if all := claims(t, p, "gateway", first.IDToken); all["at_hash"] == front["at_hash"] || all["at_hash"] != halfHash(first.AccessToken) || front["at_hash"] != halfHash(code.Get("access_token")) {
		t.Errorf("at_hash %v and %v", front["at_hash"], all["at_hash"])
	}
	implicit := silent(t, b, gatewayRequest("response_type", "id_token token"))
	check("implicit", implicit.Get("access_token"), "openid email")
	p.Advance(30 * time.Minute)
	second := tokens(t, redeemAs(b, "gateway", backendSecret, refreshGrant(first.RefreshToken)))
	check("refresh", second.AccessToken, "openid email offline_access")
	again := tokens(t, redeemAs(b, "gateway", backendSecret, refreshGrant(first.RefreshToken)))
	check("a lost response", again.AccessToken, "openid email offline_access")
	if resource(t, p, again.AccessToken)["jti"] != resource(t, p, second.AccessToken)["jti"] || again.RefreshToken != second.RefreshToken {
		t.Error("a retry got another token")
	}

	// Each can be ended here.
	revoked(t, present(b, "/revoke", "gateway", first.AccessToken))
	wantAccess(t, b, first.AccessToken, http.StatusUnauthorized)
	wantInactive(t, b, "api", first.AccessToken)
	wantAccess(t, b, second.AccessToken, http.StatusOK)
	revoked(t, present(b, "/revoke", "gateway", second.RefreshToken))
	wantAccess(t, b, second.AccessToken, http.StatusUnauthorized)
	p.SetPassword("amelia", "a new password of amelia")
	wantAccess(t, b, implicit.Get("access_token"), http.StatusUnauthorized)

	robot := robotToken(t, b, "silent-robot")
	all := resource(t, p, robot.AccessToken)
	if all["sub"] != "silent-robot" || all["client_id"] != "silent-robot" || all["aud"] != p.Issuer || all["scope"] != nil || all["auth_time"] != nil || all["acr"] != nil {
		t.Errorf("a client's own token: %v", all)
	}
	if told := introspected(t, b, "api", robot.AccessToken); told["active"] != true || told["sub"] != nil {
		t.Errorf("a client's own token: introspected as %v", told)
	}
	wantWire(t, userinfo(b, robot.AccessToken), http.StatusUnauthorized, "invalid_token")
}

// TestConnectorsKeysSignNoAccessTokens: what a connector's relying party accepts is
// signed by the connector's key, and that signs its ID tokens alone.
//
//security:2-access-token
func TestConnectorsKeysSignNoAccessTokens(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	token := tokens(t, redeemGateway(b, silent(t, b, gatewayRequest()).Get("code")))
	jws, err := jose.ParseSignedCompact(token.AccessToken, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	for _, connector := range []string{"messaging", "messaging-code", "delegating"} {
		var set jose.JSONWebKeySet
		if err := json.Unmarshal([]byte(b.Get("/jwks/"+connector+".json").Body), &set); err != nil || len(set.Keys) == 0 {
			t.Fatal(err)
		}
		if slices.ContainsFunc(set.Keys, func(key jose.JSONWebKey) bool { _, err := jws.Verify(key); return err == nil }) {
			t.Errorf("an access token verifies with the key of %s", connector)
		}
	}
	if highEntropy(t, "access_token", delegated(t, b).AccessToken); len(delegated(t, b).AccessToken) != 43 {
		t.Error("a connector's access token is not opaque")
	}
}
