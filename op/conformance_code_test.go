package op_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// codeModules are those of responses with a code.
func (s *profile) codeModules() map[string]func(*testing.T) {
	return map[string]func(*testing.T){
		"oidcc-codereuse": func(t *testing.T) {
			b := s.p.Browser(t)
			o := s.signIn(t, b, s.request())
			wantWire(t, redeem(b, o.answer.Get("code")), http.StatusBadRequest, "invalid_grant")
		},
		"oidcc-codereuse-30seconds": func(t *testing.T) {
			b := s.p.Browser(t)
			o := s.signIn(t, b, s.request())
			s.p.Advance(30 * time.Second)
			wantWire(t, redeem(b, o.answer.Get("code")), http.StatusBadRequest, "invalid_grant")
			if page := userinfo(b, o.token.AccessToken); page.Status != http.StatusUnauthorized {
				t.Errorf("the first access token: status %d", page.Status)
			}
			// And after the code itself has expired.
			o = s.silently(t, b, s.request())
			s.p.Advance(2 * time.Minute)
			wantWire(t, redeem(b, o.answer.Get("code")), http.StatusBadRequest, "invalid_grant")
			if page := userinfo(b, o.token.AccessToken); page.Status != http.StatusUnauthorized {
				t.Errorf("the first access token, later: status %d", page.Status)
			}
		},
		"oidcc-ensure-post-request-succeeds": func(t *testing.T) {
			b := s.p.Browser(t)
			request := s.request()
			s.complete(t, request, b.Post("/authorize", request).SignIn("river", riversPassword))
			again := s.request()
			page := b.Post("/authorize", again)
			if page.Status != http.StatusSeeOther && !s.formPost {
				t.Errorf("status %d, want 303", page.Status)
			}
			s.complete(t, again, page)
		},
		"oidcc-server-client-secret-post": func(t *testing.T) {
			b := s.p.Browser(t)
			request := s.request("client_id", "post", "redirect_uri", "https://post.brand.example/cb")
			code := b.Authorize(request).SignIn("river", riversPassword).Answer().Get("code")
			page := b.Post("/token", params("grant_type", "authorization_code", "code", code, "redirect_uri", "https://post.brand.example/cb",
				"client_id", "post", "client_secret", postSecret))
			s.idToken(t, request, s.tokenResponse(t, page))
		},
		"oidcc-ensure-request-with-valid-pkce-succeeds": func(t *testing.T) {
			s.signIn(t, s.p.Browser(t), challenged(s.request()))
		},
		"oidcc-refresh-token": s.refreshToken,
	}
}

// userinfoModules are those that take the claims from UserInfo, each in its own way.
func (s *profile) userinfoModules() map[string]func(*testing.T) {
	all := map[string]func(*testing.T){}
	for name, ask := range map[string]func(b *webtest.Browser, token string) *webtest.Page{
		"oidcc-userinfo-get": userinfo,
		"oidcc-userinfo-post-header": func(b *webtest.Browser, token string) *webtest.Page {
			return b.Do(b.RawRequest("POST", "/userinfo", "application/x-www-form-urlencoded", "", "Authorization", "Bearer "+token))
		},
		"oidcc-userinfo-post-body": func(b *webtest.Browser, token string) *webtest.Page {
			return b.Post("/userinfo", params("access_token", token))
		},
	} {
		all[name] = func(t *testing.T) {
			b := s.p.Browser(t)
			o := s.signIn(t, b, s.request("scope", "openid profile email"))
			info := userinfoClaims(t, ask(b, o.token.AccessToken), o.claims["sub"])
			if info["email_verified"] != true || info["name"] != "River Song" {
				t.Errorf("claims %v", info)
			}
		}
	}
	return all
}
