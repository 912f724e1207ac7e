package op_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/brandidp/idp/web/webtest"
)

// logoutModules are those of RP-Initiated and Back-Channel Logout OP.
func (s *profile) logoutModules() map[string]func(*testing.T) {
	signedIn := func(run func(t *testing.T, b *webtest.Browser)) func(*testing.T) {
		return func(t *testing.T) { run(t, amelia(t, s.p)) }
	}
	return map[string]func(*testing.T){
		"oidcc-rp-initiated-logout-discovery-endpoint-verification": signedIn(func(t *testing.T, b *webtest.Browser) {
			var metadata map[string]any
			if err := json.Unmarshal([]byte(b.Get("/.well-known/openid-configuration").Body), &metadata); err != nil {
				t.Fatal(err)
			}
			if metadata["end_session_endpoint"] != s.p.Issuer+"/end_session" {
				t.Errorf("end_session_endpoint %v", metadata["end_session_endpoint"])
			}
		}),
		"oidcc-rp-initiated-logout": signedIn(func(t *testing.T, b *webtest.Browser) {
			const state = "aZ 09!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" // all that RFC 6749 appendix A.5 knows
			page := endSession(b, "id_token_hint", leaversHint(t, b), "post_logout_redirect_uri", bye, "state", state)
			wantRedirect(t, page, bye+"?state="+strings.ReplaceAll(url.QueryEscape(state), "+", "%20"))
			wantSignedOut(t, b)
		}),
		"oidcc-rp-initiated-logout-no-state": signedIn(func(t *testing.T, b *webtest.Browser) {
			wantRedirect(t, endSession(b, "id_token_hint", leaversHint(t, b), "post_logout_redirect_uri", bye), bye)
			wantSignedOut(t, b)
		}),
		"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri": signedIn(func(t *testing.T, b *webtest.Browser) {
			done := wantAsked(t, endSession(b, "id_token_hint", leaversHint(t, b), "post_logout_redirect_uri", bye+"x", "state", "st"), http.StatusBadRequest, "invalid_request")
			if done.Target() != bye { // the way back is a registered one
				t.Errorf("target %q", done.Target())
			}
		}),
		"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri": signedIn(func(t *testing.T, b *webtest.Browser) {
			wantAsked(t, endSession(b, "id_token_hint", leaversHint(t, b), "post_logout_redirect_uri", bye+"?b=2", "state", "st"), http.StatusBadRequest, "invalid_request")
		}),
		"oidcc-rp-initiated-logout-modified-id-token-hint": signedIn(func(t *testing.T, b *webtest.Browser) {
			modified := forge(t, leaversHint(t, b), map[string]any{"alg": "none"}, nil)
			unsigned := modified[:strings.LastIndex(modified, ".")+1]
			for _, hint := range []string{modified, unsigned} {
				page := endSession(b, "id_token_hint", hint, "post_logout_redirect_uri", bye, "state", "st")
				if page.Status != http.StatusBadRequest || page.Text("error") != "invalid_request" {
					t.Errorf("status %d, error %q", page.Status, page.Text("error"))
				}
			}
			wantAsked(t, endSession(b, "id_token_hint", unsigned, "post_logout_redirect_uri", bye, "state", "st"), http.StatusBadRequest, "invalid_request")
		}),
		"oidcc-rp-initiated-logout-bad-id-token-hint": signedIn(func(t *testing.T, b *webtest.Browser) {
			foreign := leaversHint(t, amelia(t, webtest.Start(t, nil, brand, leaving)))
			own := clientsOwnToken(t, s.p.Issuer)
			for _, hint := range []string{foreign, own} {
				page := endSession(b, "id_token_hint", hint, "post_logout_redirect_uri", bye, "state", "st")
				if page.Status != http.StatusBadRequest || page.Text("error") != "invalid_request" {
					t.Errorf("status %d, error %q", page.Status, page.Text("error"))
				}
			}
			wantAsked(t, endSession(b, "id_token_hint", foreign, "post_logout_redirect_uri", bye, "state", "st"), http.StatusBadRequest, "invalid_request")
		}),
		"oidcc-rp-initiated-logout-no-id-token-hint": signedIn(func(t *testing.T, b *webtest.Browser) {
			wantAsked(t, endSession(b, "post_logout_redirect_uri", bye, "state", "st"), http.StatusBadRequest, "invalid_request")
		}),
		"oidcc-rp-initiated-logout-no-params": signedIn(func(t *testing.T, b *webtest.Browser) {
			wantAsked(t, endSession(b), http.StatusOK, "")
		}),
		"oidcc-rp-initiated-logout-no-post-logout-redirect-uri": signedIn(func(t *testing.T, b *webtest.Browser) {
			page := endSession(b, "id_token_hint", leaversHint(t, b), "state", "st")
			if page.Status != http.StatusOK || !strings.Contains(page.Body, "You are signed out") || page.Target() != bye {
				t.Errorf("status %d, target %q\n%s", page.Status, page.Target(), page.Body)
			}
			wantSignedOut(t, b)
		}),
		"oidcc-rp-initiated-logout-only-state": signedIn(func(t *testing.T, b *webtest.Browser) {
			wantAsked(t, endSession(b, "state", "st"), http.StatusOK, "")
		}),
		"oidcc-backchannel-logout-discovery-endpoint-verification": func(t *testing.T) {
			p := s.p
			var metadata map[string]any
			if err := json.Unmarshal([]byte(p.Browser(t).Get("/.well-known/openid-configuration").Body), &metadata); err != nil {
				t.Fatal(err)
			}
			if metadata["backchannel_logout_supported"] != true || metadata["backchannel_logout_session_supported"] != true ||
				metadata["end_session_endpoint"] != p.Issuer+"/end_session" {
				t.Errorf("metadata %v", metadata)
			}
		},
		"oidcc-backchannel-rp-initiated-logout": func(t *testing.T) {
			rp := newReceiver(t, nil)
			p := webtest.Start(t, nil, brand, listener("shop", rp.URL+"/logout"))
			b := amelia(t, p)
			hint, idToken := use(t, p, b, "shop")
			const bye = "https://shop.brand.example/bye"
			wantRedirect(t, endSession(b, "id_token_hint", hint, "post_logout_redirect_uri", bye, "state", "st"), bye+"?state=st")
			wantLogoutToken(t, p, "shop", rp.wait(t, 1)[0], idToken)
			wantSignedOut(t, b)
			webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
		},
	}
}

// clientsOwnToken is an ID token that the leaver has made itself, with its secret.
func clientsOwnToken(t *testing.T, audience string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: []byte("secret-of-leaver-0123456789-0123456789")}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(map[string]any{"iss": "leaver", "sub": "SubjectID", "aud": audience, "nonce": "flibble"}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}
