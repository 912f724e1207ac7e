package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

const (
	callback      = "https://va.idp.liveperson.net/callback/12345678/redirectCode"
	otherCallback = "https://euwe1.idp.liveperson.net/callback/12345678/redirectedCode"
)

// delegationBrand has connectors that may delegate, and one that may not.
const delegationBrand = `
clients:
  - client_id: delegating
    client_name: Delegating
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [code, id_token]
    grant_types: [authorization_code, implicit, refresh_token]
    web_origins: [https://shop.brand.example]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: legacy-delegating
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    grant_types: [authorization_code, refresh_token]
    conversational_cloud: {variant: legacy, account_id: "12345678", idp_domains: [va.idp.liveperson.net]}
  - client_id: any-account
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    grant_types: [authorization_code, refresh_token]
    conversational_cloud: {variant: rfc}
  - client_id: no-grant
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: registered
    redirect_uris: ["https://idp.liveperson.example/callback/12345678/redirectCode"]
    response_types: [code, id_token]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
`

// carefulDelegationBrand has clients that ask for consent, or are no connectors.
const carefulDelegationBrand = `
clients:
  - client_id: careful-delegating
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    grant_types: [authorization_code, refresh_token]
    consent: required
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: ordinary-delegating
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [` + callback + `, ` + otherCallback + `]
`

// botRequest is the request of the link that a bot posts, with LivePerson's state.
func botRequest(pairs ...string) url.Values {
	return with(params("client_id", "delegating", "response_type", "code", "scope", "openid email", "redirect_uri", callback,
		"state", "4f0c-LP"), pairs...)
}

// delegate follows a bot's link to the page that it has for somebody who is signed in,
// and agrees.
func delegate(tb testing.TB, b *webtest.Browser, request url.Values) url.Values {
	tb.Helper()
	page := b.Authorize(request)
	wantAssistant(tb, page)
	return page.Submit("consent", map[string]string{"consent": "allow"}).Answer()
}

// wantAssistant wants the page that asks whether the conversation is one's own.
func wantAssistant(tb testing.TB, page *webtest.Page) {
	tb.Helper()
	if page.Status != http.StatusOK || page.Target() != "" || page.Element("consent") == nil || page.Element("assistant") == nil {
		tb.Fatalf("nobody was asked: status %d, target %q\n%s", page.Status, page.Target(), page.Body)
	}
}

// TestNobodyDelegatesUnasked: a stranger has somebody open the bot's link of the
// stranger's own conversation. Each time, and by whatever door, a page asks.
//
//security:1-delegated-unasked
func TestNobodyDelegatesUnasked(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, delegationBrand, carefulDelegationBrand)
	b := amelia(t, p)
	for _, address := range []string{callback, otherCallback} {
		for name, request := range map[string]url.Values{
			"as it is":        botRequest("redirect_uri", address),
			"a form":          botRequest("redirect_uri", address, "response_mode", "form_post"),
			"claims":          botRequest("redirect_uri", address, "claims", `{"userinfo":{"email":null}}`),
			"asks consent":    botRequest("redirect_uri", address, "client_id", "careful-delegating"),
			"ordinary client": botRequest("redirect_uri", address, "client_id", "ordinary-delegating"),
		} {
			t.Run(name, func(t *testing.T) {
				b := b.For(t)
				for range 2 { // what was allowed before counts for nothing
					if answer := delegate(t, b, request); answer.Get("code") == "" {
						t.Errorf("allowed, and no code: %v", answer)
					}
				}
				wantError(t, b.Authorize(with(request, "prompt", "none")), "consent_required")
				denied := b.Authorize(request).Submit("consent", map[string]string{"consent": "deny"})
				wantError(t, denied, "access_denied")
				chosen := b.Authorize(with(request, "prompt", "select_account"))
				wantAssistant(t, chosen.Submit("continue-as", nil))
				wantAssistant(t, b.Authorize(with(request, "prompt", "login")).SignIn("amelia", ameliasPassword))
				wantAssistant(t, p.Browser(t).Authorize(request).SignIn("amelia", ameliasPassword))
			})
		}
	}
	if page := b.Authorize(codeRequest("prompt", "consent")); page.Element("assistant") != nil {
		t.Error("the page of another client speaks of an assistant")
	}
}

//contract:2.8-tokens 2.8-access-token 2.8-callbacks 2.8-consent 2.8-scope 2.8-state
func TestDelegationForABot(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, delegationBrand)
	for _, address := range []string{callback, otherCallback} {
		b := p.Browser(t)
		page := b.Authorize(botRequest("redirect_uri", address, "prompt", "consent")).SignIn("amelia", ameliasPassword)
		if !strings.Contains(page.Body, "Delegating") || page.Element("consent") == nil {
			t.Fatalf("no consent page: status %d\n%s", page.Status, page.Body)
		}
		answered := page.Submit("consent", map[string]string{"consent": "allow"})
		answer := answered.Answer()
		if !strings.HasPrefix(answered.Target(), address+"?") || answer.Get("state") != "4f0c-LP" {
			t.Fatalf("target %q", answered.Target())
		}
		form := params("grant_type", "authorization_code", "redirect_uri", address, "code", answer.Get("code"))
		token := tokens(t, redeemAs(b, "delegating", portalSecret, form))
		if token.Scope != "openid email" || token.RefreshToken == "" || token.ExpiresIn != 3600 || token.TokenType != "Bearer" {
			t.Errorf("token response %+v", token)
		}
		if page := userinfo(b, token.AccessToken); page.Status != http.StatusOK || !strings.Contains(page.Body, "amelia@brand.example") {
			t.Errorf("userinfo: %d %s", page.Status, page.Body)
		}
		wantAccess(t, b, tokens(t, refreshDelegated(b, token.RefreshToken)).AccessToken, http.StatusOK)
		denied := b.Authorize(botRequest("redirect_uri", address, "prompt", "consent")).Submit("consent", map[string]string{"consent": "deny"})
		wantError(t, denied, "access_denied")
	}
}

// TestCallbacksAreWhatTheyAre: byte for byte, for codes alone, and only where a
// client may delegate.
//
//contract:2.8-callbacks
//security:1-foreign-account-callback 3-callback
func TestCallbacksAreWhatTheyAre(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, delegationBrand)
	b := amelia(t, p)
	for name, request := range map[string]url.Values{
		"a token":                      botRequest("response_type", "id_token"),
		"a token in a form":            botRequest("response_type", "id_token", "response_mode", "form_post"),
		"a token, address registered":  botRequest("client_id", "registered", "redirect_uri", "https://idp.liveperson.example/callback/12345678/redirectCode", "response_type", "id_token"),
		"another account":              botRequest("redirect_uri", strings.Replace(callback, "12345678", "87654321", 1)),
		"another host":                 botRequest("redirect_uri", strings.Replace(callback, "va.", "sy.", 1)),
		"another spelling":             botRequest("redirect_uri", strings.Replace(callback, "redirectCode", "RedirectCode", 1)),
		"a slash more":                 botRequest("redirect_uri", callback+"/"),
		"a query":                      botRequest("redirect_uri", callback+"?a=b"),
		"http":                         botRequest("redirect_uri", strings.Replace(callback, "https", "http", 1)),
		"no account":                   botRequest("client_id", "any-account"),
		"no grant":                     botRequest("client_id", "no-grant"),
		"an ordinary client":           botRequest("client_id", "site"),
		"a domain that was left out":   botRequest("client_id", "legacy-delegating", "redirect_uri", otherCallback),
		"a query, of a legacy variant": botRequest("client_id", "legacy-delegating", "redirect_uri", callback+"?a=b"),
		"a window of another account":  botRequest("state", `{"lpUnifiedWindowConfig":{"accountId":"87654321"}}`),
		"the same, encoded twice":      botRequest("state", url.QueryEscape(url.QueryEscape(`{"lpUnifiedWindowConfig":{"accountId":"87654321"}}`))),
	} {
		t.Run(name, func(t *testing.T) {
			wantErrorPage(t, b.For(t).Authorize(request), http.StatusBadRequest, "invalid_request")
		})
	}
	if code := delegate(t, b, botRequest("client_id", "legacy-delegating")).Get("code"); code == "" {
		t.Error("no code for a legacy connector")
	}
	if page := askSource(t, b, "delegating", "redirect_uri", callback); page.Status != http.StatusBadRequest {
		t.Errorf("the token source gives codes for a callback: %d %s", page.Status, page.Body)
	}
}

// TestLivePersonsOwnState: its form is not documented, so none is refused but a
// window's of another account.
//
//contract:2.8-state
func TestLivePersonsOwnState(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, delegationBrand)
	b := amelia(t, p)
	for _, state := range []string{
		"", "a b", "%7B%22", `{"accountId":"va-shard-7"}`, `{"accountID":"12345678","accountid":1}`, `{"a":1,"a":2}`, `{broken`, `[1,`, `"x`,
		"eyJhbGciOiJIUzI1NiJ9.e30.c2ln", strings.Repeat("s", 8<<10), `{"lpUnifiedWindowConfig":{"accountId":"12345678"}}`,
	} {
		if got := delegate(t, b, botRequest("state", state)).Get("state"); got != state {
			t.Errorf("state %q, sent %q", got, state)
		}
	}
}
