package op_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// The tests of this and the other conformance files bear the names of the
// modules of the OpenID Foundation's conformance suite and assert what those do.

// TestConformance runs each module of each plan, as README.md lists them.
//
//defect:1-reuse 2-nonce 2-form-post 3-no-store
//security:26-forged
func TestConformance(t *testing.T) {
	t.Parallel()
	for _, plan := range plans {
		t.Run(plan.name, func(t *testing.T) {
			t.Parallel()
			for _, responseType := range plan.responseTypes {
				t.Run(responseType, func(t *testing.T) {
					t.Parallel()
					s := newProfile(t, responseType, plan.formPost)
					run := s.modules()
					for _, module := range plan.modules {
						if module.why != "" || !module.runsFor(responseType) {
							continue
						}
						t.Run(module.name, func(t *testing.T) { run[module.name](t) })
					}
				})
			}
		})
	}
}

// profile is a relying party of the conformance suite for one response type and
// mode.
type profile struct {
	p            *webtest.Provider
	responseType string
	formPost     bool
	requests     atomic.Int64
}

func newProfile(t *testing.T, responseType string, formPost bool) *profile {
	t.Helper()
	return &profile{p: webtest.Start(t, nil, brand, leaving, lasting), responseType: responseType, formPost: formPost}
}

// gives tells whether a response has what a word of the response type says.
func (s *profile) gives(word string) bool {
	return slices.Contains(strings.Fields(s.responseType), word)
}

// request is an authorization request with state and nonce of its own.
func (s *profile) request(pairs ...string) url.Values {
	n := s.requests.Add(1)
	request := codeRequest("response_type", s.responseType, "state", fmt.Sprintf("state-%d", n), "nonce", fmt.Sprintf("nonce-%d", n))
	if s.formPost {
		request.Set("response_mode", "form_post")
	}
	return with(request, pairs...)
}

// secrets are those of the clients that redeem codes here.
var secrets = map[string]string{"site": siteSecret, "site2": site2Secret, "lasting": portalSecret, "lasting2": portalSecret}

// outcome is what a relying party ends with.
type outcome struct {
	answer   url.Values
	token    tokenAnswer
	claims   map[string]any // of the ID token
	userinfo map[string]any // nil without an access token
}

// signIn sends a request in a browser where it needs the password.
func (s *profile) signIn(t *testing.T, b *webtest.Browser, request url.Values) *outcome {
	t.Helper()
	page := b.Authorize(request)
	wantSignIn(t, page)
	return s.complete(t, request, page.SignIn("river", riversPassword))
}

// silently sends a request that needs nothing.
func (s *profile) silently(t *testing.T, b *webtest.Browser, request url.Values) *outcome {
	t.Helper()
	page := b.Authorize(request)
	if page.Target() == "" {
		t.Fatalf("status %d, want a response\n%s", page.Status, page.Body)
	}
	return s.complete(t, request, page)
}

// complete checks an authorization response and all that follows from it.
func (s *profile) complete(t *testing.T, request url.Values, page *webtest.Page) *outcome {
	t.Helper()
	answer := s.response(t, request, page)
	if answer.Has("error") {
		t.Fatalf("answer %v", answer)
	}
	o := &outcome{answer: answer}
	for name, word := range map[string]string{"code": "code", "id_token": "id_token", "access_token": "token"} {
		if answer.Has(name) != s.gives(word) {
			t.Errorf("answer %v", answer)
		}
	}
	front := tokenAnswer{AccessToken: answer.Get("access_token"), IDToken: answer.Get("id_token")}
	if front.AccessToken != "" {
		highEntropy(t, "access_token", front.AccessToken)
		if answer.Get("token_type") != "Bearer" || answer.Get("expires_in") != "3600" {
			t.Errorf("answer %v", answer)
		}
	}
	o.token = front
	if front.IDToken != "" {
		o.claims = s.idToken(t, request, front)
		s.hashOfCode(t, o.claims, answer.Get("code"))
	}
	if s.gives("code") {
		highEntropy(t, "code", answer.Get("code"))
		client, secret := request.Get("client_id"), secrets[request.Get("client_id")]
		form := params("grant_type", "authorization_code", "code", answer.Get("code"), "redirect_uri", request.Get("redirect_uri"))
		if request.Has("code_challenge") {
			form.Set("code_verifier", verifier)
		}
		o.token = s.tokenResponse(t, redeemAs(s.p.Browser(t), client, secret, form))
		all := s.idToken(t, request, o.token)
		if o.claims != nil && (o.claims["sub"] != all["sub"] || o.claims["iss"] != all["iss"]) {
			t.Errorf("ID token of the authorization endpoint %v, of the token endpoint %v", o.claims, all)
		}
		o.claims = all
	}
	if front.AccessToken != "" && front.AccessToken != o.token.AccessToken {
		userinfoClaims(t, userinfo(s.p.Browser(t), front.AccessToken), o.claims["sub"])
	}
	if o.token.AccessToken != "" {
		highEntropy(t, "access_token", o.token.AccessToken)
		o.userinfo = userinfoClaims(t, userinfo(s.p.Browser(t), o.token.AccessToken), o.claims["sub"])
	}
	return o
}

// response gives the parameters of an authorization response, from where they
// belong.
func (s *profile) response(t *testing.T, request url.Values, page *webtest.Page) url.Values {
	t.Helper()
	separator := "#"
	if s.responseType == "code" {
		separator = "?"
	}
	switch {
	case s.formPost && page.Target() == request.Get("redirect_uri") && page.Element("form-post") != nil:
	case s.formPost || !strings.HasPrefix(page.Target(), request.Get("redirect_uri")+separator):
		t.Fatalf("status %d, target %q\n%s", page.Status, page.Target(), page.Body)
	}
	answer := page.Answer()
	if answer.Get("state") != request.Get("state") || answer.Get("iss") != s.p.Issuer {
		t.Errorf("state %q, iss %q", answer.Get("state"), answer.Get("iss"))
	}
	known := []string{"code", "id_token", "access_token", "token_type", "expires_in", "scope", "state", "iss", "error", "error_description"}
	for name := range answer {
		if !slices.Contains(known, name) {
			t.Errorf("unknown parameter %s", name)
		}
	}
	return answer
}

func (*profile) tokenResponse(t *testing.T, page *webtest.Page) tokenAnswer {
	t.Helper()
	token := tokens(t, page)
	if !strings.HasPrefix(page.Header.Get("Content-Type"), "application/json") || page.Header.Get("Cache-Control") != "no-store" ||
		token.TokenType != "Bearer" || token.ExpiresIn != 3600 || token.Scope == "" {
		t.Errorf("token response %+v, headers %v", token, page.Header)
	}
	return token
}

// idToken verifies an ID token and what every one of them has to say.
func (s *profile) idToken(t *testing.T, request url.Values, token tokenAnswer) map[string]any {
	t.Helper()
	all := claims(t, s.p, request.Get("client_id"), token.IDToken)
	now := s.p.Now()
	at := func(name string) time.Time {
		seconds, ok := all[name].(float64)
		if !ok || seconds != math.Trunc(seconds) {
			t.Errorf("%s %v", name, all[name])
		}
		return time.Unix(int64(seconds), 0)
	}
	if at("iat").After(now) || now.Sub(at("iat")) > time.Minute || at("auth_time").After(at("iat")) || !at("exp").After(now) {
		t.Errorf("now %d, iat %v, auth_time %v, exp %v", now.Unix(), all["iat"], all["auth_time"], all["exp"])
	}
	if all["iss"] != s.p.Issuer || all["aud"] != request.Get("client_id") || all["sub"] == "" || len(all["sub"].(string)) > 255 || all["acr"] != "loa1" {
		t.Errorf("claims %v", all)
	}
	if nonce, _ := all["nonce"].(string); nonce != request.Get("nonce") {
		t.Errorf("nonce %q, want %q", nonce, request.Get("nonce"))
	}
	standardClaims(t, all)
	if token.AccessToken == "" {
		if all["at_hash"] != nil {
			t.Error("at_hash without an access token")
		}
	} else if sum := sha256.Sum256([]byte(token.AccessToken)); all["at_hash"] != base64.RawURLEncoding.EncodeToString(sum[:16]) {
		t.Errorf("at_hash %v", all["at_hash"])
	}
	return all
}

// hashOfCode checks c_hash.
func (*profile) hashOfCode(t *testing.T, all map[string]any, code string) {
	t.Helper()
	sum := sha256.Sum256([]byte(code))
	if want := base64.RawURLEncoding.EncodeToString(sum[:16]); code != "" && all["c_hash"] != want || code == "" && all["c_hash"] != nil {
		t.Errorf("c_hash %v", all["c_hash"])
	}
}

// textClaims are the standard claims that are one (OpenID Connect Core 5.1), those of
// address among them.
const textClaims = " sub name given_name family_name middle_name nickname preferred_username profile picture website email gender birthdate zoneinfo locale " +
	"phone_number formatted street_address locality region postal_code country "

// standardClaims checks the types of those that are there; none is empty, or the name
// of nothing.
func standardClaims(t *testing.T, all map[string]any) {
	t.Helper()
	for name, value := range all {
		var ok bool
		switch {
		case strings.Contains(textClaims, " "+name+" "):
			var text string
			text, ok = value.(string)
			ok = ok && strings.TrimSpace(text) != "" && !strings.EqualFold(text, "null")
		case strings.HasSuffix(name, "_verified"):
			_, ok = value.(bool)
		case name == "updated_at": // in seconds, and after 1990
			var seconds float64
			seconds, ok = value.(float64)
			ok = ok && seconds > 631e6 && seconds < 1e11
		case name == "address":
			var members map[string]any
			if members, ok = value.(map[string]any); ok {
				standardClaims(t, members)
			}
			ok = len(members) > 0
		default:
			ok = true // no standard claim of OpenID Connect Core 5.1
		}
		if !ok {
			t.Errorf("%s %#v", name, value)
		}
	}
}

// userinfoClaims checks a UserInfo response.
func userinfoClaims(t *testing.T, page *webtest.Page, sub any) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(page.Body), &all); err != nil || page.Status != http.StatusOK || page.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("userinfo: status %d, Content-Type %q\n%s", page.Status, page.Header.Get("Content-Type"), page.Body)
	}
	if all["sub"] != sub {
		t.Errorf("userinfo: sub %v, want %v", all["sub"], sub)
	}
	standardClaims(t, all)
	return all
}

var urlSafe = regexp.MustCompile(`^[A-Za-z0-9_.~-]+$`)

// highEntropy checks that a value has 128 bits or more, of which 96 can be
// measured, in characters that are safe in a URL.
func highEntropy(t *testing.T, name, value string) {
	t.Helper()
	counts := map[rune]float64{}
	for _, c := range value {
		counts[c]++
	}
	bits := 0.0
	for _, n := range counts {
		bits -= n * math.Log2(n/float64(len(value)))
	}
	if bits < 96 || len(value)*6 < 128 || !urlSafe.MatchString(value) {
		t.Errorf("%s: %d characters with %.0f bits", name, len(value), bits)
	}
}
