package op_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// otherOrigin is a site of the brand on another domain than the provider.
const (
	otherOrigin  = "https://www.other.example"
	otherAddress = "https://www.other.example/chat"
	otherSecret  = "secret-of-other-code-0123456789-0123456"
)

const messageBrand = `
clients:
  - client_id: other
    redirect_uris: [https://www.other.example/chat, https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://WWW.third.example:443/]
    response_types: [id_token]
    web_origins: [https://www.other.example, https://www.third.example]
    web_message: true
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: other-code
    client_secret: ` + otherSecret + `
    redirect_uris: [https://www.other.example/chat, https://liveperson.net]
    web_origins: [https://www.other.example]
    web_message: true
    conversational_cloud: {variant: rfc}
  - client_id: ordinary
    token_endpoint_auth_method: none
    redirect_uris: [https://www.other.example/chat]
    web_origins: [https://www.other.example]
    web_message: true
  - client_id: off
    redirect_uris: [https://www.other.example/chat]
    response_types: [id_token]
    web_origins: [https://www.other.example]
    conversational_cloud: {variant: rfc}
`

// messageRequest is that of a page which has opened a pop-up.
func messageRequest(pairs ...string) map[string][]string {
	return with(params("client_id", "other", "response_type", "id_token", "response_mode", "web_message", "scope", "openid",
		"redirect_uri", otherAddress, "state", "0123456789abcdef", "display", "popup"), pairs...)
}

// message reads what a page posts, and to which origin.
func message(tb testing.TB, page *webtest.Page) (origin string, response map[string]string) {
	tb.Helper()
	element := page.Element("web-message")
	if page.Status != http.StatusOK || element == nil {
		tb.Fatalf("status %d, no message\n%s", page.Status, page.Body)
	}
	attributes := map[string]string{}
	for _, a := range element.Attr {
		attributes[a.Key] = a.Val
	}
	var posted struct {
		Type     string            `json:"type"`
		Response map[string]string `json:"response"`
	}
	if err := json.Unmarshal([]byte(attributes["data-message"]), &posted); err != nil || posted.Type != "authorization_response" {
		tb.Fatalf("message %s: %v", attributes["data-message"], err)
	}
	return attributes["data-origin"], posted.Response
}

func frameAncestors(page *webtest.Page) string {
	for directive := range strings.SplitSeq(page.Header.Get("Content-Security-Policy"), ";") {
		if value, ok := strings.CutPrefix(strings.TrimSpace(directive), "frame-ancestors "); ok {
			return value
		}
	}
	return ""
}

//contract:2.3-state-unchanged 2.4-other-site
func TestWebMessage(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, messageBrand)
	b := p.Browser(t)
	hostile := `x"><script>'</script>` + "\u2028" + strings.Repeat("ü& ", 2000)
	signIn := b.Authorize(messageRequest("state", hostile))
	wantSignIn(t, signIn)
	if signIn.Header.Get("Cross-Origin-Opener-Policy") != "" || frameAncestors(signIn) != "'none'" {
		t.Errorf("the sign-in page: %v", signIn.Header)
	}
	for name, page := range map[string]*webtest.Page{
		"after signing in": signIn.SignIn("amelia", ameliasPassword),
		"with a session":   b.Authorize(messageRequest("state", hostile)),
	} {
		origin, got := message(t, page)
		if origin != otherOrigin || got["state"] != hostile || got["iss"] != p.Issuer || frameAncestors(page) != "'none'" || page.Header.Get("Location") != "" ||
			page.Header.Get("Cross-Origin-Opener-Policy") != "" || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: for %s: %v, %v", name, origin, got, page.Header)
		}
		if c := claims(t, p, "other", got["id_token"]); c["sub"] != got["sub"] || got["sub"] == "" || got["expires_in"] != "3600" || c["lp_sdes"] == nil {
			t.Errorf("%s: %v, claims %v", name, got, c)
		}
	}
	origin, _ := message(t, b.Authorize(messageRequest("redirect_uri", "https://WWW.third.example:443/")))
	if origin != "https://www.third.example" {
		t.Errorf("origin %s, want it as browsers write it", origin)
	}

	code := messageRequest("client_id", "other-code", "response_type", "code", "code_challenge", challengeOf(verifier), "code_challenge_method", "S256")
	_, got := message(t, b.Authorize(code))
	if got["sub"] == "" || got["expires_in"] != "" || got["id_token"] != "" {
		t.Errorf("code: %v", got)
	}
	tokens(t, redeemAs(b, "other-code", otherSecret, params("grant_type", "authorization_code", "code", got["code"],
		"redirect_uri", otherAddress, "code_verifier", verifier)))
	// What a code is worth to an ordinary client, its page is to find out as ever.
	_, got = message(t, b.Authorize(with(code, "client_id", "ordinary")))
	if got["code"] == "" || got["sub"] != "" {
		t.Errorf("an ordinary client: %v", got)
	}
}

//contract:2.4-frame
//security:4-framed
func TestWebMessageInFrames(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, messageBrand)
	b := amelia(t, p)
	page := b.Authorize(messageRequest("prompt", "none"))
	if _, got := message(t, page); got["id_token"] == "" || frameAncestors(page) != otherOrigin {
		t.Errorf("%v, %v", got, page.Header)
	}
	for name, test := range map[string]struct {
		browser *webtest.Browser
		pairs   []string
		want    string
	}{
		"nobody is signed in":           {p.Browser(t), nil, "login_required"},
		"a fault that is found first":   {b, []string{"scope", "profile"}, "invalid_scope"},
		"a fault of prompt":             {b, []string{"prompt", "none login"}, "invalid_request"},
		"a response type not for it":    {b, []string{"response_type", "code"}, "unauthorized_client"},
		"a parameter that is not known": {b, []string{"request", "x"}, "request_not_supported"},
	} {
		page := test.browser.Authorize(with(messageRequest("prompt", "none"), test.pairs...))
		origin, got := message(t, page)
		if origin != otherOrigin || got["error"] != test.want || got["state"] != "0123456789abcdef" || got["iss"] != p.Issuer || got["id_token"] != "" || frameAncestors(page) != otherOrigin {
			t.Errorf("%s: %v, %v", name, got, page.Header)
		}
	}
	// A page that asks a person something is never framed, nor is what follows it.
	for _, prompt := range []string{"login", "consent", "select_account"} {
		if page := b.Authorize(messageRequest("prompt", prompt)); frameAncestors(page) != "'none'" || page.Element("web-message") != nil {
			t.Errorf("%s: %v", prompt, page.Header)
		}
	}
	denied := b.Authorize(messageRequest("prompt", "consent")).Submit("consent", map[string]string{"consent": "deny"})
	if _, got := message(t, denied); got["error"] != "access_denied" || frameAncestors(denied) != "'none'" {
		t.Errorf("denied: %v", got)
	}
}

// Whoever asks, a message goes to the registered origin of that client or nowhere.
//
//security:1-foreign-account-message 4-changed 4-not-switched-on 4-target
func TestWebMessageGoesNowhereElse(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, messageBrand)
	b := amelia(t, p)
	for name, pairs := range map[string][]string{
		"not switched on":                 {"client_id", "off"},
		"a client without the mode":       {"client_id", "messaging", "redirect_uri", window},
		"an address of no page":           {"redirect_uri", window},
		"the label of the embedded flow":  {"client_id", "other-code", "response_type", "code", "redirect_uri", "https://liveperson.net"},
		"an address that is not its own":  {"redirect_uri", "https://evil.example/chat"},
		"an origin instead of an address": {"redirect_uri", otherOrigin},
		"another mode of that kind":       {"response_mode", "web_message.jwt"},
		"another account's window":        {"state", `{"lpUnifiedWindowConfig":{"accountId":"666"}}`},
	} {
		page := b.Authorize(messageRequest(pairs...))
		wantErrorPage(t, page, http.StatusBadRequest, "invalid_request")
		if strings.Contains(page.Body, "web-message") || frameAncestors(page) != "'none'" {
			t.Errorf("%s: a message, or a frame", name)
		}
	}
	for _, hint := range []string{"parentWindowOrigin", "web_message_uri", "web_message_target", "origin"} {
		request := b.Request("/authorize?"+with(messageRequest(), hint, "https://evil.example").Encode(), nil,
			"Referer", "https://evil.example/", "Origin", "https://evil.example")
		if origin, _ := message(t, b.Do(request)); origin != otherOrigin {
			t.Errorf("%s: a message for %s", hint, origin)
		}
	}
	// What was allowed when the sign-in page was shown is asked again.
	page := p.Browser(t).Authorize(messageRequest())
	p.Apply(strings.Replace(messageBrand, "web_message: true", "web_message: false", 1))
	wantErrorPage(t, page.SignIn("amelia", ameliasPassword), http.StatusBadRequest, "invalid_request")
}

func TestDiscoveryTellsOfWebMessages(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	modes := func() []string {
		var document struct {
			Modes []string `json:"response_modes_supported"`
		}
		if err := json.Unmarshal([]byte(p.Browser(t).Get("/.well-known/openid-configuration").Body), &document); err != nil {
			t.Fatal(err)
		}
		return document.Modes
	}
	if got := modes(); slices.Contains(got, "web_message") {
		t.Errorf("%v, though no client has it", got)
	}
	p.Apply(messageBrand)
	if got := modes(); !slices.Contains(got, "web_message") {
		t.Errorf("%v, though a client has it", got)
	}
}
