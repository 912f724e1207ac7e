package op_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"
)

// modules are how each module is run, by its name.
func (s *profile) modules() map[string]func(*testing.T) {
	all := map[string]func(*testing.T){
		"oidcc-server":                    s.server,
		"oidcc-idtoken-signature":         s.idTokenSignature,
		"oidcc-alternate-happy-flow":      s.alternateHappyFlow,
		"oidcc-prompt-login":              s.promptLogin,
		"oidcc-prompt-none-not-logged-in": s.promptNoneNotLoggedIn,
		"oidcc-prompt-none-logged-in":     s.promptNoneLoggedIn,
		"oidcc-max-age-1":                 s.maxAge1,
		"oidcc-max-age-10000":             s.maxAge10000,
		"oidcc-id-token-hint":             s.idTokenHint,
		"oidcc-ensure-registered-redirect-uri": func(t *testing.T) {
			wantErrorPage(t, s.p.Browser(t).Authorize(s.request("redirect_uri", siteCallback+"/other")), http.StatusBadRequest, "invalid_request")
		},
		"oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": func(t *testing.T) {
			s.refused(t, s.request("request_uri", "https://www.brand.example/request.jwt"), "request_uri_not_supported")
		},
		"oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": func(t *testing.T) {
			s.refused(t, s.request("request", requestObject("state", "x")), "request_not_supported")
		},
		"oidcc-ensure-request-object-with-redirect-uri": func(t *testing.T) {
			s.refused(t, s.request("request", requestObject("redirect_uri", "https://www.brand.example/cb2")), "request_not_supported")
		},
		"oidcc-login-hint":     s.tolerated("login_hint", "river"),
		"oidcc-ui-locales":     s.tolerated("ui_locales", "se"),
		"oidcc-claims-locales": s.tolerated("claims_locales", "se"),
		"oidcc-display-page":   s.tolerated("display", "page"),
		"oidcc-display-popup":  s.tolerated("display", "popup"),
		"oidcc-ensure-request-with-unknown-parameter-succeeds": s.tolerated("extra", "foobar"),
		"oidcc-ensure-request-with-acr-values-succeeds":        s.tolerated("acr_values", "loa1"),
		"oidcc-claims-essential":                               s.claimsEssential,

		"oidcc-response-type-missing": func(t *testing.T) {
			wantErrorPage(t, s.p.Browser(t).Authorize(s.request("response_type", "")), http.StatusBadRequest, "invalid_request")
		},
		"oidcc-ensure-request-without-nonce-succeeds-for-code-flow": func(t *testing.T) {
			s.signIn(t, s.p.Browser(t), s.request("nonce", ""))
		},
		"oidcc-ensure-request-without-nonce-fails": func(t *testing.T) {
			s.refused(t, s.request("nonce", ""), "invalid_request")
		},
		"oidcc-discovery-endpoint-verification": discoveryVerification,

		"oidcc-scope-profile": s.scope("profile", "name", "family_name", "given_name", "middle_name", "nickname", "preferred_username",
			"profile", "picture", "website", "gender", "birthdate", "zoneinfo", "locale", "updated_at"),
		"oidcc-scope-email":   s.scope("email", "email", "email_verified"),
		"oidcc-scope-address": s.scope("address", "address"),
		"oidcc-scope-phone":   s.scope("phone", "phone_number", "phone_number_verified"),
		"oidcc-scope-all":     s.scope("profile email address phone", "name", "updated_at", "email", "address", "phone_number"),
	}
	maps.Copy(all, s.codeModules())
	maps.Copy(all, s.userinfoModules())
	maps.Copy(all, s.logoutModules())
	return all
}

// errorText is what an error_description may be made of (RFC 6749 4.1.2.1).
var errorText = regexp.MustCompile(`^[ !#-[\]-~]+$`)

// refused checks that a request is answered with an error, in the right place.
func (s *profile) refused(t *testing.T, request url.Values, code string) {
	t.Helper()
	page := s.p.Browser(t).Authorize(request)
	wantError(t, page, code)
	answer := s.response(t, request, page)
	if len(answer) != 4 || !errorText.MatchString(answer.Get("error_description")) { // with error, state and iss
		t.Errorf("answer %v", answer)
	}
}

// requestObject is an unsigned one (OpenID Connect Core 6.1).
func requestObject(name, value string) string {
	payload, _ := json.Marshal(map[string]string{name: value})
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
}

// tolerated: the request succeeds with a parameter that it need not have.
func (s *profile) tolerated(name, value string) func(*testing.T) {
	return func(t *testing.T) { s.signIn(t, s.p.Browser(t), s.request(name, value)) }
}

// scope: every claim of the scope is there, and none of another's.
func (s *profile) scope(scope string, wanted ...string) func(*testing.T) {
	return func(t *testing.T) {
		o := s.signIn(t, s.p.Browser(t), s.request("scope", "openid "+scope))
		where, elsewhere := o.userinfo, o.claims
		if where == nil {
			where, elsewhere = o.claims, nil
		}
		for _, claim := range wanted {
			if where[claim] == nil {
				t.Errorf("no %s", claim)
			}
			if elsewhere[claim] != nil {
				t.Errorf("%s in the ID token, beside UserInfo", claim)
			}
		}
		for claim, of := range map[string]string{"name": "profile", "email": "email", "address": "address", "phone_number": "phone"} {
			if where[claim] != nil && !strings.Contains(scope, of) {
				t.Errorf("%s without the scope %s", claim, of)
			}
		}
		if address, is := where["address"].(map[string]any); where["address"] != nil && (!is || address["locality"] != "London") {
			t.Errorf("address %v", where["address"])
		}
	}
}

// claimsEssential: a claim whose scope is not asked for is where it is asked for.
func (s *profile) claimsEssential(t *testing.T) {
	o := s.signIn(t, s.p.Browser(t), s.request("claims", `{"userinfo":{"name":{"essential":true}}}`))
	if o.userinfo != nil && o.userinfo["name"] != "River Song" || o.claims["name"] != nil {
		t.Errorf("userinfo %v, ID token %v", o.userinfo, o.claims)
	}
	o = s.signIn(t, s.p.Browser(t), s.request("claims", `{"id_token":{"name":{"essential":true}}}`))
	if o.userinfo["name"] != nil || o.claims["name"] != "River Song" {
		t.Errorf("userinfo %v, ID token %v", o.userinfo, o.claims)
	}
}

func (s *profile) server(t *testing.T) {
	b := s.p.Browser(t)
	first := s.signIn(t, b, s.request())
	second := s.silently(t, b, s.request("client_id", "site2", "nonce", strings.Repeat("n", 43)))
	if first.claims["sub"] != second.claims["sub"] {
		t.Errorf("sub %v, then %v", first.claims["sub"], second.claims["sub"])
	}
	asked := []string{
		"iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "at_hash", "sid",
	}
	for claim := range first.claims {
		if !strings.Contains(" "+strings.Join(asked, " ")+" ", " "+claim+" ") {
			t.Errorf("%s in an ID token for openid alone", claim)
		}
	}
}

func (s *profile) idTokenSignature(t *testing.T) {
	o := s.signIn(t, s.p.Browser(t), s.request())
	head, err := base64.RawURLEncoding.DecodeString(strings.Split(o.token.IDToken, ".")[0])
	var header map[string]string
	if err == nil {
		err = json.Unmarshal(head, &header)
	}
	if err != nil || header["alg"] != "RS256" || header["kid"] == "" || header["typ"] != "JWT" {
		t.Errorf("header %s: %v", head, err)
	}
}

func (s *profile) alternateHappyFlow(t *testing.T) {
	request := s.request("scope", "phone openid email")
	query := "response_type=" + url.PathEscape(s.responseType) + "&nonce=" + request.Get("nonce") + "&redirect_uri=" + url.QueryEscape(siteCallback) +
		"&state=" + request.Get("state") + "&response_mode=" + request.Get("response_mode") + "&scope=phone+openid%20email&client_id=site"
	page := s.p.Browser(t).Get("/authorize?" + query)
	o := s.complete(t, request, page.SignIn("river", riversPassword))
	if o.userinfo != nil && (o.claims["email"] != nil || o.userinfo["email"] == nil) || o.userinfo["name"] != nil || o.claims["name"] != nil {
		t.Errorf("userinfo %v, ID token %v", o.userinfo, o.claims)
	}
	if s.gives("code") && o.token.Scope != "phone openid email" {
		t.Errorf("scope %q", o.token.Scope)
	}
}

func (s *profile) promptLogin(t *testing.T) {
	b := s.p.Browser(t)
	first := s.signIn(t, b, s.request())
	s.p.Advance(1100 * time.Millisecond)
	second := s.signIn(t, b, s.request("prompt", "login"))
	if second.claims["sub"] != first.claims["sub"] || second.claims["auth_time"].(float64) <= first.claims["auth_time"].(float64) {
		t.Errorf("first %v, second %v", first.claims, second.claims)
	}
}

func (s *profile) promptNoneNotLoggedIn(t *testing.T) {
	s.refused(t, s.request("prompt", "none"), "login_required")
}

func (s *profile) promptNoneLoggedIn(t *testing.T) {
	b := s.p.Browser(t)
	first := s.signIn(t, b, s.request())
	s.p.Advance(1100 * time.Millisecond)
	second := s.silently(t, b, s.request("prompt", "none"))
	if second.claims["sub"] != first.claims["sub"] || second.claims["auth_time"] != first.claims["auth_time"] {
		t.Errorf("first %v, second %v", first.claims, second.claims)
	}
}

func (s *profile) maxAge1(t *testing.T) {
	b := s.p.Browser(t)
	first := s.signIn(t, b, s.request())
	s.p.Advance(2 * time.Second)
	second := s.signIn(t, b, s.request("max_age", "1"))
	recent := float64(s.p.Now().Add(-10 * time.Second).Unix())
	if at := second.claims["auth_time"].(float64); at <= first.claims["auth_time"].(float64) || at < recent {
		t.Errorf("auth_time %v, then %v", first.claims["auth_time"], at)
	}
}

func (s *profile) maxAge10000(t *testing.T) {
	b := s.p.Browser(t)
	first := s.signIn(t, b, s.request("max_age", "15000"))
	s.p.Advance(1100 * time.Millisecond)
	second := s.silently(t, b, s.request("max_age", "10000"))
	if second.claims["auth_time"] == nil || second.claims["auth_time"] != first.claims["auth_time"] {
		t.Errorf("auth_time %v, then %v", first.claims["auth_time"], second.claims["auth_time"])
	}
}

func (s *profile) idTokenHint(t *testing.T) {
	b := s.p.Browser(t)
	first := s.signIn(t, b, s.request())
	second := s.silently(t, b, s.request("prompt", "none", "id_token_hint", first.token.IDToken))
	if second.claims["sub"] != first.claims["sub"] {
		t.Errorf("sub %v, then %v", first.claims["sub"], second.claims["sub"])
	}
}
