package e2e_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/web/webtest"
)

// shop is a provider, and the brand's pages on its site and on another.
type shop struct {
	*idp
	*brandPages
}

func newShop(t *testing.T) *shop {
	t.Helper()
	s := serve(t, cheapHashing...)
	h := &shop{idp: s, brandPages: newBrandPages(t, s.Issuer)}
	s.Apply(h.Clients() + amelia)
	return h
}

// tab gives a tab that blocks third-party cookies.
func (h *shop) tab(t *testing.T) *tab {
	t.Helper()
	tab := newTab(t)
	call(tab, network.SetCookieControls, network.SetCookieControlsParams{EnableThirdPartyCookieRestriction: true})
	return tab
}

// signedIn gives a tab in which Amelia is signed in at the provider.
func (h *shop) signedIn(t *testing.T) *tab {
	t.Helper()
	tab := h.tab(t)
	tab.Open(h.Issuer+"/authorize", params("client_id", "page", "response_type", "id_token", "scope", "openid", "redirect_uri", h.Own()+"/chat"))
	tab.SignIn("amelia", ameliasPassword)
	tab.Do(chromedp.WaitReady(chromedp.ID("chat")))
	webtest.ConsoleErrors(tab.ctx) // of a page that was not made for that
	return tab
}

// given is what the callback of the JS method got.
type given struct {
	Token json.RawMessage `json:"token"`
	Error string          `json:"error"`
}

// IDToken is the token that was handed over as a string.
func (g given) IDToken() string {
	var text string
	_ = json.Unmarshal(g.Token, &text) // a code is none
	return text
}

// Code is the code that was handed over as an object.
func (g given) Code() (ssoKey, redirectURI string) {
	var code struct {
		SSOKey      string `json:"ssoKey"`
		RedirectURI string `json:"redirect_uri"`
	}
	_ = json.Unmarshal(g.Token, &code) // an ID token is none
	return code.SSOKey, code.RedirectURI
}

const callMethod = "call((callback) => lpGetAuthenticationToken(callback, challenge))"

// identity asks the page's identity function.
func identity(tab *tab) string {
	return eval[string](tab, "identify().then(JSON.stringify)")
}

// redeemed redeems a code as Conversational Cloud does, and gives the ID token's
// sub, "" if it is refused.
func (h *shop) redeemed(t *testing.T, client string, got given, verifier string) string {
	t.Helper()
	code, redirectURI := got.Code()
	form := params("grant_type", "authorization_code", "code", code, "redirect_uri", redirectURI)
	if verifier != "" {
		form.Set("code_verifier", verifier)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.Issuer+"/token", strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.SetBasicAuth(client, url.QueryEscape(secret))
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole, or of no interest
	var tokens struct {
		IDToken string `json:"id_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&tokens); err != nil {
		t.Fatal(err)
	}
	return subClaim(tokens.IDToken)
}

// challenge is the S256 challenge of a verifier.
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const pageVerifier = "a-verifier-of-Conversational-Cloud-0123456789"

//contract:1.2-iss-identity 1.9-identity 1.10-nobody 2.4-frame 2.4-other-site 2.4-script 2.6-embedded 2.7-embedded
//contract:2.9-offline 3.1-again 3.1-callback 3.1-challenge 3.1-default 3.1-error 3.1-named 3.1-object 3.1-string
//contract:3.2-code 3.2-keys 3.2-null 3.2-pushed 3.2-same 3.5-page
//security:4-forged-issuer 4-forged-origin 4-forged-source 4-forged-state 4-framed 4-opener 5-kept 5-shared-code
//security:5-stranger-page
func TestPageScript(t *testing.T) {
	t.Parallel()
	h := newShop(t)
	for name, test := range map[string]func(*testing.T, *shop){
		"embedded window, implicit flow":       embeddedImplicit,
		"embedded window, code flow":           embeddedCode,
		"embedded window, code flow with PKCE": embeddedPKCE,
		"nobody is signed in":                  nobodySignedIn,
		"cookies of third parties are blocked": thirdPartyCookies,
		"another site, by a pop-up":            otherSite,
		"another site, by a pop-up for codes":  otherSiteCode,
		"another site, by the method itself":   otherSiteFallback,
		"a pop-up that somebody closes":        closedPopUp,
		"in a frame":                           inFrame,
		"another name for the method":          anotherName,
		"a token that is about to end":         aboutToEnd,
		"what the page loads and keeps":        loadsAndKeeps,
		"messages that are forged":             forgedMessages,
		"a page of the brand's own":            noStranger,
		"a stranger's page on another site":    strangerElsewhere,
		"a stranger's page on the same site":   strangerNextDoor,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h)
		})
	}
}

func embeddedImplicit(t *testing.T, h *shop) {
	tab := h.signedIn(t)
	tab.Open(h.Own()+"/chat", params("client", "page"))
	all := eval[[]given](tab, "Promise.all(["+callMethod+", "+callMethod+", identify().then(() => "+callMethod+")])")
	sub := subClaim(all[0].IDToken())
	if sub == "" || all[1].IDToken() != all[0].IDToken() || all[2].IDToken() != all[0].IDToken() {
		t.Errorf("the callers got %+v", all)
	}
	if got, want := identity(tab), fmt.Sprintf(`{"iss":%q,"acr":"loa1","sub":%q}`, h.Issuer, sub); got != want {
		t.Errorf("identity %s, want %s", got, want)
	}
	if asked := eval[int](tab, `performance.getEntriesByName("`+h.Issuer+`/token-source").filter((e) => e.initiatorType === "fetch").length`); asked != 1 {
		t.Errorf("%d requests, want one for all", asked)
	}
	tab.Complaints() // of the page's own policy, above all
}

func embeddedCode(t *testing.T, h *shop) {
	tab := h.signedIn(t)
	tab.Open(h.Own()+"/chat", params("client", "page-code"))
	all := eval[[]given](tab, "Promise.all(["+callMethod+", "+callMethod+"])")
	for _, got := range all {
		if _, redirectURI := got.Code(); redirectURI != "https://liveperson.net" || h.redeemed(t, "page-code", got, "") == "" {
			t.Errorf("got %s, %s", got.Token, got.Error)
		}
		if h.redeemed(t, "page-code", got, "") != "" {
			t.Error("a code was redeemed twice")
		}
	}
	if got := identity(tab); !strings.Contains(got, `"sub"`) {
		t.Errorf("identity %s", got)
	}
	tab.Complaints()
}

func embeddedPKCE(t *testing.T, h *shop) {
	tab := h.signedIn(t)
	tab.Open(h.Own()+"/chat", params("client", "page-pkce", "challenge", challenge(pageVerifier)))
	if got := identity(tab); !strings.Contains(got, `"sub"`) { // without a challenge
		t.Errorf("identity %s", got)
	}
	if got := eval[given](tab, callMethod); h.redeemed(t, "page-pkce", got, "another-"+pageVerifier) != "" {
		t.Error("a code was redeemed with another verifier")
	}
	if got := eval[given](tab, callMethod); h.redeemed(t, "page-pkce", got, pageVerifier) == "" {
		t.Errorf("got %s, %s", got.Token, got.Error)
	}
	tab.Complaints()
	if got := eval[given](tab, "call(lpGetAuthenticationToken)"); got.Error != "invalid_request" || string(got.Token) != `""` {
		t.Errorf("without a challenge: %s, %s", got.Token, got.Error)
	}
}

func nobodySignedIn(t *testing.T, h *shop) {
	tab := h.tab(t)
	for _, client := range []string{"page", "page-code"} {
		tab.Open(h.Own()+"/chat", params("client", client))
		if got := eval[given](tab, callMethod); got.Error != "login_required" || string(got.Token) != `""` {
			t.Errorf("%s: %s, %s", client, got.Token, got.Error)
		}
		if got := identity(tab); got != "null" {
			t.Errorf("%s: identity %s", client, got)
		}
	}
	call(tab, network.SetBlockedURLs, network.SetBlockedURLsParams{
		URLPatterns: []*network.BlockPattern{{URLPattern: h.Issuer + "/token-source", Block: true}},
	})
	if got := eval[given](tab, callMethod); got.Error != "network_error" {
		t.Errorf("out of reach: %s, %s", got.Token, got.Error)
	}
}

// thirdPartyCookies shows that in the tabs of these tests a page gets no cookie of
// another site along with what it fetches, not even one that is meant for that.
func thirdPartyCookies(t *testing.T, h *shop) {
	tab := h.tab(t)
	tab.Open(h.Own()+"/set-cookie", nil)
	for origin, want := range map[string]string{"http://localhost:" + h.rogue: "third=party", h.Other(): ""} {
		tab.Open(origin+"/chat", params("client", "page"))
		if got := eval[string](tab, `fetch("`+h.Own()+`/cookies", {credentials: "include"}).then((r) => r.text())`); got != want {
			t.Errorf("from %s: cookies %q, want %q", origin, got, want)
		}
	}
}

// popUp clicks on a button, and signs Amelia in in the window that opens.
func (h *shop) popUp(t *testing.T, opener *tab, button string) {
	t.Helper()
	window := &tab{tb: t, ctx: webtest.NewWindow(opener.ctx, t, chromedp.Click(chromedp.ID(button)))}
	// Whatever the page itself is told meanwhile, is not the answer.
	eval[int](opener, `[{}, null, {type: "authorization_response"}, {type: "authorization_response", response: {iss: "`+h.Issuer+`", state: "", id_token: "forged", code: "forged"}}]
		.map((message) => postMessage(message, location.origin)).length`)
	window.SignIn("amelia", ameliasPassword)
}

func otherSite(t *testing.T, h *shop) {
	tab := h.tab(t)
	tab.Open(h.Other()+"/chat", params("client", "page"))
	if got := eval[given](tab, callMethod); got.Error != "login_required" {
		t.Errorf("without a pop-up: %s, %s", got.Token, got.Error)
	}
	h.popUp(t, tab, "sign-in")
	first := eval[given](tab, "got")
	sub := subClaim(first.IDToken())
	if sub == "" {
		t.Fatalf("got %s, %s", first.Token, first.Error)
	}
	if got := eval[given](tab, callMethod); got.IDToken() != first.IDToken() {
		t.Errorf("the method then gives %s, %s", got.Token, got.Error)
	}
	if got, want := identity(tab), fmt.Sprintf(`{"iss":%q,"acr":"loa1","sub":%q}`, h.Issuer, sub); got != want {
		t.Errorf("identity %s, want %s", got, want)
	}
	// The next page knows nothing, and its pop-up needs nobody any more.
	tab.Open(h.Other()+"/chat", params("client", "page"))
	if got := eval[given](tab, callMethod); got.Error != "login_required" {
		t.Errorf("on the next page: %s, %s", got.Token, got.Error)
	}
	tab.Do(chromedp.Click(chromedp.ID("sign-in")))
	if got := eval[given](tab, "got"); subClaim(got.IDToken()) != sub {
		t.Errorf("by another pop-up: %s, %s", got.Token, got.Error)
	}
	tab.Complaints()
}

func otherSiteCode(t *testing.T, h *shop) {
	tab := h.tab(t)
	tab.Open(h.Other()+"/chat", params("client", "page-pkce", "challenge", challenge(pageVerifier)))
	if got := identity(tab); got != "null" {
		t.Errorf("identity %s", got)
	}
	h.popUp(t, tab, "sign-in")
	got := eval[given](tab, "got")
	if _, redirectURI := got.Code(); redirectURI != h.Other()+"/chat" || h.redeemed(t, "page-pkce", got, pageVerifier) == "" {
		t.Errorf("got %s, %s", got.Token, got.Error)
	}
	if got := identity(tab); !strings.Contains(got, `"sub"`) {
		t.Errorf("identity %s", got)
	}
	// On a page of the provider's site, which has no address for pop-ups.
	tab.Open(h.Own()+"/chat", params("client", "page-pkce"))
	tab.Do(chromedp.Click(chromedp.ID("sign-in")))
	if got := eval[given](tab, "got"); got.Error != "popup_not_allowed" {
		t.Errorf("an origin without an address: %s, %s", got.Token, got.Error)
	}
}

func otherSiteFallback(t *testing.T, h *shop) {
	tab := h.tab(t)
	tab.Open(h.Other()+"/pop-up", params("client", "page"))
	h.popUp(t, tab, "chat")
	if got := eval[given](tab, "got"); subClaim(got.IDToken()) == "" {
		t.Errorf("got %s, %s", got.Token, got.Error)
	}
	tab.Open(h.Other()+"/pop-up", params("client", "page-code"))
	tab.Do(chromedp.Click(chromedp.ID("chat")))
	if got := eval[given](tab, "got"); h.redeemed(t, "page-code", got, "") == "" {
		t.Errorf("got %s, %s", got.Token, got.Error)
	}
}

func closedPopUp(t *testing.T, h *shop) {
	tab := h.tab(t)
	tab.Open(h.Other()+"/chat", params("client", "page"))
	window := webtest.NewWindow(tab.ctx, t, chromedp.Click(chromedp.ID("sign-in")))
	if err := chromedp.Do(window, chromedp.WaitVisible(chromedp.ID("submit")), chromedp.Evaluate[chromedp.Void]("window.close()")); err != nil {
		t.Fatal(err)
	}
	if got := eval[given](tab, "got"); got.Error != "popup_closed" {
		t.Errorf("got %s, %s", got.Token, got.Error)
	}
}

// messageAddress is the request of a page for a message.
func (h *shop) messageAddress(origin string, pairs ...string) string {
	request := params("client_id", "page", "response_type", "id_token", "response_mode", "web_message", "scope", "openid",
		"redirect_uri", origin+"/chat", "state", "a state")
	for i := 0; i < len(pairs); i += 2 {
		request.Set(pairs[i], pairs[i+1])
	}
	return h.Issuer + "/authorize?" + request.Encode()
}

// framed shows an address in a frame until it is loaded, or blocked, and gives
// what the page was told.
func framed(tab *tab, address string) string {
	return eval[string](tab, fmt.Sprintf(`new Promise((resolve) => {
		const frame = document.createElement("iframe");
		frame.onload = () => setTimeout(() => resolve(JSON.stringify(messages)));
		frame.src = %q;
		document.body.append(frame);
	})`, address))
}

func inFrame(t *testing.T, h *shop) {
	tab := h.signedIn(t)
	told := func(address string) string {
		t.Helper()
		framed(tab, address)
		tab.Do(chromedp.Poll[chromedp.Void]("messages.length > 0"))
		return eval[string](tab, "JSON.stringify(messages)")
	}
	tab.Open(h.Own()+"/chat", params("client", "page"))
	if got := told(h.messageAddress(h.Own(), "prompt", "none")); !strings.Contains(got, `"id_token":"ey`) {
		t.Errorf("on the provider's site: %s", got)
	}
	tab.Complaints()
	tab.Open(h.Other()+"/chat", params("client", "page"))
	if got := told(h.messageAddress(h.Other(), "prompt", "none")); !strings.Contains(got, `"error":"login_required"`) {
		t.Errorf("on another site: %s", got)
	}
	tab.Complaints()
	got := framed(tab, h.messageAddress(h.Other()))
	if complaints := strings.Join(webtest.ConsoleErrors(tab.ctx), "\n"); strings.Count(got, "authorization_response") > 1 || !strings.Contains(complaints, "frame-ancestors") {
		t.Errorf("a page for people was framed: %s\n%s", got, complaints)
	}
}
