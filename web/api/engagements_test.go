package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

const engageBrand = `
clients:
  - client_id: chat
    client_secret: a-secret-that-is-long-enough-for-it
    redirect_uris: [https://liveperson.net]
    conversational_cloud: {variant: rfc}
  - client_id: asking
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    consent: required
    conversational_cloud: {variant: rfc}
consumers:
  - {sub: clara-sub, external_id: crm-3, username: clara@brand.example, claims: {given_name: Clara, email: clara@brand.example, email_verified: true}, customer_info: {ctype: basic, role: buyer}}
  - {sub: danny-sub, external_id: crm-4, disabled: true}
`

type engaged struct {
	IDToken     string `json:"id_token"`
	ExpiresIn   int64  `json:"expires_in"`
	Code        string `json:"code"`
	RedirectURI string `json:"redirect_uri"`
	Issuer      string `json:"iss"`
	Subject     string `json:"sub"`
}

const engagePath = "/engagements/token"

// said gives the claims of an ID token, verified by the connector's own keys.
func said(t *testing.T, p *webtest.Provider, client, idToken string) map[string]any {
	t.Helper()
	keys := oidc.NewRemoteKeySet(t.Context(), p.Address+"/jwks/"+client+".json")
	token, err := oidc.NewVerifier(p.Issuer, keys, &oidc.Config{ClientID: client, Now: p.Now}).Verify(t.Context(), idToken)
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := token.Claims(&claims); err != nil {
		t.Fatal(err)
	}
	return claims
}

// tier is what an ID token says as the type of customer.
func tier(t *testing.T, claims map[string]any) string {
	t.Helper()
	var sdes []struct {
		Info struct {
			CType string `json:"ctype"`
			Role  string `json:"role"`
		} `json:"info"`
	}
	document, err := json.Marshal(claims["lp_sdes"])
	if err == nil {
		err = json.Unmarshal(document, &sdes)
	}
	if err != nil || len(sdes) == 0 {
		t.Fatal(claims, err)
	}
	return sdes[0].Info.CType + " " + sdes[0].Info.Role
}

func TestEngagementsGiveTokens(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, engageBrand)
	key := p.APIKey(nil, op.ScopeEngagementsWrite)
	signedIn := p.Now().Add(-time.Hour).Truncate(time.Second)
	var answer engaged

	p.Counts.Take()
	p.Call(key, "POST", engagePath, map[string]any{"client_id": "messaging", "external_id": "crm-3", "auth_time": signedIn, "amr": []string{"otp"}}).Want(http.StatusOK).Into(&answer)
	if trips, commits, statements := p.Counts.Take(); trips != 1 || commits != 0 {
		t.Errorf("%d round trips, %d commits: %v", trips, commits, statements)
	}
	claims := said(t, p, "messaging", answer.IDToken)
	if answer.Subject != "clara-sub" || answer.Issuer != p.Issuer || answer.ExpiresIn < 3500 || claims["auth_time"] != float64(signedIn.Unix()) ||
		fmt.Sprint(claims["amr"]) != "[otp]" || claims["given_name"] != "Clara" || tier(t, claims) != "basic buyer" {
		t.Errorf("%+v, %v", answer, claims)
	}

	// What is sent along is merged into what is stored, for this token.
	along := `,"claims":{"given_name":"Once","email":null,"email_verified":null},"customer_info":{"ctype":"vip"}}`
	p.Call(key, "POST", engagePath, `{"client_id":"messaging","sub":"clara-sub"`+along).Want(http.StatusOK).Into(&answer)
	if claims := said(t, p, "messaging", answer.IDToken); claims["given_name"] != "Once" || claims["email"] != nil || tier(t, claims) != "vip buyer" {
		t.Errorf("claims %v", claims)
	}
	answer = engaged{}
	p.Counts.Take()
	p.Call(key, "POST", engagePath, `{"client_id":"chat","sub":"clara-sub"`+along).Want(http.StatusOK).Into(&answer)
	if trips, commits, statements := p.Counts.Take(); trips != 2 || commits != 1 {
		t.Errorf("a code: %d round trips, %d commits: %v", trips, commits, statements)
	}
	b := p.Browser(t)
	request := b.Request("/token", url.Values{"grant_type": {"authorization_code"}, "code": {answer.Code}, "redirect_uri": {answer.RedirectURI}})
	request.SetBasicAuth("chat", "a-secret-that-is-long-enough-for-it")
	var token engaged
	if err := json.Unmarshal([]byte(b.Do(request).Body), &token); err != nil || answer.IDToken != "" || answer.RedirectURI != "https://liveperson.net" {
		t.Fatal(err, answer)
	}
	if claims := said(t, p, "chat", token.IDToken); claims["given_name"] != "Once" || tier(t, claims) != "vip buyer" || claims["sid"] != nil {
		t.Errorf("claims %v", claims)
	}
	p.Call(key, "POST", engagePath, `{"client_id":"messaging","sub":"clara-sub"}`).Want(http.StatusOK).Into(&answer)
	if claims := said(t, p, "messaging", answer.IDToken); claims["given_name"] != "Clara" || tier(t, claims) != "basic buyer" {
		t.Errorf("it was stored: %v", claims)
	}

	// To store it takes another scope.
	store := `{"client_id":"messaging","sub":"clara-sub","store":true,"customer_info":{"ctype":"vip"}}`
	wantProblem(t, p.Call(key, "POST", engagePath, store), http.StatusForbidden)
	both := p.APIKey(nil, op.ScopeEngagementsWrite, op.ScopeConsumersWrite)
	for _, body := range []string{store, `{"client_id":"messaging","sub":"clara-sub"}`} {
		p.Call(both, "POST", engagePath, body).Want(http.StatusOK).Into(&answer)
		if claims := said(t, p, "messaging", answer.IDToken); tier(t, claims) != "vip buyer" {
			t.Errorf("after %s: %v", body, claims)
		}
	}
	wantProblem(t, p.Call(both, "POST", engagePath, `{"client_id":"messaging","sub":"clara-sub","store":true,"claims":{"email":"amelia@brand.example"}}`),
		http.StatusBadRequest, "/username")

	// It is told of within a second; what was changed is told of with the change.
	webtest.Eventually(t, "an event of each token", func() bool {
		return webtest.Query[int](p, `select count(*) from audit_events where action = 'engage' and target_kind = 'consumer' and target = 'clara-sub'
			and actor_kind = 'api_key' and after->>'client_id' in ('messaging', 'chat')`) >= 6
	})
}

//security:32-narrowed
func TestEngagementsOfOneConnector(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, engageBrand)
	messaging := webtest.Query[int64](p, "select id from clients where client_id = 'messaging'")
	narrowed := p.APIKey(func(k *storage.APIKey) { k.ClientID = messaging }, op.APIScopes()...)
	p.Call(narrowed, "POST", engagePath, `{"client_id":"messaging","external_id":"crm-3"}`).Want(http.StatusOK)
	for _, body := range []string{
		`{"client_id":"chat","external_id":"crm-3"}`, `{"client_id":"none","external_id":"crm-3"}`, `{"client_id":"site","external_id":"crm-3"}`,
		`{"external_id":"crm-3"}`, `{"client_id":["messaging"],"external_id":"crm-3"}`, `[]`,
		`{"client_id":"messaging","external_id":"crm-3","store":true,"customer_info":{"ctype":"vip"}}`,
		`{"client_id":"chat","client_id":"messaging","external_id":"crm-3","store":true}`,
	} {
		wantProblem(t, p.Call(narrowed, "POST", engagePath, body), http.StatusForbidden)
	}
	if stored := webtest.Query[string](p, "select customer_info->>'ctype' from consumers where sub = 'clara-sub'"); stored != "basic" {
		t.Errorf("stored %s", stored)
	}
}

func TestWhatEngagementsRefuse(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, engageBrand)
	key := p.APIKey(nil, op.ScopeEngagementsWrite)
	for body, want := range map[string]struct {
		status int
		places []string
	}{
		`{"client_id":"messaging","external_id":"crm-9"}`:                                {status: http.StatusNotFound},
		`{"client_id":"messaging","sub":"crm-3"}`:                                        {status: http.StatusNotFound},
		`{"client_id":"none","sub":"clara-sub"}`:                                         {status: http.StatusNotFound},
		`{"client_id":"site","sub":"clara-sub"}`:                                         {status: http.StatusNotFound},
		`{"client_id":"messaging","external_id":"crm-4"}`:                                {status: http.StatusConflict},
		`{"client_id":"asking","external_id":"crm-3"}`:                                   {status: http.StatusForbidden},
		`{"client_id":"messaging","sub":"clara-sub","response_type":"code"}`:             {status: http.StatusBadRequest},
		`{"client_id":"chat","sub":"clara-sub","redirect_uri":"https://evil.example"}`:   {status: http.StatusBadRequest},
		`{"client_id":"messaging","sub":"clara-sub","auth_time":"2100-01-01T00:00:00Z"}`: {http.StatusBadRequest, []string{"/auth_time"}},
		`{"client_id":"messaging","sub":"clara-sub","auth_time":"2000-01-01T00:00:00Z"}`: {http.StatusBadRequest, []string{"/auth_time"}},
		`{"client_id":"messaging","sub":"clara-sub","auth_time":"0001-01-01T00:00:00Z"}`: {http.StatusBadRequest, []string{"/auth_time"}},
		`{"client_id":"messaging","sub":"clara-sub","auth_time":"1969-01-01T00:00:00Z"}`: {http.StatusBadRequest, []string{"/auth_time"}},
		`{"client_id":"messaging","sub":"clara-sub","auth_time":1764340000}`:             {http.StatusBadRequest, []string{"/auth_time"}},
		`{"client_id":"messaging","sub":"clara-sub","auth_time":"yesterday"}`:            {http.StatusBadRequest, []string{"/auth_time"}},
		`{"client_id":"messaging","sub":"clara-sub","amr":["a b"]}`:                      {http.StatusBadRequest, []string{"/amr"}},
		`{"client_id":"messaging","sub":"\u0000"}`:                                       {http.StatusBadRequest, []string{"/sub"}},
		`{"client_id":"messaging","external_id":"é"}`:                                    {http.StatusBadRequest, []string{"/external_id"}},
		`{}`: {http.StatusBadRequest, []string{"", ""}},
		`{"client_id":"messaging","sub":"clara-sub","external_id":"crm-3"}`: {http.StatusBadRequest, []string{""}},
		`not JSON`: {http.StatusBadRequest, []string{""}},
		`null`:     {http.StatusBadRequest, []string{""}},
		`{"client_id":"messaging","sub":"clara-sub","acr":"high"}`: {http.StatusBadRequest, []string{"/acr"}},
		`{"client_id":7,"sub":"clara-sub","response_type":"token","amr":"otp","claims":{"sub":"x","email":7},"customer_info":{"ctyp":"a","balance":"b"},"attributes":{"a b":1}}`: {
			http.StatusBadRequest,
			[]string{"/response_type", "/amr", "/client_id", "/claims/sub", "/claims/email", "/customer_info/ctyp", "/customer_info/balance", "/attributes/(a name of other characters)"},
		},
	} {
		reply := p.Call(key, "POST", engagePath, body)
		got := wantProblem(t, reply, want.status, sorted(t, reply, want.places)...)
		if got.Status != want.status {
			t.Errorf("%s: %s", body, reply.Body)
		}
	}
	// A consumer's fault is told of as of the consumers' own operations.
	reply := p.Call(key, "POST", engagePath, `{"client_id":"messaging","sub":"clara-sub","claims":{"email":"no address"}}`)
	wantProblem(t, reply, http.StatusBadRequest, "/claims/email")
}

// sorted gives places in the order in which a reply has them, if they are the same.
func sorted(t *testing.T, reply *webtest.Reply, places []string) []string {
	t.Helper()
	var p problem
	reply.Into(&p)
	count := map[string]int{}
	for _, place := range places {
		count[place]++
	}
	for _, place := range p.places() {
		count[place]--
	}
	for _, n := range count {
		if n != 0 {
			return places
		}
	}
	return p.places()
}

// TestAnEngagementUnderAnIdempotencyKey is answered once more as it was, with the same
// token.
func TestAnEngagementUnderAnIdempotencyKey(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, engageBrand)
	key := p.APIKey(nil, op.ScopeEngagementsWrite)
	var first, second engaged
	body := `{"client_id":"chat","sub":"clara-sub"}`
	p.Call(key, "POST", engagePath, body, "Idempotency-Key", "one").Want(http.StatusOK).Into(&first)
	p.Call(key, "POST", engagePath, body, "Idempotency-Key", "one").Want(http.StatusOK).Into(&second)
	if diff := cmp.Diff(first, second); diff != "" || first.Code == "" {
		t.Error(diff)
	}
	wantProblem(t, p.Call(key, "POST", engagePath, `{"client_id":"chat","external_id":"crm-3"}`, "Idempotency-Key", "one"), http.StatusUnprocessableEntity)
	// One that was refused may be sent again.
	wantProblem(t, p.Call(key, "POST", engagePath, `{"client_id":"none","sub":"clara-sub"}`, "Idempotency-Key", "two"), http.StatusNotFound)
	p.Call(key, "POST", engagePath, body, "Idempotency-Key", "two").Want(http.StatusOK)
}

// TestNobodyGetsTokensByAClient that they were not granted: neither for consumers, nor
// of another connector.
//
//security:32-narrowed
func TestNobodyGetsTokensByAClient(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, engageBrand)
	chat := webtest.Query[int64](p, "select id from clients where client_id = 'chat'")
	const grant = "urn:ietf:params:oauth:grant-type:token-exchange"
	patch := func(audiences string) string {
		return `{"grant_types":["authorization_code","` + grant + `"],"token_exchange_audiences":[` + audiences + `],"assertion_issuers":[
			{"issuer":"https://www.brand.example","subject":"external_id","jwks":{"keys":[{"kty":"EC","crv":"P-256","kid":"a",
			"x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}}]}`
	}
	without := p.APIKey(nil, op.ScopeClientsWrite)
	wantProblem(t, p.Call(without, "PATCH", "/clients/chat", patch("")), http.StatusForbidden, "/assertion_issuers")
	narrowed := p.APIKey(func(k *storage.APIKey) { k.ClientID = chat }, op.ScopeClientsWrite, op.ScopeEngagementsWrite)
	wantProblem(t, p.Call(narrowed, "PATCH", "/clients/chat", patch(`"chat","messaging"`)), http.StatusForbidden, "/token_exchange_audiences/1")
	p.Call(narrowed, "PATCH", "/clients/chat", patch(`"chat"`)).Want(http.StatusOK)
	with := p.APIKey(nil, op.ScopeClientsWrite, op.ScopeEngagementsWrite)
	wantProblem(t, p.Call(with, "PATCH", "/clients/chat", patch(`"site"`)), http.StatusBadRequest, "/token_exchange_audiences/0")
	p.Call(with, "PATCH", "/clients/chat", patch(`"messaging"`)).Want(http.StatusOK)
}
