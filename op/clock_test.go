package op_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// TestTheDatabasesClockDecides: instances' clocks disagree by seconds, so what
// expires does so by one clock alone.
//
//security:15-clocks 23-code
func TestTheDatabasesClockDecides(t *testing.T) {
	t.Parallel()
	for name, off := range map[string]time.Duration{"ahead": 55 * time.Second, "behind": -55 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, func(o *web.Options) { o.SessionIdle = time.Minute }, brand)
			p.AdvanceInstance(off)
			p.Reload()
			b := amelia(t, p)
			redeemed := tokens(t, redeem(b, silent(t, b, codeRequest()).Get("code")))
			if page := userinfo(b, redeemed.AccessToken); page.Status != http.StatusOK {
				t.Errorf("userinfo: status %d", page.Status)
			}
			silent(t, b, implicitRequest("max_age", "30"))
			wantSignIn(t, b.Authorize(implicitRequest("max_age", "0")))
			code := silent(t, b, codeRequest()).Get("code")
			p.Advance(61*time.Second - off) // the database's clock; a minute is the life of a code, and of a session here
			p.AdvanceInstance(off)
			wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant")
			wantError(t, b.Authorize(implicitRequest("prompt", "none")), "login_required")
		})
	}
}

// TestASessionThatHasEndedHere: an instance whose clock is ahead believes a session
// at its end to be over before the database does.
//
//security:15-clocks
func TestASessionThatHasEndedHere(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.SessionIdle, o.SessionLifetime = time.Hour, time.Hour }, brand, refreshBrand)
	b := amelia(t, p)
	code := silent(t, b, codeRequest()).Get("code")
	token := delegated(t, b)
	p.AdvanceInstance(time.Hour + time.Second)
	p.Reload()
	wantError(t, b.Authorize(implicitRequest()), "login_required")
	wantError(t, b.Authorize(codeRequest("response_type", "code id_token")), "login_required")
	wantWire(t, fromPage(t, b, "messaging", messagingOrigin), http.StatusUnauthorized, "login_required")
	wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant")
	wantRefused(t, refreshDelegated(b, token.RefreshToken))
}
