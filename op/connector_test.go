package op_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

// otherConnector is a second connector beside those of brand.
const otherConnector = `
clients:
  - client_id: other-messaging
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    conversational_cloud: {variant: rfc}
`

// TestNoTokenPassesForAnother: nothing says that Conversational Cloud checks
// aud, so its keys must verify nothing else.
//
//contract:1.6-one-key 5.5-several
//security:2-other-connector 2-own-keys
func TestNoTokenPassesForAnother(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, otherConnector)
	b := amelia(t, p)
	issued := map[string]string{
		"messaging":       silent(t, b, windowRequest()).Get("id_token"),
		"other-messaging": silent(t, b, windowRequest("client_id", "other-messaging")).Get("id_token"),
		"site":            silent(t, b, implicitRequest()).Get("id_token"),
	}
	for owner, token := range issued {
		for _, keys := range []string{"messaging", "other-messaging", "site"} {
			set := oidc.NewRemoteKeySet(t.Context(), p.Address+"/jwks/"+keys+".json")
			_, err := set.VerifySignature(t.Context(), token)
			if (err == nil) != (owner == keys) {
				t.Errorf("token of %s by the keys of %s: %v", owner, keys, err)
			}
		}
		if _, err := oidc.NewRemoteKeySet(t.Context(), p.Address+"/jwks.json").VerifySignature(t.Context(), token); err != nil {
			t.Errorf("token of %s by all keys: %v", owner, err)
		}
	}
	var all, own struct {
		Keys []map[string]any `json:"keys"`
	}
	for address, into := range map[string]any{"/jwks.json": &all, "/jwks/messaging.json": &own} {
		if err := json.Unmarshal([]byte(b.Get(address).Body), into); err != nil {
			t.Fatal(err)
		}
	}
	if len(all.Keys) != 4 || len(own.Keys) != 1 {
		t.Errorf("%d keys in all and %d of the connector, want 4 and 1", len(all.Keys), len(own.Keys))
	}
	for _, address := range []string{"/jwks/nobody.json", "/jwks/messaging", "/jwks/.json", "/jwks/messaging.json.json", "/jwks/"} {
		if page := b.Get(address); page.Status != http.StatusNotFound {
			t.Errorf("%s: status %d", address, page.Status)
		}
	}
}

// TestWindowsOfAnotherAccountGetNothing: one window page serves every account of
// LivePerson, and takes the account from state.
//
//security:1-foreign-account 1-twice 1-unreadable
func TestWindowsOfAnotherAccountGetNothing(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for name, state := range map[string]string{
		"another account": `{"lpUnifiedWindowConfig":{"accountId":"87654321"}}`,
		"encoded":         `%7B%22lpUnifiedWindowConfig%22%3A%7B%22accountId%22%3A%2287654321%22%7D%7D`,
		"key twice":       `{"lpUnifiedWindowConfig":{"accountId":"12345678","accountId":"87654321"}}`,
		"twice":           `{"lpUnifiedWindowConfig":{"accountId":"12345678"},"lpUnifiedWindowConfig":{"accountId":"87654321"}}`,
		"cannot be read":  `{"lpUnifiedWindowConfig":{"accountId":"12345678"}`,
		"no account":      `{"lpUnifiedWindowConfig":{}}`,
		"in a string":     `"{\"lpUnifiedWindowConfig\":{\"accountId\":\"87654321\"}}"`,
	} {
		t.Run(name, func(t *testing.T) {
			for _, prompt := range []string{"", "none", "login"} {
				page := b.Authorize(windowRequest("state", state, "prompt", prompt))
				wantErrorPage(t, page, http.StatusBadRequest, "invalid_request")
				if strings.Contains(page.Body, "87654321") {
					t.Error("the error page repeats state")
				}
			}
		})
	}
	for name, state := range map[string]string{
		"its own":          `{"lpUnifiedWindowConfig":{"accountId":"12345678","lang":"en-US"}}`,
		"its own, encoded": `%7B%22lpUnifiedWindowConfig%22%3A%7B%22accountId%22%3A%2212345678%22%7D%7D`,
		"none":             "",
		"no configuration": "abc",
	} {
		if answer := silent(t, b, windowRequest("state", state)); answer.Get("state") != state || answer.Get("id_token") == "" {
			t.Errorf("%s: %v", name, answer)
		}
	}
}

//contract:1.2-iss 1.2-sub 1.3-acr 1.3-amr 1.3-aud 1.3-email 1.3-family-name 1.3-given-name 1.3-no-others 1.3-nonce
//contract:1.3-sub 1.4-absent 1.4-array 1.4-balance 1.4-types 3.3-loa1 3.5-token
func TestTokensOfAConnector(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	got := claims(t, p, "messaging", silent(t, b, windowRequest("parentWindowOrigin", "https://www.brand.example", "response_type", "id_token")).Get("id_token"))
	sub := got["sub"]
	for _, name := range []string{"iss", "sub", "iat", "exp", "auth_time", "sid"} {
		if got[name] == nil {
			t.Errorf("no %s", name)
		}
		delete(got, name)
	}
	delete(got, "updated_at")
	want := map[string]any{
		"aud": "messaging", "acr": "loa1", "amr": []any{"pwd"},
		"given_name": "Amelia", "family_name": "Pond", "email": "amelia@brand.example", "email_verified": true,
		"lp_sdes": []any{
			map[string]any{"type": "ctmrinfo", "info": map[string]any{"ctype": "vip", "customerId": "138766AC", "balance": -400.99, "currency": "USD"}},
			map[string]any{"type": "personal", "personal": map[string]any{
				"firstname": "Amelia", "contacts": []any{map[string]any{"email": "amelia@brand.example", "phoneType": "MOBILE"}},
			}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if with := claims(t, p, "messaging", silent(t, b, windowRequest("nonce", "n1")).Get("id_token")); with["nonce"] != "n1" || with["sub"] != sub {
		t.Errorf("nonce %v, sub %v", with["nonce"], with["sub"])
	}

	// Nothing is emitted for what is absent.
	rory := p.Browser(t)
	rory.Authorize(codeRequest()).SignIn("rory", rorysPassword)
	if token := claims(t, p, "messaging", silent(t, rory, windowRequest()).Get("id_token")); token["lp_sdes"] != nil || token["email"] != nil {
		t.Errorf("claims of somebody without info: %v", token)
	}
	// An ordinary client never gets them.
	if token := claims(t, p, "site", silent(t, b, implicitRequest("scope", "openid email")).Get("id_token")); token["lp_sdes"] != nil {
		t.Errorf("claims of an ordinary client: %v", token)
	}
}

// TestEmbeddedAddressIsForCodesAlone: https://liveperson.net is only a label.
//
//contract:2.4-default-address
//security:3-token
func TestEmbeddedAddressIsForCodesAlone(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	request := params("client_id", "messaging-code", "redirect_uri", "https://liveperson.net", "response_type", "code", "scope", "openid", "state", "st")
	wantErrorPage(t, b.Authorize(with(request, "response_type", "id_token")), http.StatusBadRequest, "invalid_request")
	code := silent(t, b, request).Get("code")
	form := params("grant_type", "authorization_code", "redirect_uri", window, "code", code)
	wantWire(t, redeemAs(b, "messaging-code", messagingSecret, form), http.StatusBadRequest, "invalid_grant")
	token := tokens(t, redeemAs(b, "messaging-code", messagingSecret, with(form, "redirect_uri", "https://liveperson.net")))
	if got := claims(t, p, "messaging-code", token.IDToken); got["lp_sdes"] == nil || got["at_hash"] == nil || got["nonce"] != nil {
		t.Errorf("claims %v", got)
	}
}
