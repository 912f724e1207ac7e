package op_test

import (
	"net/http"
	"testing"
	"time"
)

// eachMode runs a plan, and its sibling of Form Post OP.
func eachMode(t *testing.T, responseTypes []string, plan func(*testing.T, *profile)) {
	t.Helper()
	for _, responseType := range responseTypes {
		for _, mode := range []string{"default", "form_post"} {
			t.Run(responseType+", "+mode, func(t *testing.T) {
				t.Parallel()
				s := newProfile(t, responseType, mode == "form_post")
				s.modules(t)
				plan(t, s)
			})
		}
	}
}

func TestConformanceOfBasicOP(t *testing.T) {
	t.Parallel()
	eachMode(t, []string{"code"}, func(t *testing.T, s *profile) {
		s.codeModules(t)
		s.userinfoModules(t)
		s.nonceIsOptional(t)
		s.responseTypeMissing(t)
	})
}

func TestConformanceOfImplicitOP(t *testing.T) {
	t.Parallel()
	eachMode(t, []string{"id_token", "id_token token"}, func(t *testing.T, s *profile) {
		s.nonceIsNeeded(t)
		if s.gives("token") {
			s.userinfoModules(t)
			s.responseTypeMissing(t)
		}
	})
}

func TestConformanceOfHybridOP(t *testing.T) {
	t.Parallel()
	eachMode(t, []string{"code id_token", "code token", "code id_token token"}, func(t *testing.T, s *profile) {
		s.codeModules(t)
		s.userinfoModules(t)
		s.responseTypeMissing(t)
		if s.gives("id_token") {
			s.nonceIsNeeded(t)
		} else {
			s.nonceIsOptional(t)
		}
	})
}

func (s *profile) nonceIsOptional(t *testing.T) {
	t.Helper()
	t.Run("oidcc-ensure-request-without-nonce-succeeds-for-code-flow", func(t *testing.T) {
		s.signIn(t, s.p.Browser(t), s.request("nonce", ""))
	})
}

func (s *profile) nonceIsNeeded(t *testing.T) {
	t.Helper()
	t.Run("oidcc-ensure-request-without-nonce-fails", func(t *testing.T) {
		s.refused(t, s.request("nonce", ""), "invalid_request")
	})
}

func (s *profile) responseTypeMissing(t *testing.T) {
	t.Helper()
	t.Run("oidcc-response-type-missing", func(t *testing.T) {
		wantErrorPage(t, s.p.Browser(t).Authorize(s.request("response_type", "")), http.StatusBadRequest, "invalid_request")
	})
}

// codeModules are those of responses with a code.
func (s *profile) codeModules(t *testing.T) {
	t.Helper()
	t.Run("oidcc-codereuse", func(t *testing.T) {
		b := s.p.Browser(t)
		o := s.signIn(t, b, s.request())
		wantWire(t, redeem(b, o.answer.Get("code")), http.StatusBadRequest, "invalid_grant")
	})
	t.Run("oidcc-codereuse-30seconds", func(t *testing.T) {
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
	})
	t.Run("oidcc-ensure-post-request-succeeds", func(t *testing.T) {
		b := s.p.Browser(t)
		request := s.request()
		s.complete(t, request, b.Post("/authorize", request).SignIn("river", riversPassword))
		again := s.request()
		page := b.Post("/authorize", again)
		if page.Status != http.StatusSeeOther && !s.formPost {
			t.Errorf("status %d, want 303", page.Status)
		}
		s.complete(t, again, page)
	})
	t.Run("oidcc-server-client-secret-post", func(t *testing.T) {
		b := s.p.Browser(t)
		request := s.request("client_id", "post", "redirect_uri", "https://post.brand.example/cb")
		code := b.Authorize(request).SignIn("river", riversPassword).Answer().Get("code")
		page := b.Post("/token", params("grant_type", "authorization_code", "code", code, "redirect_uri", "https://post.brand.example/cb",
			"client_id", "post", "client_secret", postSecret))
		s.idToken(t, request, s.tokenResponse(t, page))
	})
	t.Run("oidcc-ensure-request-with-valid-pkce-succeeds", func(t *testing.T) {
		s.signIn(t, s.p.Browser(t), challenged(s.request()))
	})
}

func (s *profile) userinfoModules(t *testing.T) {
	t.Helper()
	b := s.p.Browser(t)
	o := s.signIn(t, b, s.request("scope", "openid profile email"))
	bearer := []string{"Authorization", "Bearer " + o.token.AccessToken}
	t.Run("oidcc-userinfo-get", func(t *testing.T) {
		all := userinfoClaims(t, b.Do(b.Request("/userinfo", nil, bearer...)), o.claims["sub"])
		if all["email_verified"] != true || all["name"] != "River Song" {
			t.Errorf("claims %v", all)
		}
	})
	t.Run("oidcc-userinfo-post-header", func(t *testing.T) {
		userinfoClaims(t, b.Do(b.RawRequest("POST", "/userinfo", "", "", bearer...)), o.claims["sub"])
	})
	t.Run("oidcc-userinfo-post-body", func(t *testing.T) {
		userinfoClaims(t, b.Post("/userinfo", params("access_token", o.token.AccessToken)), o.claims["sub"])
	})
}
