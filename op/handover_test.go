package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// handed has clients whose consumers sign in at the brand's own login, and consumers
// of the brand's own system.
const handed = `
clients:
  - client_id: shop
    client_name: The shop
    client_secret: secret-of-shop-0123456789-0123456789
    redirect_uris: [https://shop.brand.example/cb]
    response_types: [code, id_token, code id_token]
    login_url: https://www.brand.example/login?of=idp
    logout_url: https://www.brand.example/logout
    post_logout_redirect_uris: [https://shop.brand.example/bye]
  - client_id: shop2
    client_secret: secret-of-shop2-0123456789-0123456789
    redirect_uris: [https://shop2.brand.example/cb]
    response_types: [code, id_token]
    consent: required
    web_message: true
    web_origins: [https://shop2.brand.example]
    login_url: https://www.brand.example/login2
  - client_id: pocket
    application_type: native
    token_endpoint_auth_method: none
    redirect_uris: ["com.brand.pocket:/cb"]
    login_url: https://www.brand.example/login
consumers:
  - {external_id: crm-1, sub: sub-of-pond, claims: {given_name: Pond}}
  - {external_id: crm-2, sub: sub-of-williams, claims: {given_name: Williams}}
`

const (
	shopSecret   = "secret-of-shop-0123456789-0123456789"
	shopCallback = "https://shop.brand.example/cb"
)

func handedRequest(pairs ...string) url.Values {
	return codeRequest(append([]string{"client_id", "shop", "redirect_uri", shopCallback}, pairs...)...)
}

func shop2Request(pairs ...string) url.Values {
	return codeRequest(append([]string{"client_id", "shop2", "redirect_uri", "https://shop2.brand.example/cb"}, pairs...)...)
}

// parameterOf gives a parameter of the query of where a page leads.
func parameterOf(t *testing.T, page *webtest.Page, name string) string {
	t.Helper()
	target, err := url.Parse(page.Target())
	if err != nil || target.Query().Get(name) == "" {
		t.Fatalf("status %d, target %q has no %s\n%s", page.Status, page.Target(), name, page.Body)
	}
	return target.Query().Get(name)
}

// handedOver gives the challenge with which a request was sent to the shop's login.
func handedOver(t *testing.T, page *webtest.Page) string {
	t.Helper()
	if !strings.HasPrefix(page.Target(), "https://www.brand.example/login") {
		t.Fatalf("status %d, target %q: not sent to the brand's login\n%s", page.Status, page.Target(), page.Body)
	}
	return parameterOf(t, page, "login_challenge")
}

// shopper gives a browser in which somebody has signed in at the brand for the shop.
func shopper(t *testing.T, p *webtest.Provider, who acceptance) *webtest.Browser {
	t.Helper()
	b := p.Browser(t)
	page := b.Get(accepted(t, p, handedOver(t, b.Authorize(handedRequest())), who))
	if page.Answer().Get("code") == "" {
		t.Fatalf("status %d, target %q\n%s", page.Status, page.Target(), page.Body)
	}
	return b
}

func TestSignInAtTheBrand(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	page := b.Authorize(handedRequest("scope", "openid profile", "login_hint", "pond", "ui_locales", "de en", "acr_values", "gold silver", "max_age", "3600"))
	challenge := handedOver(t, page)
	if page.Status != http.StatusFound || !strings.HasPrefix(page.Target(), "https://www.brand.example/login?of=idp&login_challenge=") ||
		page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("status %d, headers %v", page.Status, page.Header)
	}
	ask := wantAsk(t, p, challenge)
	if ask.Client.ClientID != "shop" || ask.Client.ClientName != "The shop" || strings.Join(ask.Scopes, " ") != "openid profile" || ask.MaxAge != 3600 ||
		ask.LoginHint != "pond" || strings.Join(ask.UILocales, " ") != "de en" || strings.Join(ask.ACRValues, " ") != "gold silver" ||
		ask.Essential || !ask.Skip || ask.Sub != "" || p.Now().Add(10*time.Minute).Sub(ask.ExpiresAt) > 10*time.Second {
		t.Errorf("%+v", ask)
	}

	signedIn := p.Now().Add(-5 * time.Minute).Truncate(time.Second)
	page = b.Get(accepted(t, p, challenge, acceptance{ExternalID: "crm-1", ACR: "gold", AMR: []string{"hwk", "pin"}, AuthTime: &signedIn}))
	if page.Status != http.StatusFound || page.Answer().Get("state") != "st" || page.Answer().Get("iss") != p.Issuer {
		t.Fatalf("status %d, target %q", page.Status, page.Target())
	}
	token := tokens(t, redeemAs(b, "shop", shopSecret, params("grant_type", "authorization_code", "redirect_uri", shopCallback, "code", page.Answer().Get("code"))))
	got := claims(t, p, "shop", token.IDToken)
	if got["sub"] != "sub-of-pond" || got["acr"] != "gold" || got["auth_time"] != float64(signedIn.Unix()) || got["amr"].([]any)[1] != "pin" {
		t.Errorf("%v", got)
	}
	// The session is there for all clients, with a login of the brand's own or without.
	if site := claims(t, p, "site", silent(t, b, implicitRequest()).Get("id_token")); site["sub"] != "sub-of-pond" || site["acr"] != "gold" || site["sid"] != got["sid"] {
		t.Errorf("%v", site)
	}
	silent(t, b, handedRequest("prompt", "none"))
	wantError(t, b.Authorize(handedRequest("prompt", "none", "max_age", "60")), "login_required")
	wantError(t, p.Browser(t).Authorize(handedRequest("prompt", "none")), "login_required")
	wantSignIn(t, p.Browser(t).Authorize(codeRequest())) // a client without a login of the brand's own

	// The whole provider may have one.
	all := webtest.Start(t, func(o *web.Options) { o.HandOver.LoginURL = "https://www.brand.example/login/all" }, brand, handed)
	if page := all.Browser(t).Authorize(codeRequest()); !strings.HasPrefix(page.Target(), "https://www.brand.example/login/all?login_challenge=") {
		t.Errorf("target %q", page.Target())
	}
	if page := all.Browser(t).Authorize(handedRequest()); !strings.HasPrefix(page.Target(), "https://www.brand.example/login?of=idp&") {
		t.Errorf("target %q", page.Target())
	}
}

// The answer comes as the request wants it, with whatever has to come before it.
func TestResponseModesAfterTheBrandsLogin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	page := b.Get(accepted(t, p, handedOver(t, b.Authorize(handedRequest("response_mode", "form_post"))), pond))
	if page.Status != http.StatusOK || page.Target() != shopCallback || page.Answer().Get("code") == "" {
		t.Errorf("form_post: status %d, target %q", page.Status, page.Target())
	}
	b = p.Browser(t)
	page = b.Get(accepted(t, p, handedOver(t, b.Authorize(handedRequest("response_type", "code id_token"))), pond))
	if answer := page.Answer(); answer.Get("code") == "" || claims(t, p, "shop", answer.Get("id_token"))["sub"] != "sub-of-pond" {
		t.Errorf("hybrid: target %q", page.Target())
	}
	b = p.Browser(t)
	page = b.Get(accepted(t, p, handedOver(t, b.Authorize(shop2Request("response_mode", "web_message"))), pond))
	page = page.Submit("consent", map[string]string{"consent": "allow"})
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "https://shop2.brand.example") || !strings.Contains(page.Body, "code") {
		t.Errorf("web_message after consent: status %d\n%s", page.Status, page.Body)
	}
	page = b.Get(accepted(t, p, handedOver(t, b.Authorize(shop2Request("prompt", "login"))), pond)) // remembered
	if page.Answer().Get("code") == "" {
		t.Errorf("status %d, target %q", page.Status, page.Target())
	}
	// A form that another site posts goes on through pages, which Chromium's form-action wants.
	page = b.Do(b.Request("/authorize", handedRequest("prompt", "login"), "Sec-Fetch-Site", "same-origin"))
	if page.Status != http.StatusOK || !strings.Contains(page.Body, "sign-in page") {
		t.Errorf("status %d\n%s", page.Status, page.Body)
	}
	if page = b.Get(accepted(t, p, handedOver(t, page), pond)); page.Answer().Get("code") == "" {
		t.Errorf("status %d, target %q", page.Status, page.Target())
	}
}

func TestRejectedAtTheBrand(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	for _, code := range op.LoginRejections() {
		b := p.Browser(t)
		d := reject(t, p, handedOver(t, b.Authorize(handedRequest())), code)
		page := b.Get(d.redirectTo)
		wantError(t, page, code)
		if page.Answer().Get("state") != "st" || !strings.HasPrefix(page.Target(), shopCallback) {
			t.Errorf("target %q", page.Target())
		}
		wantErrorPage(t, b.Get(d.redirectTo), http.StatusConflict, "invalid_request")
		wantError(t, b.Authorize(handedRequest("prompt", "none")), "login_required")
	}
	challenge := handedOver(t, p.Browser(t).Authorize(handedRequest()))
	if d := reject(t, p, challenge, "no_such_error"); d.status != http.StatusBadRequest {
		t.Errorf("%+v", d)
	}
	if d := reject(t, p, "no_such_challenge", "access_denied"); d.status != http.StatusNotFound {
		t.Errorf("%+v", d)
	}
}

// What the brand says of a sign-in is held against what the request demands.
func TestFreshnessOfTheBrandsSignIn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	hourAgo := new(-time.Hour)
	for name, test := range map[string]struct {
		pairs  []string
		since  *time.Duration // from now until somebody has signed in, if that is told
		status int
	}{
		"an hour old":                      {nil, hourAgo, http.StatusOK},
		"prompt=login, an hour old":        {[]string{"prompt", "login"}, hourAgo, http.StatusBadRequest},
		"prompt=login, just now":           {[]string{"prompt", "login"}, nil, http.StatusOK},
		"prompt=login, this second":        {[]string{"prompt", "login"}, new(time.Duration(0)), http.StatusOK},
		"max_age, too old":                 {[]string{"max_age", "1800"}, hourAgo, http.StatusBadRequest},
		"max_age, not too old":             {[]string{"max_age", "7200"}, hourAgo, http.StatusOK},
		"max_age=0, just now":              {[]string{"max_age", "0"}, nil, http.StatusOK},
		"max_age=0, before":                {[]string{"max_age", "0"}, new(-10 * time.Second), http.StatusBadRequest},
		"in the future":                    {nil, new(5 * time.Minute), http.StatusBadRequest},
		"a clock that is ahead":            {nil, new(30 * time.Second), http.StatusOK},
		"prompt=login, a clock that lives": {[]string{"prompt", "login"}, new(30 * time.Second), http.StatusOK},
	} {
		b := p.Browser(t)
		challenge := handedOver(t, b.Authorize(handedRequest(test.pairs...)))
		who := pond
		if test.since != nil {
			who = pond.signedInAt(p.Now().Add(*test.since).Truncate(time.Second)) // a brand may tell no more
		}
		d := accept(t, p, challenge, who)
		if d.status != test.status || d.status != http.StatusOK && strings.Join(d.fields, " ") != "auth_time" {
			t.Errorf("%s: %+v", name, d)
			continue
		}
		if d.status != http.StatusOK {
			d.redirectTo = accepted(t, p, challenge, pond) // the challenge still waits for a sign-in that will do
		}
		if page := b.Get(d.redirectTo); page.Answer().Get("code") == "" {
			t.Errorf("%s: status %d, target %q", name, page.Status, page.Target())
		}
	}
	for _, wrong := range []acceptance{
		{},
		{Sub: "sub-of-pond", ExternalID: "crm-1"},
		{Sub: "nobody"},
		{ExternalID: "nothing"},
		{Sub: "sub-of-pond", ACR: "two words"},
		{Sub: "sub-of-pond", AMR: []string{""}},
		{Sub: "sub-of-pond", SessionLifetime: -1},
	} {
		if d := accept(t, p, handedOver(t, p.Browser(t).Authorize(handedRequest())), wrong); d.status != http.StatusBadRequest {
			t.Errorf("%+v: %+v", wrong, d)
		}
	}
}

// A request may demand an acr that the brand's login alone can have.
func TestEssentialACRIsForTheBrand(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	gold := `{"id_token":{"acr":{"essential":true,"values":["gold","platinum"]}}}`
	wantError(t, p.Browser(t).Authorize(codeRequest("claims", gold)), "unmet_authentication_requirements")
	b := shopper(t, p, pond)
	wantError(t, b.Authorize(handedRequest("claims", gold, "prompt", "none")), "login_required")
	challenge := handedOver(t, b.Authorize(handedRequest("claims", gold)))
	if ask := wantAsk(t, p, challenge); !ask.Essential || strings.Join(ask.ACRValues, " ") != "gold platinum" || ask.Sub != "sub-of-pond" || ask.ExternalID != "crm-1" {
		t.Errorf("%+v", ask)
	}
	wantError(t, b.Get(accepted(t, p, challenge, pond)), "unmet_authentication_requirements")
	stronger := pond
	stronger.ACR = "gold"
	page := b.Get(accepted(t, p, handedOver(t, b.Authorize(handedRequest("claims", gold))), stronger))
	if page.Answer().Get("code") == "" {
		t.Errorf("target %q", page.Target())
	}
	silent(t, b, handedRequest("claims", gold, "prompt", "none"))
}

// A session that the brand's login has begun with a weaker acr is not enough for another
// client's demand, although a password would be.
func TestEssentialACRIsOfTheSession(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	weaker := acceptance{Sub: webtest.Query[string](p, "select sub from consumers where username = 'amelia'"), ACR: "weak"}
	b := shopper(t, p, weaker)
	request := implicitRequest("claims", `{"id_token":{"acr":{"essential":true,"values":["loa1"]}}}`)
	wantError(t, b.Authorize(with(request, "prompt", "none")), "login_required")
	page := b.Authorize(request)
	wantSignIn(t, page)
	got := claims(t, p, "site", page.SignIn("amelia", ameliasPassword).Answer().Get("id_token"))
	if got["acr"] != "loa1" || got["sub"] != weaker.Sub {
		t.Errorf("%v", got)
	}
	silent(t, b, with(request, "prompt", "none"))
}

// An application is never answered without a page of ours, since the brand's login may
// have asked nothing.
//
//security:6-silent
func TestApplicationAfterTheBrandsLogin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	for _, pairs := range [][]string{nil, {"prompt", "login"}, {"max_age", "0"}} {
		b := p.Browser(t)
		request := codeRequest(append([]string{
			"client_id", "pocket", "redirect_uri", "com.brand.pocket:/cb", "code_challenge", strings.Repeat("c", 43), "code_challenge_method", "S256",
		}, pairs...)...)
		page := b.Get(accepted(t, p, handedOver(t, b.Authorize(request)), pond))
		if page.Status != http.StatusOK || page.Element("continue-as") == nil || page.Element("username") != nil {
			t.Fatalf("%v: status %d\n%s", pairs, page.Status, page.Body)
		}
		somebodyElse := page.Submit("sign-in", nil)
		if somebodyElse.Status != http.StatusOK {
			t.Errorf("status %d", somebodyElse.Status)
		}
		handedOver(t, somebodyElse)
		if answer := page.Submit("continue-as", nil); !strings.HasPrefix(answer.Target(), "com.brand.pocket:/cb?code=") {
			t.Errorf("%v: status %d, target %q", pairs, answer.Status, answer.Target())
		}
		if pairs == nil { // signed in already: our page at once
			if page := b.Authorize(request); page.Element("continue-as") == nil {
				t.Errorf("status %d, target %q", page.Status, page.Target())
			}
		}
	}
}

// A client that gets a login of the brand's own, or loses it, while somebody is on the
// way is taken as it is now.
//
//security:10-changed-client
func TestClientChangesDuringTheBrandsLogin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	signIn := b.Authorize(codeRequest())
	wantSignIn(t, signIn)
	challenge, consented := handedOver(t, b.Authorize(handedRequest())), handedOver(t, b.Authorize(handedRequest()))
	redirectTo := accepted(t, p, challenge, pond)
	p.Apply(strings.ReplaceAll(brand, "client_id: site\n", "client_id: site\n    login_url: https://www.brand.example/login\n"))
	page := signIn.SignIn("amelia", ameliasPassword)
	handedOver(t, page)

	p.Apply(strings.ReplaceAll(handed, "    login_url: https://www.brand.example/login?of=idp\n", ""))
	wantSignIn(t, b.Get(redirectTo))
	p.Apply(strings.ReplaceAll(handed, "    client_name: The shop\n", "    consent: required\n"))
	if page := b.Get(accepted(t, p, consented, pond)); page.Element("consent") == nil {
		t.Errorf("status %d, target %q", page.Status, page.Target())
	}
	gone := handedOver(t, b.Authorize(handedRequest("prompt", "login")))
	redirectTo = accepted(t, p, handedOver(t, b.Authorize(handedRequest("prompt", "login"))), pond)
	p.Apply(strings.ReplaceAll(handed, shopCallback, "https://shop.brand.example/other"))
	wantErrorPage(t, b.Get(redirectTo), http.StatusBadRequest, "invalid_request")
	if d := accept(t, p, gone, pond); d.status != http.StatusGone {
		t.Errorf("%+v", d)
	}
}

// A verifier is good for one request. If the answer to it is lost, on its way to the
// browser or from PostgreSQL, the person is told to begin again, which the brand's login
// makes short; and nothing is theirs twice.
func TestALostAnswerAfterTheBrandsLogin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	for lost := range 3 {
		b := p.Browser(t)
		request := b.Request(accepted(t, p, handedOver(t, b.Authorize(handedRequest())), pond), nil)
		before := stateOf(p)
		if lost == 0 {
			b.Lose(request.Clone(t.Context()))
		} else {
			happened := p.Counts.LoseCommit(lost)
			page := b.Do(request.Clone(t.Context()))
			if !happened() {
				t.Fatalf("no answer was lost: status %d", page.Status)
			}
			wantTryAgain(t, page)
		}
		wantErrorPage(t, b.Do(request), http.StatusConflict, "invalid_request")
		again := b.Get(accepted(t, p, handedOver(t, b.Authorize(handedRequest())), pond))
		tokens(t, redeemAs(b, "shop", shopSecret, params("grant_type", "authorization_code", "redirect_uri", shopCallback, "code", again.Answer().Get("code"))))
		if issued := stateOf(p).since(before).Issued; issued["sessions"] > 2 || issued["authorization_codes"] > 2 {
			t.Errorf("%v", issued)
		}
	}
	b := shopper(t, p, pond)
	hint, _ := shopsHint(t, p, b)
	request := b.Request(acceptedLogout(t, p, parameterOf(t, endSession(b, "id_token_hint", hint, "post_logout_redirect_uri", shopBye), "logout_challenge")), nil)
	b.Lose(request.Clone(t.Context()))
	wantErrorPage(t, b.Do(request), http.StatusConflict, "invalid_request")
	wantError(t, b.Authorize(handedRequest("prompt", "none")), "login_required")
}
