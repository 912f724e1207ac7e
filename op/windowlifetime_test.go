package op_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

const shortBrand = `
clients:
  - client_id: short
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    id_token_lifetime: 10m
    web_origins: [https://www.brand.example]
    conversational_cloud: {variant: rfc}
`

// TestExpiryInMidConversation: a token ends as its connector is set, and whoever
// is still signed in gets the next one at once.
//
//contract:1.8-exp 1.8-lifetime 2.7-embedded 2.7-external
func TestExpiryInMidConversation(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, shortBrand)
	b := amelia(t, p)
	request := windowRequest("client_id", "short")
	expires := func(token string) time.Time {
		return time.Unix(int64(claims(t, p, "short", token)["exp"].(float64)), 0)
	}
	first := tokens(t, fromPage(t, b, "short", messagingOrigin))
	if left := expires(first.IDToken).Sub(p.Now()); first.ExpiresIn < 590 || first.ExpiresIn > 600 || left < 590*time.Second || left > 600*time.Second {
		t.Errorf("expires_in %d, exp in %v", first.ExpiresIn, left)
	}
	p.Advance(11 * time.Minute)
	if !expires(tokens(t, fromPage(t, b, "short", messagingOrigin)).IDToken).After(p.Now().Add(9 * time.Minute)) {
		t.Error("the page gets no fresh token")
	}
	if !expires(silent(t, b, request).Get("id_token")).After(p.Now().Add(9 * time.Minute)) {
		t.Error("the external window gets no fresh token")
	}
	// Whose session has ended signs in again, and the window has its state back.
	p.Exec("update sessions set ends_at = idp_now(), expires_at = idp_now()")
	wantWire(t, fromPage(t, b, "short", messagingOrigin), http.StatusUnauthorized, "login_required")
	page := b.Authorize(request)
	wantSignIn(t, page)
	if answer := page.SignIn("amelia", ameliasPassword).Answer(); answer.Get("state") != request.Get("state") || !expires(answer.Get("id_token")).After(p.Now()) {
		t.Errorf("answer %v", answer)
	}
}

// TestTokenResponseOfAConnector: no more and no less than the contract has.
//
//contract:2.5-access-token 2.5-error 2.5-expires-in 2.5-id-token 2.5-response 2.5-single-use 2.7-no-refresh
func TestTokenResponseOfAConnector(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	code := silent(t, b, windowRequest("client_id", "messaging-code", "response_type", "code")).Get("code")
	form := params("grant_type", "authorization_code", "redirect_uri", window, "code", code)
	page := redeemAs(b, "messaging-code", messagingSecret, form)
	var members map[string]any
	if err := json.Unmarshal([]byte(page.Body), &members); err != nil || page.Status != http.StatusOK {
		t.Fatalf("status %d, %v", page.Status, err)
	}
	want := []string{"access_token", "expires_in", "id_token", "scope", "token_type"}
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(members))); diff != "" {
		t.Errorf("members (-want +got):\n%s", diff)
	}
	if members["token_type"] != "Bearer" || members["expires_in"] != 3600.0 || members["access_token"] == "" {
		t.Errorf("members %v", members)
	}
	refused := redeemAs(b, "messaging-code", messagingSecret, form)
	wantWire(t, refused, http.StatusBadRequest, "invalid_grant")
	for _, page := range []*webtest.Page{page, refused} {
		h := page.Header
		if !strings.HasPrefix(h.Get("Content-Type"), "application/json") || h.Get("Cache-Control") != "no-store" || h.Get("Pragma") != "no-cache" {
			t.Errorf("status %d: headers %v", page.Status, h)
		}
	}
}

// TestVersionsOfTheWindow: older windows have their version in the path, and
// each address is registered for itself.
//
//contract:2.2-versioned 2.5-addresses
func TestVersionsOfTheWindow(t *testing.T) {
	t.Parallel()
	const old = "https://lpcdn.lpsnmedia.net/le_unified_window/9.3.0/index.html"
	p := webtest.Start(t, nil, brand, `
clients:
  - client_id: older
    client_secret: `+messagingSecret+`
    redirect_uris: [`+old+`, https://liveperson.net, https://liveperson.net/cb, https://liveperson.net/oauth2/code_redirect]
    response_types: [code, id_token]
    conversational_cloud: {variant: rfc}
`)
	b := amelia(t, p)
	if answer := silent(t, b, windowRequest("client_id", "older", "redirect_uri", old)); answer.Get("id_token") == "" {
		t.Errorf("answer %v", answer)
	}
	for _, address := range []string{window, strings.Replace(old, "9.3.0", "9.3.1", 1), strings.Replace(old, "9.3.0", "9.3.0/x/..", 1)} {
		wantErrorPage(t, b.Authorize(windowRequest("client_id", "older", "redirect_uri", address)), http.StatusBadRequest, "invalid_request")
	}
	for _, address := range []string{"https://liveperson.net", "https://liveperson.net/cb", "https://liveperson.net/oauth2/code_redirect"} {
		code := silent(t, b, windowRequest("client_id", "older", "response_type", "code", "redirect_uri", address)).Get("code")
		form := params("grant_type", "authorization_code", "redirect_uri", address, "code", code)
		wantWire(t, redeemAs(b, "older", messagingSecret, with(form, "redirect_uri", address+"/")), http.StatusBadRequest, "invalid_grant")
		tokens(t, redeemAs(b, "older", messagingSecret, form))
	}
}

// TestApplicationsBringIDTokens: an application of a connector of the implicit
// flow hands its ID token to the cloud's SDK, and asks again when that has ended.
//
//contract:2.7-mobile 4-expired 4-jwt 4-scheme
func TestApplicationsBringIDTokens(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, `
clients:
  - client_id: mobile-jwt
    application_type: native
    token_endpoint_auth_method: none
    redirect_uris: ["com.brand.app:/callback"]
    response_types: [id_token]
    conversational_cloud: {variant: rfc}
`)
	b := amelia(t, p)
	request := params("client_id", "mobile-jwt", "response_type", "id_token", "scope", "openid", "redirect_uri", "com.brand.app:/callback", "state", "st")
	var last float64
	for range 2 {
		page := b.Authorize(request)
		if page.Element("continue-as") == nil {
			t.Fatalf("status %d: it does not ask whether to go on", page.Status)
		}
		answer := page.Submit("continue-as", nil)
		if !strings.HasPrefix(answer.Target(), "com.brand.app:/callback#") {
			t.Errorf("target %.100s", answer.Target())
		}
		got := claims(t, p, "mobile-jwt", answer.Answer().Get("id_token"))
		if got["lp_sdes"] == nil || got["exp"].(float64) <= last {
			t.Errorf("claims %v", got)
		}
		last = got["exp"].(float64)
		p.Advance(61 * time.Minute)
	}
}
