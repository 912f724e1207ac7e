package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// brandSite is a brand's site with a login of its own: a page, a form, and a backend
// that calls the management API.
type brandSite struct {
	t *testing.T
	// api is the address of the management API, key what it is called with.
	api, key string
}

func (b *brandSite) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	challenge := r.FormValue("login_challenge")
	switch r.Method + " " + r.URL.Path {
	case "GET /login":
		var asked struct {
			Client struct {
				Name string `json:"client_name"`
			}
		}
		b.call(http.MethodGet, "/login-challenges/"+challenge, nil, &asked)
		fmt.Fprintf(w, "Sign in to %s: <form>…</form> %s", asked.Client.Name, challenge)
	case "POST /login":
		var next struct {
			RedirectTo string `json:"redirect_to"`
		}
		if r.FormValue("password") != "the brand's own password" {
			b.call(http.MethodPost, "/login-challenges/"+challenge+"/reject", map[string]any{"error": "access_denied"}, &next)
		} else {
			b.call(http.MethodPost, "/login-challenges/"+challenge+"/accept", map[string]any{
				"external_id": "crm-" + r.FormValue("number"), "acr": "gold", "amr": []string{"pwd", "otp"},
				"upsert": map[string]any{"claims": map[string]any{"given_name": "Clara"}, "customer_info": map[string]any{"ctype": "vip"}},
			}, &next)
		}
		http.Redirect(w, r, next.RedirectTo, http.StatusSeeOther)
	case "GET /logout":
		var next struct {
			RedirectTo string `json:"redirect_to"`
		}
		b.call(http.MethodPost, "/logout-challenges/"+r.FormValue("logout_challenge")+"/accept", nil, &next)
		http.Redirect(w, r, next.RedirectTo, http.StatusSeeOther)
	default:
		http.NotFound(w, r)
	}
}

// call is what any backend does: JSON there, JSON back.
func (b *brandSite) call(method, path string, body, into any) {
	var content bytes.Buffer
	if body != nil {
		_ = json.NewEncoder(&content).Encode(body)
	}
	request, _ := http.NewRequestWithContext(b.t.Context(), method, b.api+path, &content)
	request.Header.Set("Authorization", "Bearer "+b.key)
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		b.t.Error(err)
		return
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	if err := json.NewDecoder(response.Body).Decode(into); err != nil || response.StatusCode != http.StatusOK {
		b.t.Errorf("%s %s: status %d, %v", method, path, response.StatusCode, err)
	}
}

// relyingParty signs people in with other people's libraries.
type relyingParty struct {
	t        *testing.T
	config   oauth2.Config
	verifier *oidc.IDTokenVerifier
	// idToken is what it has got last, "" for none, and fault the error in its place.
	idToken, fault string
	claims         map[string]any
}

func (rp *relyingParty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/start":
		http.Redirect(w, r, rp.config.AuthCodeURL("st", oidc.Nonce("no")), http.StatusFound)
	case "/cb":
		rp.idToken, rp.fault = "", r.FormValue("error")
		if rp.fault != "" {
			return
		}
		token, err := rp.config.Exchange(r.Context(), r.FormValue("code"))
		if err != nil {
			rp.t.Error(err)
			return
		}
		rp.idToken, _ = token.Extra("id_token").(string)
		verified, err := rp.verifier.Verify(r.Context(), rp.idToken)
		if err == nil {
			err = verified.Claims(&rp.claims)
		}
		if err != nil || verified.Nonce != "no" || r.FormValue("state") != "st" {
			rp.t.Error(err)
		}
	}
}

// A brand's own login signs its consumers in at a relying party, and out, over HTTP from
// one end to the other: nobody has been imported before, and no password has moved.
func TestBrandsOwnLoginAndLogout(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	site := &brandSite{t: t, api: p.Address + "/api/v1", key: p.APIKey(nil, op.ScopeLogins, op.ScopeConsumersWrite)}
	rp := &relyingParty{t: t}
	brandServer, rpServer := httptest.NewServer(site), httptest.NewServer(rp)
	t.Cleanup(brandServer.Close)
	t.Cleanup(rpServer.Close)
	p.Apply(fmt.Sprintf(`
clients:
  - client_id: shop
    client_name: The shop
    client_secret: a-secret-that-is-long-enough-for-it
    redirect_uris: [%[1]s/cb]
    login_url: %[2]s/login
    logout_url: %[2]s/logout
    post_logout_redirect_uris: [%[1]s/bye]
`, rpServer.URL, brandServer.URL))
	provider, err := oidc.NewProvider(t.Context(), p.Issuer)
	if err != nil {
		t.Fatal(err)
	}
	rp.verifier = provider.VerifierContext(context.WithoutCancel(t.Context()), &oidc.Config{ClientID: "shop"})
	rp.config = oauth2.Config{
		ClientID: "shop", ClientSecret: "a-secret-that-is-long-enough-for-it", Endpoint: provider.Endpoint(),
		RedirectURL: rpServer.URL + "/cb", Scopes: []string{"openid", "profile"},
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	visit := func(address string, form url.Values) (at *url.URL) {
		t.Helper()
		var (
			response *http.Response
			err      error
		)
		if form == nil {
			response, err = browser.Get(address)
		} else {
			response, err = browser.PostForm(address, form)
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.Request.URL
	}

	login := visit(rpServer.URL+"/start", nil)
	if !strings.HasPrefix(login.String(), brandServer.URL+"/login?login_challenge=") {
		t.Fatalf("at %s", login)
	}
	form := url.Values{"login_challenge": login.Query()["login_challenge"], "number": {"7"}, "password": {"the brand's own password"}}
	visit(brandServer.URL+"/login", form)
	if rp.claims["given_name"] != nil || rp.claims["acr"] != "gold" { // the profile is at UserInfo
		t.Errorf("%v", rp.claims)
	}
	c, err := p.Store.ConsumerByExternalID(t.Context(), "crm-7")
	if err != nil || c.Sub != rp.claims["sub"] || c.Claims.GivenName != "Clara" || c.CustomerInfo == nil || c.ManagedBy != "api" {
		t.Fatalf("%+v, %v", c, err)
	}
	idToken := rp.idToken
	if at := visit(rpServer.URL+"/start", nil); at.Path != "/cb" || rp.claims["sub"] != c.Sub { // by the session
		t.Errorf("at %s", at)
	}

	end := url.Values{"id_token_hint": {idToken}, "post_logout_redirect_uri": {rpServer.URL + "/bye"}, "state": {"x"}}
	if at := visit(p.Address+"/end_session?"+end.Encode(), nil); at.String() != rpServer.URL+"/bye?state=x" {
		t.Errorf("at %s", at)
	}
	login = visit(rpServer.URL+"/start", nil)
	visit(brandServer.URL+"/login", url.Values{"login_challenge": login.Query()["login_challenge"], "password": {"wrong"}})
	if rp.fault != "access_denied" {
		t.Errorf("error %q", rp.fault)
	}
}

const handed = `
clients:
  - client_id: shop
    client_secret: a-secret-that-is-long-enough-for-it
    redirect_uris: [https://shop.brand.example/cb]
    response_types: [id_token]
    login_url: https://www.brand.example/login
    logout_url: https://www.brand.example/logout
`

// challenge begins at the shop in a new browser.
func challenge(t *testing.T, p *webtest.Provider) (b *webtest.Browser, path string) {
	t.Helper()
	b = p.Browser(t)
	page := b.Authorize(url.Values{
		"client_id": {"shop"}, "response_type": {"id_token"}, "scope": {"openid"}, "nonce": {"no"}, "redirect_uri": {"https://shop.brand.example/cb"},
	})
	target, err := url.Parse(page.Target())
	if err != nil || target.Query().Get("login_challenge") == "" {
		t.Fatalf("status %d, target %q", page.Status, page.Target())
	}
	return b, "/login-challenges/" + target.Query().Get("login_challenge")
}

func TestAcceptedLoginIsChecked(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	key := p.APIKey(nil, op.ScopeLogins, op.ScopeConsumersWrite)
	_, path := challenge(t, p)
	for body, places := range map[string][]string{
		`{}`: {"/sub"},
		`{"sub":"amelia-sub","external_id":"crm-1","acr":"two words","amr":["", "x"],"auth_time":"2999-01-01T00:00:00Z"}`: {"/sub", "/acr", "/amr", "/auth_time"},
		`{"sub":"nobody"}`:                                        {"/sub"},
		`{"sub":"\u0000"}`:                                        {"/sub"},
		`{"external_id":"\u0000"}`:                                {"/external_id"},
		`{"external_id":"é","upsert":{}}`:                         {"/external_id"},
		`{"sub":"é","upsert":{}}`:                                 {"/sub"},
		`{"external_id":"crm-none"}`:                              {"/external_id"},
		`{"sub":"amelia-sub","no_such_field":1}`:                  {"/no_such_field"},
		`{"sub":"amelia-sub","auth_time":"noon"}`:                 {"/auth_time"},
		`{"sub":"amelia-sub","auth_time":"0001-01-01T00:00:00Z"}`: {"/auth_time"},
		`{"sub":"amelia-sub","auth_time":"1969-12-31T23:59:59Z"}`: {"/auth_time"},
		`{"sub":"amelia-sub","session_lifetime":-1}`:              {"/session_lifetime"},
		`{"sub":"amelia-sub","upsert":{"claims":{"email":"no address"},"external_id":"crm-1","attributes":{"a":[]}}}`: {"/upsert/attributes/a", "/upsert/claims/email"},
		`{"external_id":"crm-9","upsert":{"external_id":"crm-8","username":"amelia@"}}`:                               {"/upsert/username"},
		`{"external_id":"crm-9","upsert":{"external_id":"crm-8"}}`:                                                    {"/upsert/external_id"},
		`[]`: {""},
	} {
		reply := p.Call(key, http.MethodPost, path+"/accept", body)
		if got := wantProblem(t, reply, http.StatusBadRequest, places...); len(got.Errors) == 0 {
			t.Errorf("%s", body)
		}
	}
	wantProblem(t, p.Call(key, http.MethodPost, path+"/accept", `{"external_id":"crm-9","upsert":{"username":"amelia"}}`), http.StatusConflict, "/upsert/username")
	wantProblem(t, p.Call(key, http.MethodPost, path+"/reject", `{"error":"no_such_error"}`), http.StatusBadRequest, "/error")
	wantProblem(t, p.Call(key, http.MethodPost, path+"/reject", `{}`), http.StatusBadRequest, "")
	if n := webtest.Query[int](p, "select count(*)::int from consumers"); n != 2 {
		t.Errorf("%d consumers", n)
	}
	p.Call(key, http.MethodPost, path+"/accept", `{"sub":"amelia-sub"}`).Want(http.StatusOK)
	wantProblem(t, p.Call(key, http.MethodPost, path+"/accept", `{"sub":"amelia-sub","upsert":{}}`), http.StatusConflict)
	if name := webtest.Query[string](p, "select username from consumers where sub = 'amelia-sub'"); name != "amelia" {
		t.Error("what cannot be accepted any more has changed the consumer")
	}
}

// What a key for one client, or one without the scope, does not reach.
//
//security:17-credential
func TestCredentialsOfTheBrandsLogin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	of := func(clientID string, scopes ...string) string {
		return p.APIKey(func(k *storage.APIKey) {
			k.ClientID = webtest.Query[int64](p, "select id from clients where client_id = $1", clientID)
		}, scopes...)
	}
	site, shop := of("site", op.APIScopes()...), of("shop", op.APIScopes()...)
	b, path := challenge(t, p)
	wantProblem(t, p.Call(site, http.MethodGet, path, nil), http.StatusNotFound)
	wantProblem(t, p.Call(site, http.MethodPost, path+"/reject", `{"error":"access_denied"}`), http.StatusNotFound)
	p.Call(shop, http.MethodGet, path, nil).Want(http.StatusOK)
	// Whom one client's backend signed in would be signed in for all of them.
	wantProblem(t, p.Call(site, http.MethodPost, path+"/accept", `{"sub":"rory-sub"}`), http.StatusForbidden)
	wantProblem(t, p.Call(shop, http.MethodPost, path+"/accept", `{"sub":"rory-sub"}`), http.StatusForbidden)
	// Consumers are everybody's, and not every login's.
	logins := p.APIKey(nil, op.ScopeLogins)
	wantProblem(t, p.Call(logins, http.MethodPost, path+"/accept", `{"sub":"rory-sub","upsert":{}}`), http.StatusForbidden)
	var next struct {
		RedirectTo string `json:"redirect_to"`
	}
	p.Call(logins, http.MethodPost, path+"/accept", `{"sub":"rory-sub","acr":"gold"}`).Want(http.StatusOK).Into(&next)
	if page := b.Get(next.RedirectTo); page.Answer().Get("id_token") == "" {
		t.Errorf("target %q", page.Target())
	}

	// Each of it is in the audit trail, who it was about included, and nothing secret.
	var trail struct {
		Events []struct {
			Actor, Action, Target string
			TargetKind            string          `json:"target_kind"`
			After                 json.RawMessage `json:"after"`
		}
	}
	verifier := next.RedirectTo[strings.LastIndex(next.RedirectTo, "=")+1:]
	found := false
	webtest.Eventually(t, "the event is there", func() bool {
		reply := p.Call(p.APIKey(nil, op.ScopeAuditRead), http.MethodGet, "/audit-events", nil).Want(http.StatusOK).Into(&trail)
		if strings.Contains(string(reply.Body), verifier) || strings.Contains(string(reply.Body), strings.TrimPrefix(path, "/login-challenges/")) {
			t.Error("the trail has a verifier or a challenge")
		}
		for _, event := range trail.Events {
			found = found || event.Action == "accept-login-challenge" && event.Target == "rory-sub" && event.TargetKind == "consumer" &&
				strings.Contains(string(event.After), "gold")
		}
		return found
	})
}

// A decision that is sent again under its idempotency key is answered as before.
func TestAcceptedLoginIsRepeated(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	key := p.APIKey(nil, op.ScopeLogins, op.ScopeSessionsWrite, op.ScopeSessionsRead)
	b, path := challenge(t, p)
	first := p.Call(key, http.MethodPost, path+"/accept", `{"sub":"amelia-sub"}`, "Idempotency-Key", "a").Want(http.StatusOK)
	again := p.Call(key, http.MethodPost, path+"/accept", `{"sub":"amelia-sub"}`, "Idempotency-Key", "a").Want(http.StatusOK)
	if strings.TrimSpace(string(first.Body)) != string(again.Body) {
		t.Errorf("%s\n%s", first.Body, again.Body)
	}
	wantProblem(t, p.Call(key, http.MethodPost, path+"/accept", `{"sub":"rory-sub"}`, "Idempotency-Key", "a"), http.StatusUnprocessableEntity)
	wantProblem(t, p.Call(key, http.MethodPost, path+"/accept", `{"sub":"amelia-sub"}`, "Idempotency-Key", "b"), http.StatusConflict)
	var next struct {
		RedirectTo string `json:"redirect_to"`
	}
	again.Into(&next)
	b.Get(next.RedirectTo)
	sid := webtest.Query[string](p, "select sid from sessions")
	extend := func(body string) *webtest.Reply {
		return p.Call(key, http.MethodPost, "/sessions/"+sid+"/extend", body, "Idempotency-Key", "c")
	}
	p.Call(key, http.MethodPost, "/sessions/"+sid+"/extend", nil).Want(http.StatusOK) // it only counts as used
	once, twice := extend(`{"lifetime":60}`).Want(http.StatusOK), extend(`{"lifetime":60}`).Want(http.StatusOK)
	if strings.TrimSpace(string(once.Body)) != string(twice.Body) {
		t.Errorf("%s\n%s", once.Body, twice.Body)
	}

	// The sign-out is not asked for twice either.
	page := b.Get("/end_session?client_id=shop").Submit("sign-out", nil)
	target, err := url.Parse(page.Target())
	if err != nil {
		t.Fatal(err)
	}
	logout := "/logout-challenges/" + target.Query().Get("logout_challenge") + "/accept"
	first = p.Call(key, http.MethodPost, logout, nil, "Idempotency-Key", "d").Want(http.StatusOK)
	again = p.Call(key, http.MethodPost, logout, nil, "Idempotency-Key", "d").Want(http.StatusOK)
	if strings.TrimSpace(string(first.Body)) != string(again.Body) {
		t.Errorf("%s\n%s", first.Body, again.Body)
	}
}
