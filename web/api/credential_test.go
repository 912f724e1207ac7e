package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

const brand = `
clients:
  - client_id: backend
    client_secret: a-secret-that-is-long-enough-for-it
    grant_types: [client_credentials]
    response_types: []
    scope: idp:consumers:read
  - client_id: other-api
    client_secret: a-secret-that-is-long-enough-for-it
    grant_types: [client_credentials]
    response_types: []
    scope: idp:consumers:read
    access_token_audience: https://api.brand.example
  - client_id: messaging
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    grant_types: [implicit]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: site
    client_secret: a-secret-that-is-long-enough-for-it
    redirect_uris: [https://www.brand.example/callback]
    scope: openid offline_access idp:consumers:read
    grant_types: [authorization_code, refresh_token, client_credentials]
  - client_id: shop
    client_secret: a-secret-that-is-long-enough-for-it
    redirect_uris: [https://shop.brand.example/callback]
  - client_id: kiosk
    client_secret: a-secret-that-is-long-enough-for-it
    redirect_uris: [https://kiosk.brand.example/cb]
consumers:
  - {sub: amelia-sub, external_id: crm-1, username: amelia, password: correct horse battery staple, claims: {email: amelia@brand.example, email_verified: true}}
  - {sub: rory-sub, external_id: crm-2, username: rory}
`

// token asks for an access token of the client_credentials grant.
func token(t *testing.T, p *webtest.Provider, client string) string {
	t.Helper()
	b := p.Browser(t)
	request := b.Request("/token", url.Values{"grant_type": {"client_credentials"}})
	request.SetBasicAuth(client, "a-secret-that-is-long-enough-for-it")
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	page := b.Do(request)
	if err := json.Unmarshal([]byte(page.Body), &answer); err != nil || answer.AccessToken == "" {
		t.Fatal(page.Body)
	}
	return answer.AccessToken
}

func TestAccessTokensOfClientsAreCredentials(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	good := token(t, p, "backend")
	p.Call(good, "GET", "/consumers/amelia-sub", nil).Want(http.StatusOK)
	wantProblem(t, p.Call(good, "PATCH", "/consumers/amelia-sub", `{}`), http.StatusForbidden)
	wantProblem(t, p.Call(token(t, p, "other-api"), "GET", "/consumers/amelia-sub", nil), http.StatusUnauthorized)

	// What speaks of a consumer is none, whatever its scope.
	tokens := tokensOf(t, p, "amelia")
	for _, value := range []string{tokens.AccessToken, tokens.IDToken, tokens.RefreshToken} {
		wantProblem(t, p.Call(value, "GET", "/consumers/amelia-sub", nil), http.StatusUnauthorized)
	}

	// Sessions and grants are there to be seen and ended.
	key := p.APIKey(nil, op.ScopeSessionsRead, op.ScopeSessionsWrite)
	var sessions struct{ Sessions []struct{ Sid string } }
	p.Call(key, "GET", "/consumers/amelia-sub/sessions", nil).Want(http.StatusOK).Into(&sessions)
	var grants struct {
		Grants []struct {
			ClientID      string `json:"client_id"`
			RefreshTokens []any  `json:"refresh_tokens"`
		}
	}
	p.Call(key, "GET", "/consumers/amelia-sub/grants", nil).Want(http.StatusOK).Into(&grants)
	if len(sessions.Sessions) != 1 || len(grants.Grants) != 1 || grants.Grants[0].ClientID != "site" || len(grants.Grants[0].RefreshTokens) != 1 {
		t.Fatalf("%+v %+v", sessions, grants)
	}
	userinfo := func() int {
		b := p.Browser(t)
		return b.Do(b.Request("/userinfo", nil, "Authorization", "Bearer "+tokens.AccessToken)).Status
	}
	if status := userinfo(); status != http.StatusOK {
		t.Errorf("userinfo: %d", status)
	}
	p.Call(key, "DELETE", "/consumers/amelia-sub/grants/site", nil).Want(http.StatusNoContent)
	if status := userinfo(); status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d", status)
	}
	wantProblem(t, p.Call(key, "DELETE", "/consumers/amelia-sub/grants/site", nil), http.StatusNotFound)
	p.Call(key, "DELETE", "/consumers/amelia-sub/sessions/"+sessions.Sessions[0].Sid, nil).Want(http.StatusNoContent)
	if ended := p.Call(key, "DELETE", "/consumers/amelia-sub/sessions", nil).Want(http.StatusOK); strings.TrimSpace(string(ended.Body)) != `{"ended":0}` {
		t.Errorf("%s", ended.Body)
	}
}

// An access token that is a JWT says whom it is meant for: what its client is set to
// afterwards does not have it mean another.
func TestAccessTokenIsForWhomItSays(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	audience := func(name string) string {
		return strings.Replace(brand, "scope: idp:consumers:read\n", "scope: idp:consumers:read\n    access_token_format: jwt\n    access_token_audience: "+name+"\n", 1)
	}
	call := func(token string) *webtest.Reply { return p.Call(token, "GET", "/consumers/amelia-sub", nil) }
	p.Apply(audience("https://api.brand.example"))
	foreign := token(t, p, "backend")
	wantProblem(t, call(foreign), http.StatusUnauthorized)
	p.Apply(audience(p.Issuer))
	own := token(t, p, "backend")
	call(own).Want(http.StatusOK)
	wantProblem(t, call(foreign), http.StatusUnauthorized)
	p.Apply(audience("https://api.brand.example"))
	call(own).Want(http.StatusOK)
}

// A key is usable from its networks alone, as far as the proxies say where a request
// comes from; where they say nothing that can be read, from nowhere.
func TestUnreadableAddressIsOfNoNetwork(t *testing.T) {
	t.Parallel()
	loopback := netip.MustParsePrefix("127.0.0.0/8")
	p := webtest.Start(t, func(o *web.Options) { o.TrustedProxies = []netip.Prefix{loopback} }, brand)
	key := p.APIKey(func(k *storage.APIKey) { k.Networks = []netip.Prefix{loopback, netip.MustParsePrefix("192.0.2.0/24")} }, op.ScopeConsumersRead)
	everywhere := p.APIKey(nil, op.ScopeConsumersRead)
	for forwarded, status := range map[string]int{
		"":                       http.StatusForbidden, // the proxy has not said whose it is
		"127.0.0.5":              http.StatusOK,        // it has: it is its own, or that of a program beside it
		"192.0.2.1":              http.StatusOK,
		"192.0.2.1:4711":         http.StatusOK,
		"junk, 192.0.2.1":        http.StatusOK, // which nobody asks about
		"192.0.2.1, 127.0.0.5":   http.StatusOK,
		"198.51.100.1":           http.StatusForbidden,
		"unknown":                http.StatusForbidden,
		"192.0.2.1, junk":        http.StatusForbidden,
		"192.0.2.1,":             http.StatusForbidden,
		"junk, 127.0.0.5":        http.StatusForbidden,
		"192.0.2.1, , 127.0.0.5": http.StatusForbidden,
	} {
		headers := []string{"X-Forwarded-For", forwarded}
		if forwarded == "" {
			headers = nil
		}
		got := p.Call(key, "GET", "/consumers/amelia-sub", nil, headers...)
		if got.Status != status {
			t.Errorf("%q: %d %s", forwarded, got.Status, got.Body)
		}
		if forwarded == "" && !strings.Contains(wantProblem(t, got, status).Detail, "X-Forwarded-For") {
			t.Errorf("not said why: %s", got.Body)
		}
		p.Call(everywhere, "GET", "/consumers/amelia-sub", nil, headers...).Want(http.StatusOK)
	}
}

func TestNothingIsBelowTheAPIButOperations(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.Issuer += "/tenant" }, brand)
	key := readWrite(p)
	p.Call(key, "GET", "/consumers/amelia-sub", nil).Want(http.StatusOK)
	wantProblem(t, p.Call(key, "GET", "/nothing", nil), http.StatusNotFound)
	reply := p.Call(key, "DELETE", "/consumers", nil)
	wantProblem(t, reply, http.StatusMethodNotAllowed)
	if allow := reply.Header.Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("Allow: %s", allow)
	}
	wantProblem(t, p.Call(key, "GET", "/consumers?limit=0&hunter2=1", nil), http.StatusBadRequest, "hunter2")
	wantProblem(t, p.Call(key, "GET", "/consumers?limit=0", nil), http.StatusBadRequest, "limit")
	wantProblem(t, p.Call(key, "GET", "/consumers?cursor=%21", nil), http.StatusBadRequest, "cursor")
	wantProblem(t, p.Call(key, "GET", "/consumers?username=a&email=b", nil), http.StatusBadRequest, "email")

	// A page of another origin, or a cookie, gets nothing.
	reply = p.Call(key, "GET", "/consumers/amelia-sub", nil, "Origin", "https://www.brand.example")
	for name := range reply.Header {
		if strings.HasPrefix(name, "Access-Control") {
			t.Errorf("%s: %v", name, reply.Header[name])
		}
	}
	wantProblem(t, p.Call("", "GET", "/consumers/amelia-sub", nil, "Cookie", "session="+key), http.StatusUnauthorized)
}

func TestACallerHasALimit(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	key := p.APIKey(nil, op.ScopeAuditRead)
	client := p.Browser(t).Client
	limited := false
	for range 5000 {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.Address+"/api/v1/consumers/nobody", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+key)
		response, err := client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if limited = response.StatusCode == http.StatusTooManyRequests; limited {
			if response.Header.Get("Retry-After") == "" {
				t.Error("no Retry-After")
			}
			break
		}
	}
	if !limited {
		t.Error("5,000 requests in a row were let in")
	}
}
