package op_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// pageBrand has connectors for each way in which a page may be given a code.
const pageBrand = `
clients:
  - client_id: embedded
    client_secret: secret-of-embedded-0123456789-0123456789
    redirect_uris: [https://shop.brand.example/chat, https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    web_origins: [https://shop.brand.example]
    require_pkce: true
    conversational_cloud: {variant: rfc}
  - client_id: asking
    client_secret: secret-of-asking-0123456789-0123456789-0
    redirect_uris: [https://liveperson.net]
    web_origins: [https://shop.brand.example]
    consent: required
    conversational_cloud: {variant: rfc}
`

const embeddedSecret = "secret-of-embedded-0123456789-0123456789"

// askSource asks the token source with further members, from the page of the
// connectors with codes.
func askSource(tb testing.TB, b *webtest.Browser, client string, members ...string) *webtest.Page {
	tb.Helper()
	request := map[string]string{"client_id": client}
	for i := 0; i < len(members); i += 2 {
		request[members[i]] = members[i+1]
	}
	body, err := json.Marshal(request)
	if err != nil {
		tb.Fatal(err)
	}
	return b.Do(b.RawRequest("POST", "/token-source", "application/json", string(body), "Origin", shopOrigin))
}

//contract:2.4-default-address 2.4-own-address 2.4-token-source 2.6-embedded 3.1-object
//security:7-other-address 8-stolen-code
func TestTokenSourceGivesCodes(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, pageBrand)
	b := amelia(t, p)
	challenge := challengeOf(verifier)
	redeemed := func(client, secret, code, redirectURI, codeVerifier string) *webtest.Page {
		return redeemAs(b, client, secret, with(params("grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI), "code_verifier", codeVerifier))
	}

	// Without a challenge, for the label of the embedded flow.
	answer := tokens(t, askSource(t, b, "messaging-code"))
	if answer.RedirectURI != "https://liveperson.net" || answer.IDToken != "" || answer.Issuer != p.Issuer || answer.Subject == "" {
		t.Errorf("answer %+v", answer)
	}
	token := tokens(t, redeemed("messaging-code", messagingSecret, answer.Code, answer.RedirectURI, ""))
	if got := claims(t, p, "messaging-code", token.IDToken); got["sub"] != answer.Subject || got["lp_sdes"] == nil || token.AccessToken == "" || token.Scope != "openid profile email address phone" {
		t.Errorf("claims %v, %+v", got, token)
	}
	wantWire(t, redeemed("messaging-code", messagingSecret, answer.Code, answer.RedirectURI, ""), http.StatusBadRequest, "invalid_grant")

	// Bound to a challenge and to the first address, or the one that is named.
	const first = "https://shop.brand.example/chat"
	for asked, want := range map[string]string{"": first, first: first, window: window} {
		members := []string{"code_challenge", challenge, "code_challenge_method", "S256"}
		if asked != "" {
			members = append(members, "redirect_uri", asked)
		}
		issued := func() string {
			answer := tokens(t, askSource(t, b, "embedded", members...))
			if answer.RedirectURI != want {
				t.Errorf("redirect_uri %q, want %q", answer.RedirectURI, want)
			}
			return answer.Code
		}
		tokens(t, redeemed("embedded", embeddedSecret, issued(), want, verifier))
		for name, page := range map[string]*webtest.Page{
			"no verifier":      redeemed("embedded", embeddedSecret, issued(), want, ""),
			"another verifier": redeemed("embedded", embeddedSecret, issued(), want, verifier+"x"),
			"another address":  redeemed("embedded", embeddedSecret, issued(), "https://liveperson.net", verifier),
			"another client":   redeemed("messaging-code", messagingSecret, issued(), want, verifier),
		} {
			if page.Status != http.StatusBadRequest || decode(t, page).Error != "invalid_grant" {
				t.Errorf("%s: status %d\n%s", name, page.Status, page.Body)
			}
		}
	}

	// A code lives a minute, and no longer than its session.
	late := tokens(t, askSource(t, b, "messaging-code")).Code
	p.Advance(61 * time.Second)
	wantWire(t, redeemed("messaging-code", messagingSecret, late, "https://liveperson.net", ""), http.StatusBadRequest, "invalid_grant")
}

//security:5-consent 8-left-out 8-plain
func TestTokenSourceRefusesWhatItCannotDo(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, pageBrand)
	b := amelia(t, p)
	challenge := challengeOf(verifier)
	for name, test := range map[string]struct {
		client  string
		members []string
		code    string
	}{
		"unknown member":             {"messaging-code", []string{"nonce", "n"}, "invalid_request"},
		"member in other case":       {"messaging-code", []string{"Code_Challenge", challenge}, "invalid_request"},
		"empty challenge":            {"messaging-code", []string{"code_challenge", "", "code_challenge_method", "S256"}, "invalid_request"},
		"challenge without a method": {"messaging-code", []string{"code_challenge", challenge}, "invalid_request"},
		"method without a challenge": {"messaging-code", []string{"code_challenge_method", "S256"}, "invalid_request"},
		"plain challenge":            {"messaging-code", []string{"code_challenge", challenge, "code_challenge_method", "plain"}, "invalid_request"},
		"short challenge":            {"messaging-code", []string{"code_challenge", "abc", "code_challenge_method", "S256"}, "invalid_request"},
		"no challenge":               {"embedded", nil, "invalid_request"},
		"foreign address":            {"messaging-code", []string{"redirect_uri", "https://evil.example"}, "invalid_request"},
		"almost the address":         {"messaging-code", []string{"redirect_uri", "https://liveperson.net/"}, "invalid_request"},
		"challenge for an ID token":  {"messaging-code", []string{"response_type", "id_token", "code_challenge", challenge, "code_challenge_method", "S256"}, "invalid_request"},
		"address for nothing":        {"messaging-code", []string{"response_type", "none", "redirect_uri", "https://liveperson.net"}, "invalid_request"},
		"unknown response type":      {"messaging-code", []string{"response_type", "token"}, "unsupported_response_type"},
		"two response types":         {"messaging-code", []string{"response_type", "id_token token"}, "unsupported_response_type"},
		"unregistered response type": {"embedded", []string{"response_type", "id_token"}, "unauthorized_client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page := askSource(t, b.For(t), test.client, test.members...)
			wantWire(t, page, http.StatusBadRequest, test.code)
			if page.Header.Get("Access-Control-Allow-Origin") != shopOrigin {
				t.Errorf("the page cannot read why: %v", page.Header)
			}
		})
	}
	for _, body := range []string{`{"client_id":"messaging-code","redirect_uri":null}`, `{"client_id":"messaging-code","redirect_uri":["https://liveperson.net"]}`} {
		wantWire(t, b.Do(b.RawRequest("POST", "/token-source", "application/json", body, "Origin", shopOrigin)), http.StatusBadRequest, "invalid_request")
	}
	wantWire(t, askSource(t, b, "asking"), http.StatusUnauthorized, "consent_required")
	for _, members := range [][]string{nil, {"response_type", "none"}, {"response_type", "id_token"}} {
		wantWire(t, askSource(t, p.Browser(t), "messaging-code", members...), http.StatusUnauthorized, "login_required")
	}
}

//contract:3.2-code
func TestTokenSourceSaysWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, pageBrand)
	b := amelia(t, p)
	for _, client := range []string{"messaging-code", "embedded"} { // no challenge is needed for nothing
		answer := tokens(t, askSource(t, b, client, "response_type", "none"))
		want := tokenAnswer{Issuer: p.Issuer, Subject: webtest.Query[string](p, "select sub from consumers where username = 'amelia'")}
		if answer != want {
			t.Errorf("%s: %+v, want %+v", client, answer, want)
		}
	}
	if answer := tokens(t, askSource(t, b, "messaging-code", "response_type", "id_token")); answer.IDToken == "" || answer.Code != "" {
		t.Errorf("answer %+v", answer)
	}
}
