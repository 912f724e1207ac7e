package op_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/web/webtest"
)

const carefulSecret = "secret-of-careful-0123456789-01234567"

func carefulRequest(pairs ...string) url.Values {
	return with(codeRequest("client_id", "careful", "redirect_uri", carefulCallback), pairs...)
}

// allow agrees on the consent page that a request leads to.
func allow(tb testing.TB, page *webtest.Page) *webtest.Page {
	tb.Helper()
	wantConsent(tb, "before it was allowed", page)
	return page.Submit("consent", map[string]string{"consent": "allow"})
}

func wantConsent(tb testing.TB, name string, page *webtest.Page) {
	tb.Helper()
	if page.Status != http.StatusOK || page.Element("consent") == nil {
		tb.Fatalf("%s: status %d, target %q; want the consent page\n%s", name, page.Status, page.Target(), page.Body)
	}
}

func redeemCareful(b *webtest.Browser, code string) *webtest.Page {
	return redeemAs(b, "careful", carefulSecret, params("grant_type", "authorization_code", "redirect_uri", carefulCallback, "code", code))
}

//security:14-silent
func TestConsentIsRemembered(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)

	wantError(t, b.Authorize(carefulRequest()).Submit("consent", map[string]string{"consent": "deny"}), "access_denied")
	wantConsent(t, "after a refusal", b.Authorize(carefulRequest()))
	wantError(t, b.Authorize(carefulRequest("prompt", "none")), "consent_required")
	if n := webtest.Query[int](p, "select count(*) from consents"); n != 0 {
		t.Errorf("a refusal has left %d consents", n)
	}

	allow(t, b.Authorize(carefulRequest("scope", "openid email")))
	tokens(t, redeemCareful(b, silent(t, b, carefulRequest("scope", "openid email", "prompt", "none")).Get("code")))
	silent(t, b, carefulRequest())
	silent(t, b, carefulRequest("response_type", "id_token"))
	// In another browser, after the password.
	if page := p.Browser(t).Authorize(carefulRequest()).SignIn("amelia", ameliasPassword); page.Answer().Get("code") == "" {
		t.Errorf("after the password: status %d", page.Status)
	}
	// It is one person's, and one client's.
	other := p.Browser(t)
	other.Authorize(codeRequest()).SignIn("rory", rorysPassword)
	wantConsent(t, "somebody else", other.Authorize(carefulRequest()))

	// More than was allowed: all is shown, and all is asked by prompt=consent.
	wantError(t, b.Authorize(carefulRequest("scope", "openid phone", "prompt", "none")), "consent_required")
	more := b.Authorize(carefulRequest("scope", "openid email phone"))
	if items := strings.Count(more.Body, "<li>"); items != 3 {
		t.Errorf("%d scopes are shown, want 3", items)
	}
	more.Submit("consent", map[string]string{"consent": "deny"})
	silent(t, b, carefulRequest("scope", "openid email", "prompt", "none")) // a refusal takes nothing away
	wantConsent(t, "prompt=consent", b.Authorize(carefulRequest("prompt", "consent")))
	allow(t, b.Authorize(carefulRequest("scope", "openid phone")))
	silent(t, b, carefulRequest("scope", "openid phone email", "prompt", "none"))
	if got := webtest.Query[string](p, "select array_to_string(scopes, ' ') from consents"); got != "openid email phone" {
		t.Errorf("allowed: %q", got)
	}
	// A claim counts as the scope it belongs to.
	silent(t, b, carefulRequest("claims", `{"userinfo":{"email":null}}`, "prompt", "none"))
	for _, member := range []string{"userinfo", "id_token"} {
		wantError(t, b.Authorize(carefulRequest("claims", `{"`+member+`":{"address":null}}`, "prompt", "none")), "consent_required")
	}
}

// TestConsentOfTheTokenSource: a page asks for nothing by name, and gets what was
// allowed in the window.
//
//security:14-silent
func TestConsentOfTheTokenSource(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, pageBrand, `
clients:
  - client_id: sparing
    client_name: Sparing
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [code, id_token]
    client_secret: secret-of-sparing-0123456789-0123456789
    web_origins: [https://shop.brand.example]
    consent: required
    claims_policy: strict
    conversational_cloud: {variant: rfc}
`)
	b := amelia(t, p)
	windowOf := func(pairs ...string) url.Values {
		return windowRequest(append([]string{"client_id", "sparing"}, pairs...)...)
	}
	idToken := func() map[string]any {
		t.Helper()
		return claims(t, p, "sparing", tokens(t, askSource(t, b, "sparing", "response_type", "id_token")).IDToken)
	}
	wantWire(t, askSource(t, b, "sparing"), http.StatusUnauthorized, "consent_required")
	allow(t, b.Authorize(windowOf()))
	if got := idToken(); got["email"] != nil {
		t.Errorf("email, which was not allowed: %v", got)
	}
	tokens(t, askSource(t, b, "sparing"))
	allow(t, b.Authorize(windowOf("scope", "openid email")))
	if got := idToken(); got["email"] != "amelia@brand.example" || got["given_name"] != nil {
		t.Errorf("claims %v, want the email alone", got)
	}

	// A client that gets every claim asks for all of them.
	asking := params("client_id", "asking", "response_type", "code", "scope", "openid", "redirect_uri", "https://liveperson.net", "state", `{}`)
	page := b.Authorize(asking)
	if items := strings.Count(page.Body, "<li>"); items != 5 {
		t.Errorf("%d scopes are shown, want 5\n%s", items, page.Body)
	}
	allow(t, page)
	tokens(t, askSource(t, b, "asking"))

	b.Get("/consents").Submit("withdraw-sparing", nil)
	wantWire(t, askSource(t, b, "sparing"), http.StatusUnauthorized, "consent_required")
}

//security:14-withdrawn
func TestConsentIsWithdrawn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, refreshBrand)
	b := amelia(t, p)
	if page := b.Get("/consents"); page.Status != http.StatusOK || strings.Contains(page.Body, "<form") {
		t.Errorf("nothing is allowed: status %d\n%s", page.Status, page.Body)
	}
	allow(t, b.Authorize(carefulRequest()))
	portal := allow(t, b.Authorize(portalRequest("prompt", "consent")))
	lasting := tokens(t, redeemPortal(b, portal.Answer().Get("code")))
	used := silent(t, b, portalRequest()).Get("code")
	fresh := tokens(t, redeemPortal(b, used)).AccessToken
	code := silent(t, b, portalRequest()).Get("code")
	site := tokens(t, redeem(b, silent(t, b, codeRequest()).Get("code"))).AccessToken
	careful := tokens(t, redeemCareful(b, silent(t, b, carefulRequest()).Get("code"))).AccessToken
	// Somebody else has allowed the same.
	other := p.Browser(t)
	other.Authorize(codeRequest()).SignIn("rory", rorysPassword)
	others := tokens(t, redeemPortal(other, allow(t, other.Authorize(portalRequest("prompt", "consent"))).Answer().Get("code")))

	page := b.Get("/consents")
	form := page.Form("withdraw-portal")
	if page.Element("withdraw-careful") == nil || form.Get("client_id") != "portal" {
		t.Fatalf("status %d\n%s", page.Status, page.Body)
	}
	done := page.Submit("withdraw-portal", nil)
	if done.Status != http.StatusOK || done.Element("withdraw-portal") != nil || done.Element("withdraw-careful") == nil || done.Text("message") == "" {
		t.Errorf("status %d\n%s", done.Status, done.Body)
	}
	if again := page.Submit("withdraw-portal", nil); again.Status != http.StatusOK || again.Element("withdraw-careful") == nil {
		t.Errorf("sent again: status %d", again.Status)
	}

	wantWire(t, refresh(b, lasting.RefreshToken), http.StatusBadRequest, "invalid_grant")
	wantWire(t, redeemPortal(b, code), http.StatusBadRequest, "invalid_grant")
	wantWire(t, redeemPortal(b, used), http.StatusBadRequest, "invalid_grant")
	for name, c := range map[string]struct {
		token string
		want  int
	}{
		"with the refresh token": {lasting.AccessToken, http.StatusUnauthorized}, "of a code": {fresh, http.StatusUnauthorized},
		"of another client": {site, http.StatusOK}, "of another consent": {careful, http.StatusOK}, "of somebody else": {others.AccessToken, http.StatusOK},
	} {
		if page := userinfo(b, c.token); page.Status != c.want {
			t.Errorf("access token %s: status %d, want %d", name, page.Status, c.want)
		}
	}
	tokens(t, refresh(other, others.RefreshToken))
	silent(t, b, carefulRequest("prompt", "none"))
	b.Get("/consents").Submit("withdraw-careful", nil)
	wantError(t, b.Authorize(carefulRequest("prompt", "none")), "consent_required")
	wantConsent(t, "withdrawn", b.Authorize(carefulRequest()))
}

// TestConsentsAreTheirOwners: forms of others, and of other sign-ins, withdraw nothing.
//
//security:14-withdrawal
func TestConsentsAreTheirOwners(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b, attacker := amelia(t, p), amelia(t, p)
	allow(t, b.Authorize(carefulRequest()))
	allow(t, b.Authorize(codeRequest("prompt", "consent")))
	form := b.Get("/consents").Form("withdraw-careful")
	kept := func(name string, page *webtest.Page) {
		t.Helper()
		if page.Status != http.StatusOK || page.Element("withdraw-careful") == nil || page.Text("message") != "" {
			t.Errorf("%s: status %d\n%s", name, page.Status, page.Body)
		}
	}
	kept("no proof", b.Post("/consents", with(form, "proof", "")))
	kept("proof for another client", b.Post("/consents", with(form, "proof", b.Get("/consents").Form("withdraw-site").Get("proof"))))
	kept("proof of another session", b.Post("/consents", attacker.Get("/consents").Form("withdraw-careful")))
	kept("no such client", b.Post("/consents", with(form, "client_id", "nobody")))
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		wantErrorPage(t, b.Do(b.Request("/consents", form, headers...)), http.StatusForbidden, "access_denied")
	}
	b.Authorize(codeRequest("prompt", "login")).SignIn("amelia", ameliasPassword)
	kept("another sign-in", b.Post("/consents", form))
	silent(t, b, carefulRequest("prompt", "none"))

	// Nobody is signed in.
	stranger := p.Browser(t)
	for _, page := range []*webtest.Page{stranger.Get("/consents"), stranger.Post("/consents", form)} {
		if page.Status != http.StatusOK || strings.Contains(page.Body, "<form") || strings.Contains(page.Body, "Careful") {
			t.Errorf("a stranger: status %d\n%s", page.Status, page.Body)
		}
	}
	silent(t, b, carefulRequest("prompt", "none"))
}

// TestConsentsEndWithWhoGaveThemAndWhoGotThem: and a new password leaves them.
func TestConsentsEndWithWhoGaveThemAndWhoGotThem(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	allow(t, b.Authorize(carefulRequest()))
	allow(t, b.Authorize(codeRequest("prompt", "consent")))
	left := func(after string, want int) {
		t.Helper()
		if n := webtest.Query[int](p, "select count(*) from consents"); n != want {
			t.Errorf("%s: %d consents, want %d", after, n, want)
		}
	}
	p.SetPassword("amelia", "quite another password")
	left("a new password", 2)
	p.Exec("delete from clients where client_id = 'site'")
	left("a client that is gone", 1)
	p.Apply("consumers: [{username: amelia, disabled: true}]")
	left("disabled", 0)
}

// TestConsentWithdrawnInThisMoment: a code is issued before the withdrawal, which
// then ends it, or not at all.
//
//security:14-withdrawn
func TestConsentWithdrawnInThisMoment(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, pageBrand)
	b := amelia(t, p)
	allow(t, b.Authorize(carefulRequest()))
	form := b.Get("/consents").Form("withdraw-careful")
	var answered *webtest.Page
	race(t, p, func() { answered = b.Authorize(carefulRequest()) }, func() { b.Post("/consents", form) })
	wantWire(t, redeemCareful(b, answered.Answer().Get("code")), http.StatusBadRequest, "invalid_grant")

	asking := params("client_id", "asking", "response_type", "code", "scope", "openid", "redirect_uri", "https://liveperson.net", "state", `{}`)
	for name, ask := range map[string]func(){
		"authorize":    func() { wantError(t, b.Authorize(asking), "consent_required") },
		"token source": func() { wantWire(t, askSource(t, b, "asking"), http.StatusUnauthorized, "consent_required") },
	} {
		allow(t, b.Authorize(with(asking, "prompt", "consent")))
		meanwhile(t, p, "delete from consents", ask)
		if n := webtest.Query[int](p, "select count(*) from authorization_codes where consumed_at is null and redirect_uri = 'https://liveperson.net'"); n != 1 {
			t.Errorf("%s: %d codes, want that of the consent alone", name, n)
		}
		p.Exec("delete from authorization_codes")
	}
}

// meanwhile has something asked for that finds rows as they were, and then waits
// until they are gone.
func meanwhile(t *testing.T, p *webtest.Provider, deletion string, ask func()) {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, p.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, deletion); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); ask() }()
	webtest.Eventually(t, "blocked", func() bool {
		return webtest.Query[int](p, "select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") > 0
	})
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	<-done
}

// TestConsentWhenTheSessionEndsInThisMoment: nothing is remembered of somebody who
// has been signed out.
//
//security:10-session-gone
func TestConsentWhenTheSessionEndsInThisMoment(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	page := b.Authorize(carefulRequest())
	meanwhile(t, p, "delete from sessions", func() {
		wantError(t, page.Submit("consent", map[string]string{"consent": "allow"}), "login_required")
	})
	if n := webtest.Query[int](p, "select count(*) from consents"); n != 0 {
		t.Errorf("%d consents", n)
	}
}
