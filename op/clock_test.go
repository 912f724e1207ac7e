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
		})
	}
}
