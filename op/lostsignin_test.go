package op_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// A session whose person signs in again gets another handle. If the browser did not
// hear of it, nobody is signed in there; but what was granted in the session still ends
// with it, whatever the person does next.
func TestALostSignInLosesNoSession(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	var hint string
	for name, test := range map[string]struct {
		next func(b *webtest.Browser, form *webtest.Page, sid any)
		left int // sessions
	}{
		"sent again, and signed out": {func(b *webtest.Browser, form *webtest.Page, sid any) {
			got := claims(t, p, "site", form.SignIn("amelia", ameliasPassword).Answer().Get("id_token"))
			if got["sid"] != sid {
				t.Errorf("sid %v, want %v", got["sid"], sid)
			}
			b.Get("/end_session").Submit("sign-out", nil)
		}, 0},
		"lost once more, sent again, and signed out": {func(b *webtest.Browser, form *webtest.Page, _ any) {
			b.Lose(form.Filled("sign-in", map[string]string{"username": "amelia", "password": ameliasPassword}))
			form.SignIn("amelia", ameliasPassword)
			b.Get("/end_session").Submit("sign-out", nil)
		}, 0},
		"signed out": {func(b *webtest.Browser, _ *webtest.Page, _ any) {
			asked := b.Get("/end_session") // as anybody's link may
			if n := webtest.Query[int](p, "select count(*) from sessions"); n != 1 || asked.Element("confirm") == nil {
				t.Errorf("%d sessions after a mere question\n%s", n, asked.Body)
			}
			asked.Submit("sign-out", nil)
		}, 0},
		"signed out by its hint": {func(b *webtest.Browser, _ *webtest.Page, _ any) {
			endSession(b, "id_token_hint", hint)
		}, 0},
		"signed out by the hint of another session": {func(b *webtest.Browser, _ *webtest.Page, _ any) {
			endSession(b, "id_token_hint", silent(t, amelia(t, p), implicitRequest()).Get("id_token")).Submit("sign-out", nil)
		}, 1},
		"somebody else signs in": {func(b *webtest.Browser, form *webtest.Page, _ any) {
			form.SignIn("rory", rorysPassword)
			silent(t, b, implicitRequest("prompt", "none"))
		}, 1},
	} {
		p.Exec("delete from sessions")
		b := amelia(t, p)
		granted := delegated(t, b)
		hint = silent(t, b, implicitRequest()).Get("id_token")
		sid := claims(t, p, "site", hint)["sid"]
		form := b.Authorize(implicitRequest("prompt", "login"))
		b.Lose(form.Filled("sign-in", map[string]string{"username": "amelia", "password": ameliasPassword}))
		wantSignedOut(t, b) // the old handle proves nothing
		test.next(b, form, sid)
		if page := refreshDelegated(b, granted.RefreshToken); page.Status != http.StatusBadRequest {
			t.Errorf("%s: what was granted in the session lives on: status %d", name, page.Status)
		}
		if n := webtest.Query[int](p, "select count(*) from sessions"); n != test.left {
			t.Errorf("%s: %d sessions, want %d", name, n, test.left)
		}
	}
}

// A first sign-in whose answer was lost leaves a session that nobody has the handle
// of. It ends by itself.
func TestASessionThatNobodyHasEnds(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	page := b.Authorize(codeRequest())
	b.Lose(page.Filled("sign-in", map[string]string{"username": "amelia", "password": ameliasPassword}))
	wantSignedOut(t, b)
	page.SignIn("amelia", ameliasPassword)
	b.Get("/end_session").Submit("sign-out", nil)
	for _, want := range []int{1, 0} {
		if n := webtest.Query[int](p, "select count(*) from sessions"); n != want {
			t.Errorf("%d sessions, want %d", n, want)
		}
		p.Advance(24*time.Hour + time.Minute)
		if _, err := p.Store.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
