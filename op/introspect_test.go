package op_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

//security:24-introspect
func TestIntrospection(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	token := granted(t, b)
	sub := webtest.Query[string](p, "select sub from consumers where username = 'amelia'")
	p.Counts.Take()
	all := introspected(t, b, "portal", token.AccessToken)
	wantCost(t, p, "introspection", 1, 0)
	now := float64(p.Now().Unix())
	within := func(name string, want float64) {
		t.Helper()
		if got, _ := all[name].(float64); got < want-5 || got > want+5 {
			t.Errorf("%s %v, want about %v", name, all[name], want)
		}
	}
	within("iat", now)
	within("exp", now+3600)
	if all["active"] != true || all["token_type"] != "Bearer" || all["iss"] != p.Issuer || all["sub"] != sub || all["aud"] != p.Issuer ||
		all["client_id"] != "portal" || all["scope"] != "openid email offline_access" || len(all) != 9 {
		t.Errorf("access token: %v", all)
	}
	for _, hint := range []string{"access_token", "refresh_token", "nonsense"} { // it is no more than a hint
		if page := present(b, "/introspect", "portal", token.AccessToken, "token_type_hint", hint); !strings.Contains(page.Body, `"active":true`) {
			t.Errorf("hint %s: %s", hint, page.Body)
		}
	}
	p.Counts.Take()
	all = introspected(t, b, "portal", token.RefreshToken)
	wantCost(t, p, "introspection of a refresh token", 1, 0)
	within("exp", now+30*24*3600)
	if all["active"] != true || all["sub"] != sub || all["client_id"] != "portal" || all["token_type"] != nil || all["aud"] != nil || len(all) != 7 {
		t.Errorf("refresh token: %v", all)
	}
	robot := robotToken(t, b, "robot")
	if all = introspected(t, b, "robot", robot.AccessToken); all["active"] != true || all["sub"] != nil || all["client_id"] != "robot" || all["scope"] != "orders.read stock" {
		t.Errorf("a client's own token: %v", all)
	}

	// Who may ask: the token's client, and for access tokens who is set to.
	for _, access := range []string{token.AccessToken, robot.AccessToken, delegated(t, b).AccessToken} {
		if all := introspected(t, b, "api", access); all["active"] != true {
			t.Errorf("the API is told %v", all)
		}
		wantInactive(t, b, "portal2", access)
		wantInactive(t, b, "site", access)
	}
	for _, client := range []string{"api", "portal2", "site"} {
		wantInactive(t, b, client, token.RefreshToken)
	}
}

//security:20-marked
func TestWhatIsNotActive(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	wantInactive(t, b, "portal", "unknown")
	wantInactive(t, b, "portal", strings.Repeat("a", 43))
	first := granted(t, b)
	second := tokens(t, refresh(b, first.RefreshToken))
	wantInactive(t, b, "portal", first.RefreshToken) // another took its place
	if all := introspected(t, b, "portal", second.RefreshToken); all["active"] != true {
		t.Errorf("the newest refresh token: %v", all)
	}
	p.Advance(time.Hour + time.Second)
	wantInactive(t, b, "portal", second.AccessToken)
	third := tokens(t, refresh(b, second.RefreshToken))
	p.Exec("update consumers set disabled = true where username = 'amelia'")
	for _, token := range []string{third.AccessToken, third.RefreshToken} {
		wantInactive(t, b, "portal", token)
	}
	wantInactive(t, b, "api", third.AccessToken)
	p.Exec("update consumers set disabled = false where username = 'amelia'")
	if all := introspected(t, b, "portal", third.RefreshToken); all["active"] != true {
		t.Errorf("enabled again: %v", all)
	}
	// A family that its client may not have any more is of no use.
	p.Exec(`update clients set metadata = metadata || '{"scope": "openid"}' where client_id = 'portal'`)
	p.Reload()
	wantInactive(t, b, "portal", third.RefreshToken)
}

//defect:3-introspection
//security:24-introspect
func TestIntrospectionRefuses(t *testing.T) {
	t.Parallel()
	p := startBackend(t)
	b := amelia(t, p)
	token := granted(t, b)
	for _, endpoint := range []string{"/introspect", "/revoke"} {
		page := b.Post(endpoint, params("token", token.AccessToken))
		wantWire(t, page, http.StatusUnauthorized, "invalid_client")
		if !strings.HasPrefix(page.Header.Get("WWW-Authenticate"), "Basic realm=") || page.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", endpoint, page.Header)
		}
	}
	// The methods that the library leaves out of introspection.
	if page := b.Post("/introspect", params("token", "x", "client_id", "post", "client_secret", postSecret)); page.Status != http.StatusOK {
		t.Errorf("client_secret_post: status %d %s", page.Status, page.Body)
	}
	wantWire(t, b.Post("/introspect", params("token", token.AccessToken, "client_id", "portal")), http.StatusUnauthorized, "invalid_client")
	wantWire(t, b.Post("/introspect", params("token", token.AccessToken, "client_id", "page")), http.StatusUnauthorized, "invalid_client") // public
	wantWire(t, b.Do(b.Request("/introspect", params("token", token.AccessToken), "Authorization", basic("portal:wrong"))), http.StatusUnauthorized, "invalid_client")
	wantWire(t, b.Do(b.Request("/introspect", params("token", token.AccessToken), "Authorization", "Bearer "+token.AccessToken)), http.StatusUnauthorized, "invalid_client")
	wantWire(t, present(b, "/introspect", "portal", ""), http.StatusBadRequest, "invalid_request")
	with2 := b.RawRequest("POST", "/introspect", "application/x-www-form-urlencoded", "token=a&token=b", "Authorization", basic("portal:"+portalSecret))
	wantWire(t, b.Do(with2), http.StatusBadRequest, "invalid_request")
	query := b.RawRequest("POST", "/introspect?token="+token.AccessToken, "application/x-www-form-urlencoded", "", "Authorization", basic("portal:"+portalSecret))
	wantWire(t, b.Do(query), http.StatusBadRequest, "invalid_request")
	json := b.RawRequest("POST", "/introspect", "application/json", `{"token":"a"}`, "Authorization", basic("messaging-code:"+messagingSecret))
	wantWire(t, b.Do(json), http.StatusUnsupportedMediaType, "invalid_request")
	// It is for servers: no page is let in.
	request := b.Request("/introspect", params("token", "x"), "Authorization", basic("gateway:"+backendSecret), "Origin", "https://gateway.brand.example")
	if page := b.Do(request); page.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page may read an introspection: %v", page.Header)
	}
	// A grant_type means nothing here.
	if page := present(b, "/introspect", "portal", token.AccessToken, "grant_type", "password"); !strings.Contains(page.Body, `"active":true`) {
		t.Errorf("with a grant_type: %d %s", page.Status, page.Body)
	}
}
