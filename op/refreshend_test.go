package op_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// TestWhatEndsRefreshTokens: what makes a grant void makes its refresh tokens void,
// at once. A refused one gets the same answer as one that never was.
//
//security:20-kept 20-marked 20-signed-out
func TestWhatEndsRefreshTokens(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		happens            func(t *testing.T, p *webtest.Provider, b *webtest.Browser)
		offline, delegated bool // whether the refresh token outlives it
		access             bool // whether the access tokens do
	}{
		"sign-out": {
			happens: func(t *testing.T, _ *webtest.Provider, b *webtest.Browser) {
				t.Helper()
				if page := b.Get("/end_session").Submit("sign-out", nil); page.Status != http.StatusOK {
					t.Fatal(page.Status)
				}
			},
			offline: true,
		},
		"another person signs in": {
			happens: func(t *testing.T, _ *webtest.Provider, b *webtest.Browser) {
				t.Helper()
				if page := b.Authorize(codeRequest("prompt", "login")).SignIn("rory", rorysPassword); page.Target() == "" {
					t.Fatal(page.Status)
				}
			},
			offline: true,
		},
		"the same person signs in": {
			happens: func(t *testing.T, _ *webtest.Provider, b *webtest.Browser) {
				t.Helper()
				b.Authorize(codeRequest("prompt", "login")).SignIn("amelia", ameliasPassword)
			},
			offline: true, delegated: true, access: true,
		},
		"disabled": {happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			p.Apply("consumers: [{username: amelia, disabled: true}]")
		}},
		"disabled and enabled again": {happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			p.Apply("consumers: [{username: amelia, disabled: true}]")
			p.Apply("consumers: [{username: amelia}]")
		}},
		"only marked as disabled": {happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			p.Exec("update consumers set disabled = true")
		}},
		"another password": {happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			p.SetPassword("amelia", "a brand new password")
		}},
		"the grant withdrawn and given again": {
			happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
				const grants, fewer = "grant_types: [authorization_code, refresh_token]", "grant_types: [authorization_code]"
				p.Apply(strings.Replace(refreshBrand, grants, fewer, 1)) // the portal's
				p.Apply(refreshBrand)
			},
			delegated: true, access: true,
		},
		"offline_access withdrawn": {
			happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
				p.Exec(`update clients set metadata = metadata || '{"scope": "openid email"}'`)
				p.Reload()
			},
			delegated: true, access: true,
		},
		"the client no connector any more": {
			happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
				p.Exec(`update clients set metadata = metadata - 'conversational_cloud'`)
				p.Reload()
			},
			offline: true, access: true,
		},
		"the end of the session": {
			happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) { p.Advance(8 * 24 * time.Hour) },
			offline: true,
		},
		"30 days": {
			happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) { p.Advance(30 * 24 * time.Hour) },
		},
		"a little less": {
			happens: func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
				p.Advance(30*24*time.Hour - 5*time.Minute)
			},
			offline: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, shortSessions, brand, refreshBrand)
			b := amelia(t, p)
			one, two := granted(t, b), delegated(t, b)
			test.happens(t, p, b)
			rp := p.Browser(t)
			for _, grant := range []struct {
				name  string
				page  *webtest.Page
				alive bool
			}{
				{"offline", refresh(rp, one.RefreshToken), test.offline},
				{"delegated", refreshDelegated(rp, two.RefreshToken), test.delegated},
			} {
				if grant.alive {
					wantAccess(t, rp, tokens(t, grant.page).AccessToken, http.StatusOK)
				} else {
					wantRefused(t, grant.page)
				}
			}
			if test.access {
				wantAccess(t, rp, one.AccessToken, http.StatusOK)
				wantAccess(t, rp, two.AccessToken, http.StatusOK)
			} else if !test.delegated {
				wantAccess(t, rp, two.AccessToken, http.StatusUnauthorized)
			}
		})
	}
}

// TestOfflineAccessOutlivesTheSession, with its access tokens, and the session's
// end does not bound the ID token any more.
func TestOfflineAccessOutlivesTheSession(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, shortSessions, brand, refreshBrand)
	b := amelia(t, p)
	token := granted(t, b)
	b.Get("/end_session").Submit("sign-out", nil)
	wantAccess(t, b, token.AccessToken, http.StatusOK)
	p.Advance(7*24*time.Hour - 10*time.Minute)
	next := tokens(t, refresh(b, token.RefreshToken))
	c := claims(t, p, "portal", next.IDToken)
	if left := int64(c["exp"].(float64)) - p.Now().Unix(); left < 3590 || left > 3600 {
		t.Errorf("exp in %d s, want an hour", left)
	}
}

// TestTheFamilysEndBoundsTheIDToken: it is the session's for who has no offline_access.
//
//security:21-in-use
func TestTheFamilysEndBoundsTheIDToken(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, shortSessions, brand, refreshBrand)
	b := amelia(t, p)
	one, two := granted(t, b), delegated(t, b)
	p.Advance(7*24*time.Hour - 10*time.Minute) // of the session
	c := claims(t, p, "delegating", tokens(t, refreshDelegated(b, two.RefreshToken)).IDToken)
	if left := int64(c["exp"].(float64)) - p.Now().Unix(); left < 500 || left > 600 {
		t.Errorf("exp in %d s, want what is left of the session", left)
	}
	p.Advance(23 * 24 * time.Hour)
	c = claims(t, p, "portal", tokens(t, refresh(b, one.RefreshToken)).IDToken)
	if left := int64(c["exp"].(float64)) - p.Now().Unix(); left < 500 || left > 600 {
		t.Errorf("exp in %d s, want what is left of the family", left)
	}
}

//defect:3-unknown-client
func TestRemovedClient(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	err := p.Store.Administer(t.Context(), func(tx *storage.Tx) error {
		clients, err := tx.Clients(t.Context())
		for _, client := range clients {
			if client.ClientID == "portal" {
				err = tx.DeleteClient(t.Context(), client.ID)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Reload()
	wantWire(t, refresh(b, token.RefreshToken), http.StatusUnauthorized, "invalid_client")
	p.Apply(refreshBrand)
	wantRefused(t, refresh(b, token.RefreshToken))
}

// TestCodeReuseEndsTheFamily, however late, and after a sign-out, too. Who is not
// the client, or lacks the verifier, ends nothing.
//
//defect:1-reuse
//security:24-code 24-reuse
func TestCodeReuseEndsTheFamily(t *testing.T) {
	t.Parallel()
	for name, happens := range map[string]func(*testing.T, *webtest.Provider, *webtest.Browser){
		"at once": func(*testing.T, *webtest.Provider, *webtest.Browser) {},
		"hours later": func(t *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			t.Helper()
			p.Advance(5 * time.Hour)
			sweep(t, p)
		},
		"after a sign-out": func(_ *testing.T, _ *webtest.Provider, b *webtest.Browser) {
			b.Get("/end_session").Submit("sign-out", nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startRefresh(t)
			b := amelia(t, p)
			code := silent(t, b, challenged(portalRequest())).Get("code")
			grant := params("grant_type", "authorization_code", "redirect_uri", portalCallback, "code", code, "code_verifier", verifier)
			token := tokens(t, redeemAs(b, "portal", portalSecret, grant))
			happens(t, p, b)
			wantRefused(t, redeemAs(b, "portal2", portalSecret, grant))
			wantRefused(t, redeemAs(b, "portal", portalSecret, with(grant, "code_verifier", verifier+"x")))
			wantWire(t, redeemAs(b, "portal", "wrong", grant), http.StatusUnauthorized, "invalid_client")
			next := tokens(t, refresh(b, token.RefreshToken))
			wantRefused(t, redeemAs(b, "portal", portalSecret, grant))
			wantAccess(t, b, token.AccessToken, http.StatusUnauthorized)
			wantAccess(t, b, next.AccessToken, http.StatusUnauthorized)
			wantRefused(t, refresh(b, next.RefreshToken))
		})
	}
}

// TestStrangersEndNoFamily: client authentication and ownership come before the
// detection of a replay, and who only knows the handle has nothing.
//
//security:22-handle 24-family
func TestStrangersEndNoFamily(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	old := granted(t, b)
	newest := tokens(t, refresh(b, old.RefreshToken))
	p.Advance(2 * time.Minute)
	form := refreshGrant(old.RefreshToken)
	wantWire(t, redeemAs(b, "portal", "wrong", form), http.StatusUnauthorized, "invalid_client")
	wantWire(t, b.Post("/token", with(form, "client_id", "portal")), http.StatusUnauthorized, "invalid_client")
	wantRefused(t, redeemAs(b, "portal2", portalSecret, form))
	wantRefused(t, redeemAs(b, "portal2", portalSecret, refreshGrant(newest.RefreshToken)))
	wantRefused(t, b.Post("/token", with(form, "client_id", "mobile")))
	flipped := []byte(old.RefreshToken)
	for _, i := range []int{0, 24, 30, 60, 111} { // handle, generation, random value, MAC
		flipped[i] ^= 1
		wantRefused(t, refresh(b, string(flipped)))
		flipped[i] ^= 1
	}
	for _, value := range []string{"x", old.RefreshToken[:111], old.RefreshToken + "A", old.RefreshToken + "\n", newest.AccessToken, newest.IDToken} {
		wantRefused(t, refresh(b, value))
	}
	wantAccess(t, b, newest.RefreshToken, http.StatusUnauthorized) // nor is it taken for an access token
	tokens(t, refresh(b, newest.RefreshToken))
}

// TestTheGraceIsForTheClientAlone: whoever has picked up a refresh token, and its
// lost response, cannot have the response given again.
//
//security:22-grace-of-another
func TestTheGraceIsForTheClientAlone(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	first := tokens(t, refresh(b, token.RefreshToken))
	form := refreshGrant(token.RefreshToken)
	wantWire(t, redeemAs(b, "portal", "wrong", form), http.StatusUnauthorized, "invalid_client")
	wantWire(t, b.Post("/token", with(form, "client_id", "portal")), http.StatusUnauthorized, "invalid_client")
	wantRefused(t, redeemAs(b, "portal2", portalSecret, form))
	wantRefused(t, b.Post("/token", with(form, "client_id", "mobile")))
	if again := tokens(t, refresh(b, token.RefreshToken)); again.RefreshToken != first.RefreshToken || again.AccessToken != first.AccessToken {
		t.Error("strangers have ended the grace")
	}
}

// shortSessions end before the grants do.
func shortSessions(o *web.Options) { o.SessionIdle, o.SessionLifetime = 7*24*time.Hour, 7*24*time.Hour }

func sweep(t *testing.T, p *webtest.Provider) {
	t.Helper()
	if _, err := p.Store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}
