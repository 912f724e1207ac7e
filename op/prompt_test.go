package op_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

//security:15-max-age
func TestPromptNone(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	stranger, b := p.Browser(t), amelia(t, p)
	for _, request := range []url.Values{codeRequest("prompt", "none"), implicitRequest("prompt", "none"), implicitRequest("prompt", "none", "response_type", "id_token token")} {
		wantError(t, stranger.Authorize(request), "login_required")
		wantError(t, b.Authorize(with(request, "max_age", "0")), "login_required")
		if answer := silent(t, b, request); answer.Get("code") == "" && answer.Get("id_token") == "" {
			t.Errorf("with a session: %v", answer)
		}
	}
	if stranger.Cookie("idp_binding") != "" {
		t.Error("prompt=none has set a cookie")
	}
}

//security:15-prompt-login
func TestPromptLoginAsksForThePasswordForThisRequest(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	first := claims(t, p, "site", silent(t, b, implicitRequest()).Get("id_token"))
	p.Advance(2 * time.Second)
	page := b.Authorize(implicitRequest("prompt", "login"))
	wantSignIn(t, page)
	if page.Element("continue-as") != nil {
		t.Error("prompt=login offers to go on without a password")
	}
	// Another sign-in in the same browser does not stand for this one.
	b.Authorize(implicitRequest("prompt", "login")).SignIn("amelia", ameliasPassword)
	wantSignIn(t, b.Authorize(implicitRequest("prompt", "login")))
	second := claims(t, p, "site", page.SignIn("amelia", ameliasPassword).Answer().Get("id_token"))
	if second["auth_time"].(float64) <= first["auth_time"].(float64) || second["sid"] != first["sid"] || second["sub"] != first["sub"] {
		t.Errorf("first %v, second %v", first, second)
	}
}

//security:15-max-age
func TestMaxAge(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	wantSignIn(t, b.Authorize(implicitRequest("max_age", "0")))
	if answer := b.Authorize(implicitRequest("max_age", "0")).SignIn("amelia", ameliasPassword).Answer(); answer.Get("id_token") == "" {
		t.Errorf("max_age=0 and the right password: %v", answer)
	}
	silent(t, b, implicitRequest("max_age", "10"))
	p.Advance(8 * time.Second)
	first := claims(t, p, "site", silent(t, b, implicitRequest("max_age", "10000")).Get("id_token"))
	silent(t, b, implicitRequest("max_age", "10"))
	p.Advance(3 * time.Second)
	wantSignIn(t, b.Authorize(implicitRequest("max_age", "10")))
	wantError(t, b.Authorize(implicitRequest("max_age", "10", "prompt", "none")), "login_required")
	second := claims(t, p, "site", silent(t, b, implicitRequest("max_age", "10000")).Get("id_token"))
	if first["auth_time"] != second["auth_time"] {
		t.Errorf("auth_time %v, then %v", first["auth_time"], second["auth_time"])
	}
}

//security:10-another-person
func TestSelectAccount(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	page := b.Authorize(implicitRequest("prompt", "select_account"))
	if page.Element("continue-as") == nil || page.Element("sign-in") == nil {
		t.Fatalf("the page offers no choice:\n%s", page.Body)
	}
	rory := claims(t, p, "site", page.SignIn("rory", rorysPassword).Answer().Get("id_token"))
	amelias := page.Submit("continue-as", nil) // a page of Amelia's, and Rory is signed in now
	if amelias.Element("continue-as") == nil {
		t.Errorf("the choice of another session was taken: target %q", amelias.Target())
	}
	again := claims(t, p, "site", amelias.Submit("continue-as", nil).Answer().Get("id_token"))
	if again["sub"] != rory["sub"] || again["sid"] != rory["sid"] {
		t.Errorf("sub %v, want %v", again["sub"], rory["sub"])
	}
	wantError(t, b.Authorize(implicitRequest("prompt", "select_account none")), "invalid_request")
}

//security:15-hint
func TestIDTokenHint(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b, rory := amelia(t, p), p.Browser(t)
	hint := silent(t, b, implicitRequest()).Get("id_token")
	rory.Authorize(codeRequest()).SignIn("rory", rorysPassword)

	silent(t, b, implicitRequest("prompt", "none", "id_token_hint", hint))
	wantError(t, rory.Authorize(implicitRequest("prompt", "none", "id_token_hint", hint)), "login_required")
	page := rory.Authorize(implicitRequest("id_token_hint", hint))
	wantSignIn(t, page)
	wantError(t, page.SignIn("rory", rorysPassword), "login_required")
	answer := rory.Authorize(implicitRequest("id_token_hint", hint)).SignIn("amelia", ameliasPassword).Answer()
	if answer.Get("id_token") == "" {
		t.Errorf("the person that the hint names has signed in: %v", answer)
	}

	p.Advance(2 * time.Hour) // the hint has expired, the session has not
	silent(t, b, implicitRequest("prompt", "none", "id_token_hint", hint))
	for name, forged := range map[string]string{
		"cut":           hint[:len(hint)-8],
		"no signature":  hint[:len(hint)-342],
		"alg none":      "eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.",
		"access token":  silent(t, b, implicitRequest("response_type", "id_token token")).Get("access_token"),
		"other payload": "eyJhbGciOiJSUzI1NiJ9.e30.e30",
	} {
		t.Run(name, func(t *testing.T) {
			wantError(t, b.Authorize(implicitRequest("prompt", "none", "id_token_hint", forged)), "invalid_request")
		})
	}
}

func TestLoginHintAndLanguage(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	page := b.Authorize(codeRequest("login_hint", "amelia<b>", "ui_locales", "xx he de", "display", "popup", "acr_values", "loa1 2", "extra", "foobar",
		"claims_locales", "se", "claims", `{"userinfo":{"name":{"essential":true}}}`))
	wantSignIn(t, page)
	if got := page.Form("sign-in").Get("username"); got != "amelia<b>" {
		t.Errorf("username %q", got)
	}
	if page.Header.Get("Content-Language") != "he" {
		t.Errorf("Content-Language %q", page.Header.Get("Content-Language"))
	}
	again := page.SignIn("amelia", "wrong")
	if again.Header.Get("Content-Language") != "he" {
		t.Errorf("Content-Language after a wrong password %q", again.Header.Get("Content-Language"))
	}
	if answer := again.SignIn("amelia", ameliasPassword).Answer(); answer.Get("code") == "" {
		t.Errorf("answer %v", answer)
	}
}

//security:21-in-use
func TestSessionsEndWhenIdleAndForGood(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.SessionIdle, o.SessionLifetime = time.Hour, 3*time.Hour }, brand)
	b := amelia(t, p)
	p.Advance(59 * time.Minute)
	silent(t, b, implicitRequest()) // and the idle expiry moves on, after the request
	webtest.Eventually(t, "the idle expiry moves on", func() bool {
		return webtest.Query[bool](p, "select expires_at > idp_now() + interval '30 minutes' from sessions")
	})
	p.Advance(59 * time.Minute)
	before := silent(t, b, implicitRequest())
	claim := claims(t, p, "site", before.Get("id_token"))
	if left := time.Unix(int64(claim["exp"].(float64)), 0).Sub(p.Now()); left > 62*time.Minute {
		t.Errorf("the ID token outlives its session: %v", left)
	}
	webtest.Eventually(t, "the idle expiry moves on", func() bool {
		return webtest.Query[bool](p, "select expires_at > idp_now() + interval '30 minutes' from sessions")
	})
	p.Advance(63 * time.Minute) // over three hours in all
	wantError(t, b.Authorize(implicitRequest("prompt", "none")), "login_required")

	b = amelia(t, p)
	p.Advance(61 * time.Minute)
	wantError(t, b.Authorize(implicitRequest("prompt", "none")), "login_required")
	if page := fromPage(t, b, "messaging", "https://www.brand.example"); page.Status != http.StatusUnauthorized {
		t.Errorf("token source: status %d", page.Status)
	}
}
