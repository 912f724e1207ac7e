package op_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

//contract:6.5-signed-out
//security:10-history 20-signed-out
func TestSigningOutEndsEverything(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	handle := b.Cookie("idp_session")
	redeemed := tokens(t, redeem(b, silent(t, b, codeRequest()).Get("code")))
	implicit := silent(t, b, implicitRequest("response_type", "id_token token")).Get("access_token")
	code := silent(t, b, codeRequest()).Get("code")
	fromHistory := b.Authorize(implicitRequest("prompt", "login"))
	other := amelia(t, p)
	otherToken := silent(t, other, implicitRequest("response_type", "id_token token")).Get("access_token")

	page := b.Get("/end_session")
	if page.Status != http.StatusOK || page.Element("confirm") == nil {
		t.Fatalf("sign-out page: status %d\n%s", page.Status, page.Body)
	}
	silent(t, b, implicitRequest("prompt", "none")) // asking changes nothing
	if done := page.Submit("sign-out", nil); done.Status != http.StatusOK {
		t.Fatalf("signing out: status %d\n%s", done.Status, done.Body)
	}

	wantError(t, b.Authorize(implicitRequest("prompt", "none")), "login_required")
	wantWire(t, fromPage(t, b, "messaging", messagingOrigin), http.StatusUnauthorized, "login_required")
	thief := p.Browser(t)
	wantError(t, thief.Do(thief.Request("/authorize?"+implicitRequest("prompt", "none").Encode(), nil, "Cookie", "idp_session="+handle)), "login_required")
	wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant")
	for name, token := range map[string]string{"redeemed": redeemed.AccessToken, "implicit": implicit} {
		if page := userinfo(b, token); page.Status != http.StatusUnauthorized {
			t.Errorf("%s access token: status %d, want 401", name, page.Status)
		}
	}
	wantErrorPage(t, fromHistory.SignIn("amelia", ameliasPassword), http.StatusBadRequest, "invalid_request")
	if page := b.Authorize(codeRequest()).SignIn("amelia", ameliasPassword); page.Target() == "" {
		t.Fatalf("signing in again: status %d", page.Status)
	}
	again := page.Submit("sign-out", nil) // the sign-out form from history
	if again.Element("confirm") == nil {
		t.Error("an old sign-out form was taken")
	}
	silent(t, b, implicitRequest("prompt", "none"))
	silent(t, other, implicitRequest("prompt", "none"))
	if page := userinfo(other, otherToken); page.Status != http.StatusOK {
		t.Errorf("another browser's access token: status %d", page.Status)
	}
}

//security:13-replaced-binding 26-silent
func TestStrangersCannotSignSomebodyOut(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b, attacker := amelia(t, p), amelia(t, p)
	foreign := attacker.Get("/end_session").Form("sign-out")
	binding := b.Cookie("idp_binding")

	for name, page := range map[string]*webtest.Page{
		"GET":                   b.Get("/end_session?proof=x"),
		"no proof":              b.Post("/end_session", params("x", "y")),
		"proof of another":      b.Post("/end_session", foreign),
		"cross-site":            b.Do(b.Request("/end_session", foreign, "Sec-Fetch-Site", "cross-site")),
		"cross-site, by Origin": b.Do(b.Request("/end_session", foreign, "Origin", "https://evil.example")),
	} {
		if page.Status != http.StatusOK || page.Element("confirm") == nil && page.Element("repost") == nil {
			t.Errorf("%s: status %d\n%s", name, page.Status, page.Body)
		}
	}
	silent(t, b, implicitRequest("prompt", "none"))

	// A cross-site POST comes without Lax cookies: it must not get a new binding,
	// which would kill the forms that are open.
	bare := p.Browser(t)
	page := bare.Do(bare.Request("/end_session", params("id_token_hint", "x", "state", "st"), "Sec-Fetch-Site", "cross-site"))
	if bare.Cookie("idp_binding") != "" || b.Cookie("idp_binding") != binding {
		t.Error("a cross-site POST has replaced the binding")
	}
	if got := page.Form("repost"); got.Get("state") != "st" || got.Get("id_token_hint") != "x" {
		t.Errorf("fields of the page that sends it again: %v", got)
	}
	page = b.Do(b.Request("/end_session", params("state", "st"), "Sec-Fetch-Site", "cross-site"))
	if sent := page.Submit("repost", nil); sent.Element("confirm") == nil {
		t.Errorf("sent again: status %d\n%s", sent.Status, sent.Body)
	}
}

// Nor can they end what is under way in a browser whose session has run out: its forms
// and sign-ins elsewhere are bound to it.
//
//security:26-silent
func TestStrangersCannotRebindABrowser(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	for name, end := range map[string]func(b *webtest.Browser){
		"ended":   func(*webtest.Browser) { p.Exec("delete from sessions") },
		"expired": func(*webtest.Browser) { p.Advance(25 * time.Hour) },
	} {
		b := amelia(t, p)
		end(b)
		challenge, form := handedOver(t, b.Authorize(handedRequest())), b.Authorize(codeRequest())
		binding := b.Cookie("idp_binding")
		for _, pairs := range [][]string{nil, {"client_id", "shop"}, {"client_id", "stranger"}, {"id_token_hint", "x"}} {
			endSession(b, pairs...)
		}
		if b.Cookie("idp_binding") != binding || b.Cookie("idp_session") != "" {
			t.Errorf("%s: the binding is another, or the session's cookie is left", name)
		}
		if page := b.Get(accepted(t, p, challenge, pond)); page.Answer().Get("code") == "" {
			t.Errorf("%s: the sign-in at the brand: status %d, target %q", name, page.Status, page.Target())
		}
		if page := form.SignIn("amelia", ameliasPassword); page.Answer().Get("code") == "" {
			t.Errorf("%s: the sign-in form: status %d, target %q", name, page.Status, page.Target())
		}
	}
}

func TestBrandsWebsiteIsTheWayBack(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.Brand.Website = "https://www.brand.example/?a=1&b=2" }, brand)
	page := amelia(t, p).Get("/end_session?ui_locales=de").Submit("sign-out", nil)
	if page.Target() != "https://www.brand.example/?a=1&b=2" || page.Text("continue") != "Zurück zu \u2068Brand\u2069" {
		t.Errorf("target %q, %q", page.Target(), page.Text("continue"))
	}
}

//security:20-signed-out 26-everywhere
func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, leaving, refreshBrand)
	phone, laptop := amelia(t, p), amelia(t, p)
	rory := p.Browser(t)
	rory.Authorize(codeRequest()).SignIn("rory", rorysPassword)
	token := silent(t, laptop, implicitRequest("response_type", "id_token token")).Get("access_token")
	code := silent(t, laptop, codeRequest()).Get("code")
	lasting := granted(t, laptop)

	page := endSession(phone, "client_id", "leaver")
	if forged := phone.Post("/end_session", params("everywhere", "true", "proof", "x")); forged.Element("confirm") == nil {
		t.Errorf("without proof: status %d", forged.Status)
	}
	silent(t, laptop, implicitRequest("prompt", "none"))
	if done := page.Submit("sign-out", map[string]string{"everywhere": "true"}); done.Status != http.StatusOK || done.Target() != bye {
		t.Errorf("status %d, target %q", done.Status, done.Target())
	}
	wantSignedOut(t, phone)
	wantSignedOut(t, laptop)
	if info := userinfo(laptop, token); info.Status != http.StatusUnauthorized {
		t.Errorf("access token of the other browser: %d", info.Status)
	}
	wantWire(t, redeem(laptop, code), http.StatusBadRequest, "invalid_grant")
	silent(t, rory, implicitRequest("prompt", "none"))
	if page := refresh(laptop, lasting.RefreshToken); page.Status != http.StatusOK { // offline_access outlives sessions
		t.Errorf("offline_access: %d %s", page.Status, page.Body)
	}
	// And once more, as after a lost response.
	if again := page.Submit("sign-out", map[string]string{"everywhere": "true"}); again.Status != http.StatusOK {
		t.Errorf("again: status %d", again.Status)
	}
}
