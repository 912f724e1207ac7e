package op_test

import (
	"testing"
	"time"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// TestAPageAloneKeepsNobodySignedIn: a page that is left open asks for tokens by
// itself, by prompt=none and by the page script, and nobody sits before it.
//
//security:21-open-page
func TestAPageAloneKeepsNobodySignedIn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.SessionIdle = time.Hour }, brand)
	left, used := amelia(t, p), p.Browser(t)
	used.Authorize(codeRequest()).SignIn("rory", rorysPassword)
	p.Advance(50 * time.Minute)
	silent(t, left, implicitRequest("prompt", "none"))
	tokens(t, fromPage(t, left, "messaging", messagingOrigin))
	silent(t, used, implicitRequest())
	// Sessions are moved on in turn: whatever the page had moved on would be by now.
	webtest.Eventually(t, "the session in use moves on", func() bool {
		return webtest.Query[bool](p, `select expires_at > idp_now() + interval '30 minutes' from sessions
			where consumer_id = (select id from consumers where username = 'rory')`)
	})
	p.Advance(11 * time.Minute)
	silent(t, used, implicitRequest("prompt", "none"))
	wantError(t, left.Authorize(implicitRequest("prompt", "none")), "login_required")
	if page := fromPage(t, left, "messaging", messagingOrigin); page.Status != 401 {
		t.Errorf("token source: status %d", page.Status)
	}
}
