package api_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

// client is what the tests look at of one.
type client struct {
	ClientID            string   `json:"client_id"`
	ClientName          string   `json:"client_name"`
	ClientSecret        string   `json:"client_secret"`
	HasSecret           bool     `json:"has_secret"`
	RedirectURIs        []string `json:"redirect_uris"`
	GrantTypes          []string `json:"grant_types"`
	IDTokenLifetime     int      `json:"id_token_lifetime"`
	ConversationalCloud struct {
		JSMethod string `json:"js_method"`
	} `json:"conversational_cloud"`
}

// clientKey is a key for clients.
func clientKey(p *webtest.Provider) string {
	return p.APIKey(nil, op.ScopeClientsRead, op.ScopeClientsWrite)
}

// asks is a client's request for a code; its status is 200 if the client is known.
func asks(clientID, redirectURI string) url.Values {
	return url.Values{"client_id": {clientID}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {redirectURI}}
}

func TestClientIsMadeReadChangedAndRemoved(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	second := p.Another()
	key := clientKey(p)
	const body = `{"client_name":"Shop","redirect_uris":["https://shop.brand.example/cb"],"id_token_lifetime":"10m"}`
	var made client
	reply := p.Call(key, "PUT", "/clients/shop", body, "If-None-Match", "*").Want(http.StatusCreated).Into(&made)
	if made.ClientID != "shop" || len(made.ClientSecret) != 43 || !made.HasSecret || made.IDTokenLifetime != 600 || !slices.Equal(made.GrantTypes, []string{"authorization_code"}) ||
		reply.Header.Get("Location") != p.Issuer+"/api/v1/clients/shop" {
		t.Errorf("%s %v", reply.Body, reply.Header)
	}
	start := time.Now()
	b := second.Browser(t)
	webtest.Eventually(t, "another instance knows the client", func() bool {
		return b.Authorize(asks("shop", "https://shop.brand.example/cb")).Status == http.StatusOK
	})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("seen after %v", took) // a second, and room for a busy machine
	}

	read := p.Call(key, "GET", "/clients/shop", nil).Want(http.StatusOK)
	if read.Header.Get("ETag") != reply.Header.Get("ETag") || strings.Contains(string(read.Body), made.ClientSecret) || strings.Contains(string(read.Body), "client_secret\"") {
		t.Errorf("%s %v", read.Body, read.Header)
	}
	wantProblem(t, p.Call(key, "PUT", "/clients/shop", body, "If-None-Match", "*"), http.StatusPreconditionFailed)
	same := p.Call(key, "PUT", "/clients/shop", body).Want(http.StatusOK)
	if string(same.Body) != string(read.Body) || same.Header.Get("ETag") != read.Header.Get("ETag") {
		t.Errorf("an equal client is another: %s", same.Body)
	}
	var after client
	changed := p.Call(key, "PATCH", "/clients/shop", `{"client_name":null,"redirect_uris":["https://shop.brand.example/new"]}`,
		"Content-Type", "application/merge-patch+json", "If-Match", read.Header.Get("ETag")).Want(http.StatusOK).Into(&after)
	if after.ClientName != "" || after.RedirectURIs[0] != "https://shop.brand.example/new" || after.IDTokenLifetime != 600 || after.ClientSecret != "" {
		t.Errorf("%s", changed.Body)
	}
	for method, body := range map[string]any{"PUT": body, "PATCH": `{"client_name":"x"}`, "DELETE": nil} {
		wantProblem(t, p.Call(key, method, "/clients/shop", body, "If-Match", read.Header.Get("ETag")), http.StatusPreconditionFailed)
	}
	webtest.Eventually(t, "another instance knows the change", func() bool {
		return b.Authorize(asks("shop", "https://shop.brand.example/new")).Status == http.StatusOK
	})
	p.Call(key, "DELETE", "/clients/shop", nil, "If-Match", changed.Header.Get("ETag")).Want(http.StatusNoContent)
	for method, body := range map[string]any{"GET": nil, "PATCH": `{}`, "DELETE": nil} {
		wantProblem(t, p.Call(key, method, "/clients/shop", body), http.StatusNotFound)
	}
	webtest.Eventually(t, "another instance knows that the client is gone", func() bool {
		return b.Authorize(asks("shop", "https://shop.brand.example/new")).Status == http.StatusBadRequest
	})
	wantProblem(t, p.Call(key, "PUT", "/clients/shop", body, "If-Match", "*"), http.StatusPreconditionFailed)
}

func TestEveryFaultOfAClientIsTold(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := clientKey(p)
	const body = `{"client_id":"other","client_secret":"hunter2","redirect_uris":["http://hunter2","https://b.example/#x"],"redirect_url":"hunter2",
		"id_token_lifetime":"hunter2","grant_types":["hunter2"],"scope":7,"conversational_cloud":{"variant":"hunter2","encryption_key":{"jwk":{"d":"hunter2"}}}}`
	want := []string{
		"/client_id", "/client_secret", "/conversational_cloud/encryption_key/jwk/d", "/conversational_cloud/variant", "/grant_types/0",
		"/id_token_lifetime", "/redirect_uris/0", "/redirect_uris/1", "/redirect_url",
	}
	for _, method := range []string{"PUT", "PATCH"} {
		reply := p.Call(key, method, "/clients/shop", strings.ReplaceAll(body, "\n", " "))
		var told problem
		reply.Want(http.StatusBadRequest).Into(&told)
		places := told.places()
		for _, place := range append(want, "/scope") {
			if !slices.Contains(places, place) {
				t.Errorf("%s: %s is not told: %v", method, place, places)
			}
		}
		if strings.Contains(string(reply.Body), "hunter2") {
			t.Errorf("repeats what was sent: %s", reply.Body)
		}
	}
	// What only the other clients and consumers tell.
	wantProblem(t, p.Call(key, "PUT", "/clients/late", `{"redirect_uris":["https://late.brand.example/"],"response_types":["id_token"],
		"conversational_cloud":{"variant":"rfc","audience":["shop"]}}`), http.StatusBadRequest, "/conversational_cloud/audience/0")
	wantProblem(t, p.Call(key, "PUT", "/clients/amelia-sub", `{"response_types":[],"grant_types":["client_credentials"],"scope":"own"}`), http.StatusBadRequest, "/client_id")
	for _, body := range []string{`[]`, `null`, `{`, `"hunter2"`} {
		wantProblem(t, p.Call(key, "PUT", "/clients/shop", body), http.StatusBadRequest, "")
		wantProblem(t, p.Call(key, "PATCH", "/clients/shop", body), http.StatusBadRequest, "")
	}
	wantProblem(t, p.Call(key, "GET", "/clients/a%20b", nil), http.StatusBadRequest, "client_id")
}

// TestAnEmptyPatchChangesNothing reads every kind of client back by the rules of new ones.
func TestAnEmptyPatchChangesNothing(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, `
clients:
  - {client_id: looks, client_secret: a-secret-that-is-long-enough-for-it, introspection: true, response_types: [], grant_types: []}
  - {client_id: looks-too, client_secret: a-secret-that-is-long-enough-for-it, introspection: true, response_types: []}
  - client_id: legacy
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [code, token]
    grant_types: [authorization_code, implicit, refresh_token]
    conversational_cloud: {variant: legacy, account_id: "1", iat_backdating: 0, audience: [legacy, "acc:1"]}
  - client_id: signs
    token_endpoint_auth_method: private_key_jwt
    redirect_uris: [https://signs.brand.example/cb]
    custom_claims: {tier: attributes.tier}
    jwks: {keys: [{kty: EC, crv: P-256, kid: a, x: f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU, y: x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0}]}
`)
	key := p.APIKey(nil, op.APIScopes()...)
	var page struct {
		Clients []json.RawMessage
		Next    string `json:"next_cursor"`
	}
	seen := 0
	for cursor := ""; ; {
		page.Clients, page.Next = nil, ""
		p.Call(key, "GET", "/clients?limit=2&cursor="+cursor, nil).Want(http.StatusOK).Into(&page)
		for _, listed := range page.Clients {
			var c client
			if err := json.Unmarshal(listed, &c); err != nil {
				t.Fatal(err)
			}
			read := p.Call(key, "GET", "/clients/"+c.ClientID, nil).Want(http.StatusOK)
			patched := p.Call(key, "PATCH", "/clients/"+c.ClientID, `{}`).Want(http.StatusOK)
			if diff := cmp.Diff(strings.TrimSpace(string(read.Body)), strings.TrimSpace(string(patched.Body))); diff != "" || read.Header.Get("ETag") != patched.Header.Get("ETag") {
				t.Errorf("%s: %s", c.ClientID, diff)
			}
			if strings.TrimSpace(string(read.Body)) != string(listed) {
				t.Errorf("%s is listed as another: %s", c.ClientID, listed)
			}
			seen++
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if n := webtest.Query[int](p, "select count(*) from clients"); seen != n {
		t.Errorf("%d of %d clients are listed", seen, n)
	}
	if n := webtest.Query[int](p, "select count(*) from audit_events where action = 'patch-client'"); n != 0 {
		t.Errorf("%d events of no change", n)
	}
	wantProblem(t, p.Call(key, "GET", "/clients?cursor=%21", nil), http.StatusBadRequest, "cursor")
}

func TestAConnectorHasAKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.ScopeClientsRead, op.ScopeClientsWrite, op.ScopeConsumersRead)
	const body = `{"redirect_uris":["https://lpcdn.lpsnmedia.net/le_unified_window/index.html"],"response_types":["id_token"],"conversational_cloud":{"variant":"rfc"}}`
	var made client
	p.Call(key, "PUT", "/clients/window", body).Want(http.StatusCreated).Into(&made)
	if made.ConversationalCloud.JSMethod != "lpGetAuthenticationToken" || made.HasSecret {
		t.Errorf("%+v", made)
	}
	p.Call(key, "PUT", "/clients/edged", `{"redirect_uris":["https://edged.brand.example/cb"],"id_token_signed_response_alg":"ES256"}`).Want(http.StatusCreated)
	owners := webtest.Query[string](p, `select string_agg(coalesce(c.client_id, '') || ' ' || k.alg, ', ' order by c.client_id)
		from signing_keys k left join clients c on c.id = k.client_id where k.state = 'active' and coalesce(c.client_id, '') <> 'messaging'`)
	if owners != "window RS256,  ES256,  RS256" && owners != "window RS256,  RS256,  ES256" {
		t.Errorf("keys: %s", owners)
	}
	var settings struct {
		ClientID string `json:"client_id"`
		Fields   []struct{ Name, Value string }
		PageTag  string `json:"page_tag"`
		Notes    []string
		Warnings []string
	}
	p.Call(key, "GET", "/clients/window/connector-settings", nil).Want(http.StatusOK).Into(&settings)
	values := map[string]string{}
	for _, field := range settings.Fields {
		values[field.Name] = field.Value
	}
	if values["JWT issuer (iss)"] != p.Issuer || values["JWKS Endpoint"] != p.Issuer+"/jwks/window.json" || len(values["JWT Public Key"]) < 300 ||
		!strings.Contains(settings.PageTag, "client_id=window") || len(settings.Notes) == 0 || len(settings.Warnings) == 0 {
		t.Errorf("%+v", settings)
	}
	wantProblem(t, p.Call(key, "GET", "/clients/shop/connector-settings", nil), http.StatusNotFound)
	wantProblem(t, p.Call(key, "GET", "/clients/nothing/connector-settings", nil), http.StatusNotFound)

	const path = "/clients/window/token-preview"
	var previews [2]struct {
		Payload struct{ Iss, Sub, Aud, Email string }
		Size    int
		Checks  []struct{ Name string }
	}
	p.Call(key, "POST", path, `{"sub":"amelia-sub"}`).Want(http.StatusOK).Into(&previews[0])
	p.Call(key, "POST", path, `{"external_id":"crm-1","response_type":"id_token"}`).Want(http.StatusOK).Into(&previews[1])
	for _, preview := range previews {
		if preview.Payload.Iss != p.Issuer || preview.Payload.Sub != "amelia-sub" || preview.Payload.Aud != "window" || preview.Payload.Email != "amelia@brand.example" || preview.Size < 500 {
			t.Errorf("%+v", preview)
		}
	}
	wantProblem(t, p.Call(key, "POST", path, `{"sub":"nobody"}`), http.StatusNotFound)
	wantProblem(t, p.Call(key, "POST", path, `{}`), http.StatusBadRequest, "/sub")
	wantProblem(t, p.Call(key, "POST", path, `{"sub":"\u0000"}`), http.StatusBadRequest, "/sub")
	wantProblem(t, p.Call(key, "POST", path, `{"external_id":"\u0000"}`), http.StatusBadRequest, "/external_id")
	wantProblem(t, p.Call(key, "POST", path, `{"sub":"amelia-sub","external_id":"crm-1"}`), http.StatusBadRequest, "/external_id")
	wantProblem(t, p.Call(key, "POST", path, `{"sub":"amelia-sub","response_type":"code"}`), http.StatusBadRequest, "/response_type")
	p.Exec("update consumers set disabled = true where sub = 'rory-sub'")
	wantProblem(t, p.Call(key, "POST", path, `{"sub":"rory-sub"}`), http.StatusConflict)
	webtest.Eventually(t, "the preview is told as a reading of the consumer", func() bool {
		return webtest.Query[int](p, "select count(*) from audit_events where action = 'preview-token' and target_kind = 'consumer' and target = 'amelia-sub'") == 2
	})
}

func TestNoPatchOfAClientIsLost(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := clientKey(p)
	var wait sync.WaitGroup
	const patches = 6
	for i := range patches {
		wait.Go(func() {
			if reply := p.Call(key, "PATCH", "/clients/shop", fmt.Sprintf(`{"custom_claims":{"a%d":"attributes.a"}}`, i)); reply.Status != http.StatusOK {
				t.Errorf("%d %s", reply.Status, reply.Body)
			}
		})
	}
	wait.Wait()
	if n := webtest.Query[int](p, "select count(*) from clients, jsonb_object_keys(metadata->'custom_claims') where client_id = 'shop'"); n != patches {
		t.Errorf("%d of %d patches are there", n, patches)
	}
	// With one ETag one change is made, and one client by who makes it alone.
	for _, race := range []struct {
		method, path, body, header, value string
		want                              int
	}{
		{"PATCH", "/clients/shop", `{"client_name":"n%d"}`, "If-Match", p.Call(key, "GET", "/clients/shop", nil).Header.Get("ETag"), http.StatusOK},
		{"PUT", "/clients/new", `{"client_name":"n%d","redirect_uris":["https://a.brand.example/"],"response_types":["id_token"],
			"conversational_cloud":{"variant":"rfc"}}`, "If-None-Match", "*", http.StatusCreated},
	} {
		statuses := make(chan int, 4)
		for i := range cap(statuses) {
			go func() {
				statuses <- p.Call(key, race.method, race.path, fmt.Sprintf(race.body, i), race.header, race.value).Status
			}()
		}
		won := 0
		for range cap(statuses) {
			switch status := <-statuses; status {
			case race.want:
				won++
			case http.StatusPreconditionFailed:
			default:
				t.Errorf("%s: status %d", race.path, status)
			}
		}
		if won != 1 {
			t.Errorf("%s: %d have won", race.path, won)
		}
	}
	if n := webtest.Query[int](p, "select count(*) from signing_keys k join clients c on c.id = k.client_id where c.client_id = 'new'"); n != 1 {
		t.Errorf("%d keys", n)
	}
}

// TestTheDocumentHasEveryFieldOfAClient compares it with what brandfile says it knows.
func TestTheDocumentHasEveryFieldOfAClient(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	var document struct {
		Components struct {
			Schemas map[string]struct {
				Properties map[string]any `json:"properties"`
			} `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal([]byte(p.Browser(t).Get("/api/openapi.json").Body), &document); err != nil {
		t.Fatal(err)
	}
	for schema, body := range map[string]string{
		"ClientToWrite": `{"zzzzzzzzzzzzzzzz":1}`, "CloudToWrite": `{"conversational_cloud":{"variant":"rfc","zzzzzzzzzzzzzzzz":1}}`,
	} {
		var told problem
		p.Call(clientKey(p), "PUT", "/clients/a", body).Want(http.StatusBadRequest).Into(&told)
		var known []string
		for _, fault := range told.Errors {
			if _, list, found := strings.Cut(fault.Detail, "known are "); found {
				known = strings.Split(list, ", ")
			}
		}
		known = slices.DeleteFunc(known, func(name string) bool { return strings.HasPrefix(name, "client_secret") })
		if diff := cmp.Diff(known, slices.Sorted(maps.Keys(document.Components.Schemas[schema].Properties))); diff != "" || len(known) == 0 {
			t.Errorf("%s: %s", schema, diff)
		}
	}
}
