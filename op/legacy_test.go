package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

const legacySecret = "secret-of-legacy-0123456789-0123456789"

// legacyBrand has connectors of the older kind beside those of brand.
const legacyBrand = `
clients:
  - client_id: legacy
    client_secret: secret-of-legacy-0123456789-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://liveperson.net, https://shop.brand.example/cb]
    response_types: [token, code]
    web_origins: [https://shop.brand.example]
    conversational_cloud: {variant: legacy, account_id: "12345678"}
  - client_id: legacy-query
    redirect_uris: ["https://lpcdn.lpsnmedia.net/le_unified_window/index.html", "https://lpcdn.lpsnmedia.net/old/index.html?v=1"]
    response_types: [id_token]
    conversational_cloud: {variant: legacy, response_placement: query}
  - client_id: legacy-pages
    client_secret: secret-of-legacy-0123456789-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://shop.brand.example/cb, https://shop.brand.example/cb2]
    web_origins: [https://shop.brand.example]
    conversational_cloud: {variant: legacy}
  - client_id: named
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token, id_token token]
    conversational_cloud: {variant: rfc, token_parameter: code}
`

// ownWindow is the address of a legacy window of the account with its
// configuration, as such a window sends it.
var ownWindow = window + "?lpUnifiedWindowConfig=" + url.QueryEscape(`{"accountId":"12345678","env":"prod","external":true}`)

// legacyRequest is what an external window of the older kind asks: no scope, and
// the visitor as nonce.
func legacyRequest(pairs ...string) url.Values {
	return with(params("client_id", "legacy", "response_type", "token", "redirect_uri", ownWindow, "nonce", "visitor"), pairs...)
}

//contract:2.1-legacy-address 2.1-legacy-token 2.2-legacy-request 2.3-ampersand 2.3-fragment 2.3-name 2.3-query
func TestLegacyWindowGetsItsToken(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	b := amelia(t, p)
	for name, test := range map[string]struct {
		request url.Values
		prefix  string
	}{
		"fragment":                  {legacyRequest(), ownWindow + "#token="},
		"without a query":           {legacyRequest("redirect_uri", window), window + "#token="},
		"by the name id_token":      {legacyRequest("response_type", "id_token"), ownWindow + "#token="},
		"query":                     {legacyRequest("client_id", "legacy-query"), ownWindow + "&token="},
		"query, by request":         {legacyRequest("client_id", "legacy-query", "response_mode", "query"), ownWindow + "&token="},
		"query, none of its own":    {legacyRequest("client_id", "legacy-query", "redirect_uri", window), window + "?token="},
		"query, registered":         {legacyRequest("client_id", "legacy-query", "redirect_uri", "https://lpcdn.lpsnmedia.net/old/index.html?v=1"), "https://lpcdn.lpsnmedia.net/old/index.html?v=1&token="},
		"query, fragment asked for": {legacyRequest("client_id", "legacy-query", "response_mode", "fragment"), ownWindow + "#token="},
	} {
		page := b.Authorize(test.request)
		if page.Status != http.StatusFound || !strings.HasPrefix(page.Target(), test.prefix) {
			t.Errorf("%s: status %d, target %s", name, page.Status, page.Target())
			continue
		}
		answer, err := url.ParseQuery(strings.TrimPrefix(page.Target(), strings.TrimSuffix(test.prefix, "token=")))
		if err != nil || answer.Get("iss") != p.Issuer || answer.Has("id_token") || answer.Has("access_token") || answer.Has("state") {
			t.Errorf("%s: answer %v, %v", name, answer, err)
		}
		if got := claims(t, p, test.request.Get("client_id"), answer.Get("token")); got["nonce"] != "visitor" || got["lp_sdes"] == nil {
			t.Errorf("%s: claims %v", name, got)
		}
	}
	// An RFC connector's settings may name the parameter, too.
	answer := silent(t, b, windowRequest("client_id", "named"))
	if claims(t, p, "named", answer.Get("code")); answer.Has("id_token") {
		t.Errorf("named: %v", answer)
	}
	if answer := silent(t, b, windowRequest("client_id", "named", "response_type", "id_token token")); answer.Get("access_token") == "" || answer.Get("code") == "" {
		t.Errorf("named, with an access token: %v", answer)
	}
}

// TestLegacyWindowAfterSigningIn goes through the ticket, with as much in the
// address and state as windows send.
//
//contract:2.1-legacy-address 2.2-state-size
func TestLegacyWindowAfterSigningIn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	address := ownWindow + "&pad=" + strings.Repeat("%7B", 5000) + "&raw={}|^`'%5B"
	page := p.Browser(t).Authorize(legacyRequest("redirect_uri", address, "state", strings.Repeat("<", 10<<10)))
	wantSignIn(t, page)
	answer := page.SignIn("amelia", ameliasPassword)
	if rest, ok := strings.CutPrefix(answer.Target(), address+"#"); !ok || !strings.Contains(rest, "token=") || answer.Answer().Get("state") == "" {
		t.Errorf("target %.200s", answer.Target())
	}
	wantErrorPage(t, p.Browser(t).Authorize(legacyRequest("redirect_uri", ownWindow+"&pad="+strings.Repeat("a", 16<<10))),
		http.StatusRequestURITooLong, "invalid_request")
}

// TestAnyQueryIsForLegacyWindowsAlone carries out the attacks on the looser
// comparison: other addresses, other clients, and queries that would forge or
// hide parts of the answer.
//
//contract:2.1-setting 2.3-registered
//security:3-query 7-window-query
func TestAnyQueryIsForLegacyWindowsAlone(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	b := amelia(t, p)
	for name, request := range map[string]url.Values{
		"the label":                  legacyRequest("response_type", "code", "redirect_uri", "https://liveperson.net?a=1"),
		"a page of the brand":        legacyRequest("response_type", "code", "redirect_uri", "https://shop.brand.example/cb?next=https://evil.example"),
		"a window with another path": legacyRequest("redirect_uri", "https://lpcdn.lpsnmedia.net/le_unified_window/index.html/?a=1"),
		"another host":               legacyRequest("redirect_uri", "https://lpcdn.lpsnmedia.net.evil.example/le_unified_window/index.html?a=1"),
		"a fragment":                 legacyRequest("redirect_uri", window+"?a=1#x"),
		"a fragment alone":           legacyRequest("redirect_uri", window+"#x"),
		"a registered query":         legacyRequest("client_id", "legacy-query", "redirect_uri", "https://lpcdn.lpsnmedia.net/old/index.html?v=1&w=2"),
		"another registered query":   legacyRequest("client_id", "legacy-query", "redirect_uri", "https://lpcdn.lpsnmedia.net/old/index.html?v=2"),
		"an rfc connector":           windowRequest("redirect_uri", window+"?a=1"),
		"an rfc connector, own":      windowRequest("redirect_uri", ownWindow),
		"an ordinary client":         codeRequest("redirect_uri", siteCallback+"?a=2"),
		"a forged code":              legacyRequest("redirect_uri", window+"?code=evil"),
		"a forged token":             legacyRequest("redirect_uri", window+"?a=1&token=evil"),
		"a forged id_token":          legacyRequest("redirect_uri", window+"?id_token=evil"),
		"a forged access_token":      legacyRequest("redirect_uri", window+"?access_token=evil"),
		"a forged state":             legacyRequest("redirect_uri", window+"?st%61te=evil"),
		"a forged error":             legacyRequest("redirect_uri", window+"?error"),
		"a forged issuer":            legacyRequest("redirect_uri", window+"?iss=https://evil.example"),
		"a name twice":               legacyRequest("redirect_uri", window+"?a=1&%61=2"),
		"a semicolon":                legacyRequest("redirect_uri", window+"?a=1;token=evil"),
		"a bad escape":               legacyRequest("redirect_uri", window+"?a=%zz"),
		"a space":                    legacyRequest("redirect_uri", window+"?a=1 2"),
		"a line break":               legacyRequest("redirect_uri", window+"?a=1\r\nSet-Cookie: a=b"),
		"a quote":                    legacyRequest("redirect_uri", window+`?a="`),
		"a tag":                      legacyRequest("redirect_uri", window+"?a=<b>"),
		"a backslash":                legacyRequest("redirect_uri", window+`?a=\`),
		"other letters":              legacyRequest("redirect_uri", window+"?a=ž"),
	} {
		t.Run(name, func(t *testing.T) {
			page := b.Authorize(request)
			wantErrorPage(t, page, http.StatusBadRequest, "invalid_request")
			if strings.Contains(page.Body, "evil") {
				t.Error("the error page repeats the address")
			}
		})
	}
	// What the variant relaxes is nobody else's.
	wantErrorPage(t, b.Authorize(windowRequest("response_type", "token")), http.StatusBadRequest, "unsupported_response_type")
	wantErrorPage(t, b.Authorize(codeRequest("response_type", "token")), http.StatusBadRequest, "unsupported_response_type")
	wantError(t, b.Authorize(windowRequest("scope", "")), "invalid_scope")
	wantError(t, b.Authorize(legacyRequest("scope", "profile")), "invalid_scope")
	wantError(t, b.Authorize(legacyRequest("client_id", "legacy-pages", "redirect_uri", window)), "unauthorized_client")
}

// TestLegacyWindowsOfAnotherAccountGetNothing is TestWindowsOfAnotherAccountGetNothing
// for windows whose configuration is in the query of their address.
//
//security:1-foreign-account-address 1-twice 1-unreadable
func TestLegacyWindowsOfAnotherAccountGetNothing(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	b := amelia(t, p)
	config := func(value string) string { return window + "?lpUnifiedWindowConfig=" + url.QueryEscape(value) }
	for name, address := range map[string]string{
		"another account":     config(`{"accountId":"87654321"}`),
		"encoded once more":   config(url.QueryEscape(`{"accountId":"87654321"}`)),
		"key twice":           config(`{"accountId":"12345678","accountId":"87654321"}`),
		"parameter twice":     ownWindow + "&lpUnifiedWindowConfig=" + url.QueryEscape(`{"accountId":"87654321"}`),
		"by an escape":        ownWindow + "&lp%55nifiedWindowConfig=" + url.QueryEscape(`{"accountId":"87654321"}`),
		"in other case":       window + "?lpunifiedwindowconfig=" + url.QueryEscape(`{"accountId":"87654321"}`),
		"wrapped":             window + "?x=" + url.QueryEscape(`{"lpUnifiedWindowConfig":{"accountId":"87654321"}}`),
		"cannot be read":      config(`{"accountId":"12345678"`),
		"no account":          config(`{}`),
		"behind another mark": window + "?x=?lpUnifiedWindowConfig=" + url.QueryEscape(`{"accountId":"87654321"}`),
	} {
		for _, request := range []url.Values{legacyRequest(), legacyRequest("response_type", "code"), legacyRequest("prompt", "none")} {
			page := b.Authorize(with(request, "redirect_uri", address))
			if page.Status != http.StatusBadRequest || page.Target() != "" || strings.Contains(page.Body, "87654321") {
				t.Errorf("%s: status %d, target %s", name, page.Status, page.Target())
			}
		}
	}
	wantErrorPage(t, b.Authorize(legacyRequest("state", `{"lpUnifiedWindowConfig":{"accountId":"87654321"}}`)), http.StatusBadRequest, "invalid_request")
	if silent(t, b, legacyRequest("redirect_uri", window+"?lang=en-US")).Get("token") == "" {
		t.Error("an address without a configuration: no token")
	}
}

// TestTokensNeverGoToTheLabel: nobody is at https://liveperson.net to take one.
//
//security:3-token
func TestTokensNeverGoToTheLabel(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	b := amelia(t, p)
	for _, responseType := range []string{"token", "id_token"} {
		wantErrorPage(t, b.Authorize(legacyRequest("response_type", responseType, "redirect_uri", "https://liveperson.net")),
			http.StatusBadRequest, "invalid_request")
	}
	if silent(t, b, legacyRequest("response_type", "code", "redirect_uri", "https://liveperson.net")).Get("code") == "" {
		t.Error("no code")
	}
}

// TestLegacyCodeIsRedeemedWithThePagesAddress: it is the one pair of addresses
// that may differ, and only in that direction.
//
//contract:2.1-legacy-code 2.1-rfc-code
//security:7-other-address
func TestLegacyCodeIsRedeemedWithThePagesAddress(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	b := amelia(t, p)
	request := legacyRequest("response_type", "code")
	grant := func(client, address, code string) *webtest.Page {
		secret := legacySecret
		if client == "messaging-code" {
			secret = messagingSecret
		}
		return redeemAs(b, client, secret, params("grant_type", "authorization_code", "redirect_uri", address, "code", code))
	}
	const label, page = "https://liveperson.net", "https://shop.brand.example/cb"
	for name, test := range map[string]struct {
		client, asked, named string
		granted              bool
	}{
		"window, then label":             {"legacy", ownWindow, label, true},
		"window, then itself":            {"legacy", ownWindow, ownWindow, true},
		"bare window, then label":        {"legacy", window, label, true},
		"window, then bare":              {"legacy", ownWindow, window, false},
		"bare window, then a query":      {"legacy", window, ownWindow, false},
		"window, then another page":      {"legacy", ownWindow, page, false},
		"window, then label with a path": {"legacy", ownWindow, label + "/", false},
		"window, then nowhere known":     {"legacy", ownWindow, "https://evil.example", false},
		"label, then window":             {"legacy", label, window, false},
		"page, then label":               {"legacy", page, label, false},
		"label, then page":               {"legacy", label, page, false},
		"window, then the only page":     {"legacy-pages", window, page, true},
		"window, then a second page":     {"legacy-pages", window, "https://shop.brand.example/cb2", false},
		"window, then no page":           {"legacy-pages", window, label, false},
		"rfc: window, then label":        {"messaging-code", window, label, false},
		"rfc: window, then itself":       {"messaging-code", window, window, true},
	} {
		t.Run(name, func(t *testing.T) {
			answer := silent(t, b, with(request, "client_id", test.client, "redirect_uri", test.asked, "scope", "openid"))
			got := grant(test.client, test.named, answer.Get("code"))
			if test.granted {
				if token := tokens(t, got); token.IDToken == "" || token.AccessToken == "" {
					t.Errorf("%s", got.Body)
				}
				return
			}
			wantWire(t, got, http.StatusBadRequest, "invalid_grant")
		})
	}
	// Another connector's code stays another's, whatever the address.
	code := silent(t, b, request).Get("code")
	wantWire(t, grant("legacy-pages", page, code), http.StatusBadRequest, "invalid_grant")
	wantWire(t, grant("messaging-code", label, code), http.StatusBadRequest, "invalid_grant")
	tokens(t, grant("legacy", label, code))
	wantWire(t, grant("legacy", label, code), http.StatusBadRequest, "invalid_grant")
}

// TestTokensInAQueryAreForWhoIsSetToThem: an error otherwise, in the fragment.
//
//contract:2.3-error-query 2.3-query
//security:18-legacy
func TestTokensInAQueryAreForWhoIsSetToThem(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, legacyBrand)
	b := amelia(t, p)
	for name, request := range map[string]url.Values{
		"legacy":     legacyRequest("response_mode", "query"),
		"rfc":        windowRequest("response_mode", "query"),
		"an rfc one": windowRequest("client_id", "named", "response_mode", "query", "response_type", "id_token token"),
		"ordinary":   implicitRequest("response_mode", "query"),
	} {
		page := b.Authorize(request)
		wantError(t, page, "invalid_request")
		if !strings.HasPrefix(page.Target(), request.Get("redirect_uri")+"#error=") {
			t.Errorf("%s: target %s", name, page.Target())
		}
	}
	page := b.Authorize(legacyRequest("client_id", "legacy-query", "prompt", "x"))
	if wantError(t, page, "invalid_request"); !strings.HasPrefix(page.Target(), ownWindow+"&error=") {
		t.Errorf("an error: target %s", page.Target())
	}
}
