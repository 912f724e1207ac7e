package op_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

// TestPostedWindowsOfAnotherAccount: another site posts the request by a form.
//
//security:1-foreign-account-post
func TestPostedWindowsOfAnotherAccount(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	b := amelia(t, p)
	for name, request := range map[string]url.Values{
		"rfc":    windowRequest("state", `{"lpUnifiedWindowConfig":{"accountId":"87654321"}}`),
		"legacy": legacyRequest("redirect_uri", window+"?lpUnifiedWindowConfig="+url.QueryEscape(`{"accountId":"87654321"}`)),
	} {
		wantErrorPage(t, b.Post("/authorize", request), http.StatusBadRequest, "invalid_request")
		page := b.Do(b.Request("/authorize", request, "Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"))
		if again := page.Form("repost"); again != nil { // it is sent once more, by our own page
			page = b.Do(b.Request("/authorize", again, "Sec-Fetch-Site", "same-origin", "Origin", "null"))
		}
		if page.Status != http.StatusBadRequest || page.Text("error") != "invalid_request" || page.Target() != "" {
			t.Errorf("%s: status %d, target %s", name, page.Status, page.Target())
		}
	}
}

// TestWindowsOfAnotherAccountInRequestObjects: a connector has no keys to sign
// requests with, so none of what an object says counts.
//
//security:1-foreign-account-object
func TestWindowsOfAnotherAccountInRequestObjects(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	inside := asked(p, members{
		"iss": "messaging", "client_id": "messaging", "response_type": "id_token", "redirect_uri": window,
		"state": `{"lpUnifiedWindowConfig":{"accountId":"87654321"}}`,
	})
	payload, err := json.Marshal(inside)
	if err != nil {
		t.Fatal(err)
	}
	for name, object := range map[string]string{
		"signed":   signed(t, jose.RS256, "rsa", typRequest, inside),
		"unsigned": "eyJhbGciOiJub25lIn0." + base64.RawURLEncoding.EncodeToString(payload) + ".",
	} {
		for _, request := range []url.Values{windowRequest("request", object), params("client_id", "messaging", "request", object)} {
			page := b.Authorize(request)
			if page.Status == http.StatusOK || strings.Contains(page.Target(), "id_token=") || strings.Contains(page.Target()+page.Body, "87654321") {
				t.Errorf("%s: status %d, target %s", name, page.Status, page.Target())
			}
		}
	}
}

// TestNothingButCodesGoToTheLabel tries each response type and mode at each
// spelling of the label's host.
//
//security:3-token
func TestNothingButCodesGoToTheLabel(t *testing.T) {
	t.Parallel()
	spellings := []string{"https://liveperson.net", "https://liveperson.net/", "https://LivePerson.net/cb", "https://liveperson.net:443/cb?a=1"}
	p := webtest.Start(t, nil, brand, `
clients:
  - client_id: labels
    client_secret: `+messagingSecret+`
    redirect_uris: ["`+strings.Join(spellings, `", "`)+`"]
    response_types: [code, id_token, id_token token, code id_token, code token, code id_token token]
    web_origins: [https://liveperson.net]
    web_message: true
    conversational_cloud: {variant: rfc}
`)
	b := amelia(t, p)
	for _, address := range spellings {
		for _, responseType := range []string{"id_token", "id_token token", "token id_token", "code id_token", "token code", "code id_token token"} {
			for _, mode := range []string{"", "fragment", "query", "form_post", "web_message"} {
				page := b.Authorize(params("client_id", "labels", "response_type", responseType, "response_mode", mode, "redirect_uri", address,
					"scope", "openid", "nonce", "n"))
				if page.Status == http.StatusOK || strings.Contains(page.Target(), "access_token=") || strings.Contains(page.Body+page.Target(), "eyJ") || page.Element("web-message") != nil {
					t.Errorf("%s, %s, %s: status %d, target %.100s", address, responseType, mode, page.Status, page.Target())
				}
			}
		}
		if code := silent(t, b, params("client_id", "labels", "response_type", "code", "redirect_uri", address, "scope", "openid")).Get("code"); code == "" {
			t.Errorf("%s: no code", address)
		}
	}
}

// TestAccessTokensAreNoIDTokens: whoever verifies one as an ID token finds none.
//
//security:2-access-token
func TestAccessTokensAreNoIDTokens(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	b := amelia(t, p)
	code := silent(t, b, windowRequest("client_id", "messaging-code", "response_type", "code")).Get("code")
	form := params("grant_type", "authorization_code", "redirect_uri", window, "code", code)
	for name, token := range map[string]string{
		"token endpoint":         tokens(t, redeemAs(b, "messaging-code", messagingSecret, form)).AccessToken,
		"authorization endpoint": silent(t, b, windowRequest("client_id", "named", "response_type", "id_token token")).Get("access_token"),
		"ordinary client":        silent(t, b, implicitRequest("response_type", "id_token token")).Get("access_token"),
	} {
		if token == "" || strings.ContainsAny(token, ".{") {
			t.Errorf("%s: the access token has segments", name)
		}
		wantError(t, b.Authorize(implicitRequest("prompt", "none", "id_token_hint", token)), "invalid_request")
	}
}

// TestTokenSourceIsForConnectorsAlone: a page of another client's, and one that
// tries names of clients, get one answer.
//
//security:5-client 5-probe
func TestTokenSourceIsForConnectorsAlone(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	stranger := fromPage(t, b, "messaging", "https://evil.example")
	for name, page := range map[string]*webtest.Page{
		"its own origin, no connector":   fromPage(t, b, "page", pageOrigin),
		"another's origin":               fromPage(t, b, "messaging", shopOrigin),
		"nobody's name":                  fromPage(t, b, "nobody", messagingOrigin),
		"nobody's name from a stranger":  fromPage(t, b, "nobody", "https://evil.example"),
		"nobody is signed in":            fromPage(t, p.Browser(t), "messaging", "https://evil.example"),
		"nobody is signed in, no client": fromPage(t, p.Browser(t), "nobody", messagingOrigin),
	} {
		wantWire(t, page, http.StatusForbidden, "access_denied")
		wantNoGrant(t, name, page)
		if page.Body != stranger.Body || page.Header.Get("Vary") != "Origin" {
			t.Errorf("%s: %s, others get %s; %v", name, page.Body, stranger.Body, page.Header)
		}
	}
}
