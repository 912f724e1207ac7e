package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

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
consumers:
  - {sub: amelia-sub, external_id: crm-1, username: amelia, password: correct horse battery staple, claims: {email: amelia@brand.example, email_verified: true}}
  - {sub: rory-sub, external_id: crm-2, username: rory}
`

// operationOf is one of the operations of the document.
type operationOf struct {
	method, path, id    string
	scopes              []string
	hasBody, narrowable bool
}

// operations reads the operations from the document.
func operations(t *testing.T, p *webtest.Provider) []operationOf {
	t.Helper()
	var document struct {
		OpenAPI string `json:"openapi"`
		Paths   map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Security    []map[string][]string `json:"security"`
			RequestBody any                   `json:"requestBody"`
		} `json:"paths"`
	}
	page := p.Browser(t).Get("/api/openapi.json")
	if err := json.Unmarshal([]byte(page.Body), &document); err != nil || document.OpenAPI != "3.1.0" {
		t.Fatal(err, page.Body)
	}
	var all []operationOf
	for path, methods := range document.Paths {
		for method, o := range methods {
			if len(o.Security) != 2 || len(o.Security[0]["bearer"]) == 0 {
				t.Fatalf("%s has no scope: %v", o.OperationID, o.Security)
			}
			address := strings.NewReplacer("{sub}", "amelia-sub", "{external_id}", "crm-1", "{client_id}", "shop", "{sid}", "none", "{challenge}", "none").Replace(path)
			all = append(all, operationOf{
				method: strings.ToUpper(method), path: address, id: o.OperationID, scopes: o.Security[0]["bearer"],
				hasBody: o.RequestBody != nil, narrowable: strings.Contains(path, "{client_id}"),
			})
		}
	}
	return all
}

func (o operationOf) call(p *webtest.Provider, key string, headers ...string) *webtest.Reply {
	if o.hasBody {
		return p.Call(key, o.method, o.path, `{"username":7}`, headers...)
	}
	return p.Call(key, o.method, o.path, nil, headers...)
}

// ofOneClient are the operations that a key for one client may call without a client_id
// in the path: they see to it themselves that it reaches nothing of another.
var ofOneClient = []string{
	"get-login-challenge", "reject-login-challenge", "get-logout-challenge", "accept-logout-challenge",
	"get-session", "extend-session", "delete-session",
}

func TestEveryOperationIsDeniedUnlessGranted(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	messaging := webtest.Query[int64](p, "select id from clients where client_id = 'messaging'")
	all := operations(t, p)
	if len(all) < 28 {
		t.Fatalf("only %d operations", len(all))
	}
	var revokedName string
	revoked := p.APIKey(func(k *storage.APIKey) { revokedName = k.Name }, op.APIScopes()...)
	if err := p.Store.RevokeAPIKey(t.Context(), revokedName, storage.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	p.Reload()
	expired := p.APIKey(func(k *storage.APIKey) { k.ExpiresAt = p.Now().Add(-time.Second) }, op.APIScopes()...)
	elsewhere := p.APIKey(func(k *storage.APIKey) { k.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }, op.APIScopes()...)
	narrowed := p.APIKey(func(k *storage.APIKey) { k.ClientID = messaging }, op.APIScopes()...)
	for _, o := range all {
		t.Run(o.id, func(t *testing.T) {
			reply := o.call(p, "")
			wantProblem(t, reply, http.StatusUnauthorized)
			if challenge := reply.Header.Get("WWW-Authenticate"); challenge != `Bearer realm="idp"` {
				t.Errorf("challenge %s", challenge)
			}
			for _, key := range []string{revoked, expired, "idp_k_" + strings.Repeat("a", 43), "x", strings.Repeat("a", 43)} {
				reply := o.call(p, key)
				wantProblem(t, reply, http.StatusUnauthorized)
				if challenge := reply.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="invalid_token"`) {
					t.Errorf("challenge %s", challenge)
				}
			}
			wantProblem(t, o.call(p, elsewhere), http.StatusForbidden)
			if reply := o.call(p, narrowed); !slices.Contains(ofOneClient, o.id) {
				wantProblem(t, reply, http.StatusForbidden)
			} else if reply.Status != http.StatusNotFound && reply.Status != http.StatusBadRequest {
				t.Errorf("a key for one client: %d %s", reply.Status, reply.Body)
			}
			for _, lacking := range o.scopes {
				others := slices.DeleteFunc(op.APIScopes(), func(scope string) bool { return scope == lacking })
				reply = o.call(p, p.APIKey(nil, others...))
				wantProblem(t, reply, http.StatusForbidden)
				if challenge := reply.Header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="insufficient_scope", scope="`+strings.Join(o.scopes, " ")+`"`) {
					t.Errorf("challenge %s", challenge)
				}
			}
			if reply := o.call(p, p.APIKey(nil, o.scopes...)); reply.Status == http.StatusUnauthorized || reply.Status == http.StatusForbidden || reply.Status >= 500 {
				t.Errorf("with its scope: %d %s", reply.Status, reply.Body)
			}
			if o.hasBody {
				key := p.APIKey(nil, o.scopes...)
				wantProblem(t, o.call(p, key, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType)
				wantProblem(t, p.Call(key, o.method, o.path, `{"username":"`+strings.Repeat("a", 9<<20)+`"}`), http.StatusRequestEntityTooLarge)
			}
		})
	}
}

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
	b := p.Browser(t)
	page := b.Authorize(url.Values{
		"client_id": {"site"}, "response_type": {"code"}, "scope": {"openid offline_access idp:consumers:read"},
		"redirect_uri": {"https://www.brand.example/callback"},
	})
	code := page.SignIn("amelia", "correct horse battery staple").Answer().Get("code")
	request := b.Request("/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {"https://www.brand.example/callback"}})
	request.SetBasicAuth("site", "a-secret-that-is-long-enough-for-it")
	var tokens map[string]any
	if err := json.Unmarshal([]byte(b.Do(request).Body), &tokens); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"access_token", "id_token", "refresh_token"} {
		wantProblem(t, p.Call(tokens[name].(string), "GET", "/consumers/amelia-sub", nil), http.StatusUnauthorized)
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
	p.Call(key, "DELETE", "/consumers/amelia-sub/grants/site", nil).Want(http.StatusNoContent)
	wantProblem(t, p.Call(key, "DELETE", "/consumers/amelia-sub/grants/site", nil), http.StatusNotFound)
	p.Call(key, "DELETE", "/consumers/amelia-sub/sessions/"+sessions.Sessions[0].Sid, nil).Want(http.StatusNoContent)
	if page := b.Get("/userinfo"); page.Status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d", page.Status)
	}
	if ended := p.Call(key, "DELETE", "/consumers/amelia-sub/sessions", nil).Want(http.StatusOK); strings.TrimSpace(string(ended.Body)) != `{"ended":0}` {
		t.Errorf("%s", ended.Body)
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
