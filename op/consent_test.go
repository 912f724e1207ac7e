package op_test

import (
	"net/http"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

const carefulCallback = "https://careful.brand.example/cb"

func TestConsent(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	asked := codeRequest("prompt", "consent", "scope", "openid email")
	page := b.Authorize(asked)
	if page.Status != http.StatusOK || page.Element("consent") == nil || page.Element("allow") == nil || page.Element("deny") == nil {
		t.Fatalf("status %d\n%s", page.Status, page.Body)
	}
	denied := page.Submit("consent", map[string]string{"consent": "deny"})
	wantError(t, denied, "access_denied")
	if denied.Answer().Get("state") != "st" {
		t.Errorf("answer %v", denied.Answer())
	}
	code := page.Submit("consent", map[string]string{"consent": "allow"}).Answer().Get("code")
	if token := tokens(t, redeem(b, code)); token.Scope != "openid email" {
		t.Errorf("scope %q", token.Scope)
	}
	silent(t, b, codeRequest())
	wantError(t, b.Authorize(with(asked, "prompt", "none consent")), "invalid_request")
	if again := page.Submit("consent", map[string]string{"consent": "perhaps"}); again.Element("consent") == nil {
		t.Errorf("neither allow nor deny: status %d, target %q", again.Status, again.Target())
	}

	careful := codeRequest("client_id", "careful", "redirect_uri", carefulCallback)
	wantError(t, b.Authorize(with(careful, "prompt", "none")), "consent_required")
	if b.Authorize(careful).Element("consent") == nil {
		t.Error("consent: required, and no page")
	}
	afterSignIn := p.Browser(t).Authorize(careful).SignIn("amelia", ameliasPassword)
	if afterSignIn.Element("consent") == nil {
		t.Fatalf("after a sign-in: status %d, target %q", afterSignIn.Status, afterSignIn.Target())
	}
	if answer := afterSignIn.Submit("consent", map[string]string{"consent": "allow"}).Answer(); answer.Get("code") == "" {
		t.Errorf("answer %v", answer)
	}
	fresh := p.Browser(t).Authorize(with(careful, "prompt", "login consent", "max_age", "0")).SignIn("amelia", ameliasPassword)
	if answer := fresh.Submit("consent", map[string]string{"consent": "allow"}).Answer(); answer.Get("code") == "" {
		t.Errorf("prompt=login with consent: %v", answer)
	}
}

// TestConsentOfSomethingElse gives the proof of one page to another.
//
//defect:1-second-code
//security:10-another-person 14-something-else 14-no-proof 14-somebody-else
func TestConsentOfSomethingElse(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	asked := codeRequest("prompt", "consent", "scope", "openid email")
	page := b.Authorize(asked)
	form := with(page.Form("consent"), "consent", "allow")
	askedAgain := func(name string, page *webtest.Page) {
		t.Helper()
		if page.Status != http.StatusOK || page.Element("consent") == nil {
			t.Errorf("%s: status %d, target %q", name, page.Status, page.Target())
		}
	}
	ticketOf := func(pairs ...string) string { return b.Authorize(with(asked, pairs...)).Form("consent").Get("ticket") }
	askedAgain("no proof", b.Post("/consent", with(form, "proof", "")))
	askedAgain("proof of nothing", b.Post("/consent", with(form, "proof", "AAAA")))
	askedAgain("other scopes", b.Post("/consent", with(form, "ticket", ticketOf("scope", "openid phone"))))
	askedAgain("another client", b.Post("/consent", with(form, "ticket", ticketOf("client_id", "site2"))))
	askedAgain("another ticket of the same", b.Post("/consent", with(form, "ticket", ticketOf())))
	choice := b.Authorize(codeRequest("prompt", "select_account consent")).Form("continue-as")
	if page := b.Post("/consent", with(choice, "consent", "allow")); page.Element("continue-as") == nil {
		t.Errorf("a choice of account taken for a consent: status %d, target %q", page.Status, page.Target())
	}
	askedAgain("the choice first, then consent", b.Post("/continue", choice))

	// The same browser, and another person in it.
	b.Authorize(codeRequest("prompt", "login")).SignIn("rory", rorysPassword)
	askedAgain("another person", b.Post("/consent", form))
	// The same person, signed in anew.
	b.Authorize(codeRequest("prompt", "login")).SignIn("amelia", ameliasPassword)
	askedAgain("another sign-in", b.Post("/consent", form))
	b.Get("/end_session").Submit("sign-out", nil)
	wantErrorPage(t, b.Post("/consent", form), http.StatusBadRequest, "invalid_request")
}

// TestConsentWhenTheSessionHasEnded: the ticket lives, the session does not.
//
//security:10-session-gone
func TestConsentWhenTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	page := b.Authorize(codeRequest("prompt", "consent"))
	p.Exec("delete from sessions")
	for _, choice := range []string{"allow", "deny"} {
		wantSignIn(t, page.Submit("consent", map[string]string{"consent": choice}))
	}
}

// TestApplicationsAskBeforeTheyGoOn: any application on a device can claim a
// scheme or a port of loopback (RFC 8252 8.6).
//
//contract:4-scheme
//security:6-proof 6-silent 14-application
func TestApplicationsAskBeforeTheyGoOn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for _, address := range []string{"com.brand.app:/cb", "http://127.0.0.1:50123/cb", "http://[::1]:50123/cb"} {
		request := challenged(codeRequest("client_id", "app", "redirect_uri", address))
		wantError(t, b.Authorize(with(request, "prompt", "none")), "interaction_required")
		page := b.Authorize(request)
		if page.Element("continue-as") == nil || page.Target() != "" {
			t.Fatalf("%s: status %d, target %q", address, page.Status, page.Target())
		}
		for _, proof := range []string{"", "x", b.Authorize(request).Form("continue-as").Get("proof")} {
			if again := b.Post("/continue", with(page.Form("continue-as"), "proof", proof)); again.Element("continue-as") == nil {
				t.Errorf("%s: went on with the proof %q", address, proof)
			}
		}
		answer := page.Submit("continue-as", nil)
		form := params("grant_type", "authorization_code", "client_id", "app", "redirect_uri", address, "code", answer.Answer().Get("code"), "code_verifier", verifier)
		tokens(t, b.Post("/token", form))
		if direct := p.Browser(t).Authorize(request).SignIn("amelia", ameliasPassword); direct.Answer().Get("code") == "" {
			t.Errorf("%s: after the password: status %d", address, direct.Status)
		}
	}
	silent(t, b, challenged(codeRequest("client_id", "app", "redirect_uri", "https://app.brand.example/cb")))
}
