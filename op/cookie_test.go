package op_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// overTLS makes the issuer https.
func overTLS(o *web.Options) { o.Issuer = strings.Replace(o.Issuer, "http://", "https://", 1) }

// setCookies gives the cookies that a page sets, by name.
func setCookies(page *webtest.Page) map[string]*http.Cookie {
	response := http.Response{Header: page.Header}
	cookies := map[string]*http.Cookie{}
	for _, cookie := range response.Cookies() {
		cookies[cookie.Name] = cookie
	}
	return cookies
}

//security:13-attributes
func TestCookies(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*web.Options)
		prefix string
		secure bool
	}{
		"http on loopback":   {nil, "", false},
		"https":              {overTLS, "__Host-", true},
		"issuer with a path": {func(o *web.Options) { o.Issuer += "/id" }, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, test.change, brand)
			b := p.Browser(t)
			page := b.Authorize(implicitRequest())
			binding := setCookies(page)
			if len(binding) != 1 || binding[test.prefix+"idp_binding"] == nil {
				t.Fatalf("cookies of the sign-in page: %v", page.Header.Values("Set-Cookie"))
			}
			if len(setCookies(b.Authorize(implicitRequest()))) != 0 {
				t.Error("the binding cookie was set although there was one")
			}
			answer := page.SignIn("amelia", ameliasPassword)
			all := setCookies(answer)
			if len(all) != 2 {
				t.Fatalf("cookies of a sign-in: %v", answer.Header.Values("Set-Cookie"))
			}
			all[test.prefix+"idp_binding"] = binding[test.prefix+"idp_binding"]
			for _, name := range []string{"idp_binding", "idp_session", "idp_device"} {
				cookie := all[test.prefix+name]
				if cookie == nil || !cookie.HttpOnly || cookie.Secure != test.secure || cookie.SameSite != http.SameSiteLaxMode ||
					cookie.Path != "/" || cookie.Domain != "" {
					t.Errorf("%s: %v", name, cookie)
				}
			}
			if got := claims(t, p, "site", answer.Answer().Get("id_token")); got["iss"] != p.Issuer {
				t.Errorf("iss %v", got["iss"])
			}
			signedOut := b.Get("/end_session").Submit("sign-out", nil)
			gone := setCookies(signedOut)[test.prefix+"idp_session"]
			if gone == nil || gone.MaxAge >= 0 || gone.Value != "" {
				t.Errorf("the session's cookie after signing out: %v", gone)
			}
		})
	}
}

//security:13-planted 13-guessed 15-new-session
func TestASignInMakesANewHandle(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	first := claims(t, p, "site", b.Authorize(implicitRequest()).SignIn("amelia", ameliasPassword).Answer().Get("id_token"))
	old := b.Cookie("idp_session")
	again := claims(t, p, "site", b.Authorize(implicitRequest("prompt", "login")).SignIn("amelia", ameliasPassword).Answer().Get("id_token"))
	if b.Cookie("idp_session") == old || again["sid"] != first["sid"] {
		t.Errorf("the same person: handle kept or sid changed, %v, %v", first["sid"], again["sid"])
	}
	middle := b.Cookie("idp_session")
	other := claims(t, p, "site", b.Authorize(implicitRequest("prompt", "login")).SignIn("rory", rorysPassword).Answer().Get("id_token"))
	if other["sid"] == first["sid"] || other["sub"] == first["sub"] {
		t.Error("another person has the sid of the one before")
	}
	if sessions := webtest.Query[int](p, "select count(*) from sessions"); sessions != 1 {
		t.Errorf("%d sessions, want the new one alone", sessions)
	}
	for name, handle := range map[string]string{
		"old": old, "middle": middle, "none of ours": "abc", "not base64": "\"; drop", "a hash": strings.Repeat("A", 43), "long": strings.Repeat("A", 4000),
	} {
		thief := p.Browser(t)
		thief.Client.Jar = nil
		page := thief.Do(thief.Request("/authorize?"+implicitRequest("prompt", "none").Encode(), nil, "Cookie", "idp_session="+handle))
		if page.Answer().Get("error") != "login_required" {
			t.Errorf("%s handle: %v", name, page.Answer())
		}
	}
	// A handle that somebody has planted in the browser is never taken over.
	victim := p.Browser(t)
	page := victim.Authorize(implicitRequest())
	request := victim.Request("/sign-in", with(page.Form("sign-in"), "username", "amelia", "password", ameliasPassword))
	planted := strings.Repeat("A", 43)
	request.AddCookie(&http.Cookie{Name: "idp_session", Value: planted})
	if got := setCookies(victim.Do(request))["idp_session"]; got == nil || got.Value == planted {
		t.Errorf("session cookie after a sign-in: %v", got)
	}
}
