package op_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

//defect:2-unknown-type
func TestResponseTypesInAnyOrder(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for responseType, want := range map[string]string{
		"code": "code", "id_token": "id_token", "token id_token": "access_token id_token", "id_token code": "code id_token",
		"token code": "access_token code", "token id_token code": "access_token code id_token", "id_token token code": "access_token code id_token",
	} {
		answer := silent(t, b, codeRequest("response_type", responseType))
		for _, name := range []string{"code", "id_token", "access_token"} {
			if answer.Has(name) != strings.Contains(" "+want+" ", " "+name+" ") {
				t.Errorf("%s: answer %v", responseType, answer)
			}
		}
	}
	for _, responseType := range []string{"token", "none", "code code", "code  id_token", " code", "code,id_token", "Code"} {
		wantErrorPage(t, b.Authorize(codeRequest("response_type", responseType)), http.StatusBadRequest, "unsupported_response_type")
	}
}

// TestTokensAreNeverInAQuery tries each response with a token, and each of its
// errors, with the mode of the query.
//
//defect:2-query 2-form-post
//security:18-query
func TestTokensAreNeverInAQuery(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for _, responseType := range []string{"id_token", "id_token token", "code id_token", "code token", "code id_token token"} {
		for _, request := range [][]string{{}, {"prompt", "none"}, {"scope", "profile"}, {"client_id", "careful", "redirect_uri", carefulCallback}} {
			page := b.Authorize(codeRequest(append(request, "response_type", responseType, "response_mode", "query")...))
			wantError(t, page, "invalid_request")
			if address, _, found := strings.Cut(page.Target(), "#"); !found || strings.Contains(address, "?") {
				t.Errorf("%s: target %s", responseType, page.Target())
			}
		}
		page := b.Authorize(codeRequest("response_type", responseType, "scope", "profile"))
		if wantError(t, page, "invalid_scope"); !strings.HasPrefix(page.Target(), siteCallback+"#") {
			t.Errorf("%s: an error at %s", responseType, page.Target())
		}
		page = b.Authorize(codeRequest("response_type", responseType, "scope", "profile", "response_mode", "form_post"))
		if wantError(t, page, "invalid_scope"); page.Target() != siteCallback {
			t.Errorf("%s: an error at %s", responseType, page.Target())
		}
	}
	// What a client has not registered it does not get, in the place of what it asked for.
	page := b.Authorize(codeRequest("client_id", "hardened", "redirect_uri", "https://hardened.brand.example/cb", "response_type", "code id_token"))
	if wantError(t, page, "unauthorized_client"); !strings.Contains(page.Target(), "#error=") {
		t.Errorf("target %s", page.Target())
	}
}

const hybridBrand = `
clients:
  - client_id: hybrid-connector
    client_secret: secret-of-hybrid-connector-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://liveperson.net]
    response_types: [code, code id_token]
    conversational_cloud: {variant: rfc}
  - client_id: single-page
    token_endpoint_auth_method: none
    redirect_uris: [https://page.brand.example/cb]
    response_types: [code id_token, code token]
    web_origins: [https://page.brand.example]
    web_message: true
`

//defect:1-public-without-challenge
func TestHybridRules(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, hybridBrand)
	b := amelia(t, p)
	connector := codeRequest("client_id", "hybrid-connector", "redirect_uri", window, "response_type", "code id_token", "nonce", "")
	if answer := silent(t, b, connector); answer.Get("code") == "" || answer.Get("id_token") == "" {
		t.Errorf("a connector needs no nonce: %v", answer)
	}
	wantErrorPage(t, b.Authorize(with(connector, "redirect_uri", "https://liveperson.net")), http.StatusBadRequest, "invalid_request")

	page := codeRequest("client_id", "single-page", "redirect_uri", "https://page.brand.example/cb", "response_type", "code id_token")
	wantError(t, b.Authorize(page), "invalid_request") // no challenge
	wantError(t, b.Authorize(with(challenged(page), "code_challenge_method", "plain")), "invalid_request")
	answer := silent(t, b, challenged(page))
	form := params("grant_type", "authorization_code", "client_id", "single-page", "redirect_uri", "https://page.brand.example/cb", "code", answer.Get("code"))
	wantWire(t, b.Post("/token", form), http.StatusBadRequest, "invalid_grant")
	tokens(t, b.Post("/token", with(form, "code_verifier", verifier)))

	framed := b.Authorize(with(challenged(page), "response_type", "code token", "response_mode", "web_message", "prompt", "none"))
	_, message := message(t, framed)
	if message["code"] == "" || message["access_token"] == "" || message["id_token"] != "" || message["iss"] != p.Issuer {
		t.Errorf("message %v", message)
	}
}

// TestCodeOfAHybridResponseUsedTwice: what came of the code ends, what was given
// beside it does not.
//
//security:24-reuse
func TestCodeOfAHybridResponseUsedTwice(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	answer := silent(t, b, codeRequest("response_type", "code token"))
	token := tokens(t, redeem(b, answer.Get("code")))
	wantWire(t, redeem(b, answer.Get("code")), http.StatusBadRequest, "invalid_grant")
	if page := userinfo(b, token.AccessToken); page.Status != http.StatusUnauthorized {
		t.Errorf("the token of the code: status %d", page.Status)
	}
	if page := userinfo(b, answer.Get("access_token")); page.Status != http.StatusOK {
		t.Errorf("the token beside the code: status %d", page.Status)
	}
	b.Get("/end_session").Submit("sign-out", nil)
	if page := userinfo(b, answer.Get("access_token")); page.Status != http.StatusUnauthorized {
		t.Errorf("after the sign-out: status %d", page.Status)
	}
}
