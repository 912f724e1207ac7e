package api_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

func TestASecretIsShownOnce(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, `
clients:
  - {client_id: machine, client_secret: a-secret-that-is-long-enough-for-it, grant_types: [client_credentials], response_types: [], scope: own}
  - {client_id: app, token_endpoint_auth_method: none, redirect_uris: ["https://app.brand.example/cb"]}
`)
	key := clientKey(p)
	authenticates := func(secret string) bool {
		b := p.Browser(t)
		request := b.Request("/token", url.Values{"grant_type": {"client_credentials"}})
		request.SetBasicAuth("machine", secret)
		return b.Do(request).Status == http.StatusOK
	}
	const old = "a-secret-that-is-long-enough-for-it"
	if !authenticates(old) {
		t.Fatal("the client's secret is not taken")
	}
	var made, again client
	first := p.Call(key, "POST", "/clients/machine/secret", nil, "Idempotency-Key", "k").Want(http.StatusOK).Into(&made)
	p.Call(key, "POST", "/clients/machine/secret", nil, "Idempotency-Key", "k").Want(http.StatusOK).Into(&again)
	if made.ClientID != "machine" || len(made.ClientSecret) != 43 || made.ClientSecret != again.ClientSecret {
		t.Errorf("%s %+v", first.Body, again)
	}
	webtest.Eventually(t, "the new secret is taken and the old one is not", func() bool { return authenticates(made.ClientSecret) && !authenticates(old) })
	p.Call(key, "POST", "/clients/machine/secret", nil).Want(http.StatusOK).Into(&again)
	if again.ClientSecret == made.ClientSecret {
		t.Error("the same secret was made twice")
	}
	wantProblem(t, p.Call(key, "POST", "/clients/app/secret", nil), http.StatusConflict)
	wantProblem(t, p.Call(key, "POST", "/clients/nothing/secret", nil), http.StatusNotFound)

	// It is told that it was made, and nowhere what it is.
	p.Call(key, "PUT", "/clients/shop2", `{"redirect_uris":["https://shop2.brand.example/cb"]}`).Want(http.StatusCreated).Into(&made)
	p.Call(key, "PATCH", "/clients/shop2", `{"client_name":"Two"}`).Want(http.StatusOK)
	p.Call(key, "DELETE", "/clients/shop2", nil).Want(http.StatusNoContent)
	events := webtest.Query[string](p, `select string_agg(concat_ws(' ', action, target, before->>'client_secret', after->>'client_secret', before->>'client_name',
		after->>'client_name', before->>'redirect_uris', after->>'redirect_uris'), E'\n' order by id) from audit_events where target_kind = 'client'`)
	want := `replace-client-secret machine ******** ********
replace-client-secret machine ******** ********
put-client shop2 (made and shown once) ["https://shop2.brand.example/cb"]
patch-client shop2 Two
delete-client shop2 Two ["https://shop2.brand.example/cb"]`
	if diff := cmp.Diff(want, events); diff != "" {
		t.Error(diff)
	}
	stored := string(webtest.Query[json.RawMessage](p, `select jsonb_build_array((select jsonb_agg(to_jsonb(e)) from audit_events e), (select jsonb_agg(to_jsonb(c)) from clients c),
		(select jsonb_agg(encode(answer_sealed, 'escape')) from idempotency_keys))`))
	for _, text := range []string{stored, p.Log.String()} {
		if strings.Contains(text, made.ClientSecret) || strings.Contains(text, again.ClientSecret) {
			t.Errorf("a secret is told: %s", text)
		}
	}
}

func TestNobodyGetsMoreByAClient(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	weak, strong := clientKey(p), p.APIKey(nil, op.ScopeClientsWrite, op.ScopeConsumersRead)
	const body = `{"grant_types":["client_credentials"],"response_types":[],"scope":"own idp:consumers:read"}`
	wantProblem(t, p.Call(weak, "PUT", "/clients/mine", body), http.StatusForbidden, "/scope")
	wantProblem(t, p.Call(weak, "PATCH", "/clients/shop", `{"grant_types":["authorization_code","client_credentials"],"scope":"openid idp:consumers:read"}`),
		http.StatusForbidden, "/scope")
	wantProblem(t, p.Call(weak, "PATCH", "/clients/backend", `{"client_name":"x"}`), http.StatusForbidden, "/scope")
	wantProblem(t, p.Call(weak, "POST", "/clients/backend/secret", nil), http.StatusForbidden, "/scope")
	wantProblem(t, p.Call(weak, "DELETE", "/clients/backend", nil), http.StatusForbidden, "/scope")
	p.Call(weak, "PATCH", "/clients/backend", `{"scope":"own"}`).Want(http.StatusOK)
	p.Call(strong, "PUT", "/clients/mine", body).Want(http.StatusCreated)
	p.Call(strong, "POST", "/clients/mine/secret", nil).Want(http.StatusOK)

	// A key for one client has to do with that one alone, and neither makes nor removes any.
	id := webtest.Query[int64](p, "select id from clients where client_id = 'shop'")
	narrowed := p.APIKey(func(k *storage.APIKey) { k.ClientID = id }, op.APIScopes()...)
	p.Call(narrowed, "GET", "/clients/shop", nil).Want(http.StatusOK)
	p.Call(narrowed, "PATCH", "/clients/shop", `{"client_name":"Shop"}`).Want(http.StatusOK)
	p.Call(narrowed, "POST", "/clients/shop/secret", nil).Want(http.StatusOK)
	wantProblem(t, p.Call(narrowed, "GET", "/clients/shop/connector-settings", nil), http.StatusNotFound)
	for _, forbidden := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/clients", nil},
		{"GET", "/clients/messaging", nil},
		{"PATCH", "/clients/messaging", `{}`},
		{"POST", "/clients/site/secret", nil},
		{"GET", "/clients/messaging/connector-settings", nil},
		{"POST", "/clients/messaging/token-preview", `{"sub":"amelia-sub"}`},
		{"POST", "/clients/shop/token-preview", `{"sub":"amelia-sub"}`}, // it has what is known of a consumer in it
		{"PUT", "/clients/shop", `{"redirect_uris":["https://shop.brand.example/callback"]}`},
		{"PUT", "/clients/another", `{"redirect_uris":["https://shop.brand.example/callback"]}`},
		{"DELETE", "/clients/shop", nil},
	} {
		wantProblem(t, p.Call(narrowed, forbidden.method, forbidden.path, forbidden.body), http.StatusForbidden)
	}
	wantProblem(t, p.Call(narrowed, "PATCH", "/clients/shop", `{"grant_types":["authorization_code","client_credentials"],"scope":"openid idp:consumers:read","introspection":true}`),
		http.StatusForbidden, "/scope", "/introspection")
}
