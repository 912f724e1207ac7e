package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"
)

// payload reads what a token says, without believing it.
func payload(t *testing.T, token any) map[string]any {
	t.Helper()
	parts := strings.Split(fmt.Sprint(token), ".")
	if len(parts) != 3 {
		t.Fatalf("a token of %d parts", len(parts))
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	var all map[string]any
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// signOutState is of every character that the suite's has (RFC 6749 appendix A.5, but for
// those that it leaves out itself: the space, + and ;).
const signOutState = "aZ09!\"#$%&'()*,-./:<=>?@[\\]^_`{|}~"

// How a module of a sign-out ends.
const (
	returns = "returns" // at the suite
	says    = "says"    // that nobody is signed in
	refuses = "refuses" // and the person stays signed in
)

// signOuts plays the modules of RP-Initiated Logout OP and Back-Channel OP.
func (s *suite) signOuts(t *testing.T) {
	back := strings.TrimSuffix(s.redirectURI(t), "callback") + "post_logout_redirect"
	const prefix, hint, address = "oidcc-rp-initiated-logout", "id_token_hint", "post_logout_redirect_uri"
	for module, test := range map[string]struct {
		ends   string
		change func(url.Values)
	}{
		prefix:                                   {returns, func(url.Values) {}},
		prefix + "-no-state":                     {returns, func(q url.Values) { q.Del("state") }},
		prefix + "-bad-post-logout-redirect-uri": {refuses, func(q url.Values) { q.Set(address, back+"/bad") }},
		prefix + "-query-added-to-post-logout-redirect-uri": {refuses, func(q url.Values) { q.Set(address, back+"?foo=bar") }},
		prefix + "-modified-id-token-hint": {refuses, func(q url.Values) {
			q.Set(hint, "eyJhbGciOiJub25lIn0."+strings.Split(q.Get(hint), ".")[1]+".")
		}},
		prefix + "-bad-id-token-hint":           {refuses, func(q url.Values) { q.Set(hint, fakeIDToken(s.target.Client, s.endpoint(""))) }},
		prefix + "-no-id-token-hint":            {refuses, func(q url.Values) { q.Del(hint) }},
		prefix + "-no-params":                   {says, func(q url.Values) { clear(q) }},
		prefix + "-no-post-logout-redirect-uri": {says, func(q url.Values) { q.Del(address) }},
		prefix + "-only-state":                  {says, func(q url.Values) { q.Del(hint); q.Del(address) }},
		"oidcc-backchannel-rp-initiated-logout": {returns, func(url.Values) {}},
	} {
		t.Run(module, func(t *testing.T) {
			p := s.module(module)
			got := s.tokens(t, s.target.Client, s.authorize(t, p, s.request(t, s.target.Client)).Get("code"))
			query := url.Values{hint: {fmt.Sprint(got["id_token"])}, address: {back}, "state": {signOutState}}
			test.change(query)
			if err := p.visit(s.endpoint("/end_session?") + query.Encode()); err != nil {
				t.Fatal(err)
			}
			if returned := s.latest(); test.ends == returns && (returned.Get("state") != query.Get("state") || returned.Has("state") != (len(returned) == 1)) {
				t.Errorf("came back with %v", returned)
			}
			if (test.ends == returns) == (p.screenshots == 1) {
				t.Errorf("%d screenshots", p.screenshots)
			}
			if answer := s.authorize(t, p, s.request(t, s.target.Client, "prompt", "none")); answer.Has("code") != (test.ends == refuses) {
				t.Errorf("then, without a page: %v", answer)
			}
			if module == "oidcc-backchannel-rp-initiated-logout" {
				s.wantLogoutOf(t, payload(t, got["id_token"])["sid"])
			}
		})
	}
}

// fakeIDToken is an ID token that a client made itself, with its secret.
func fakeIDToken(client suiteClient, issuer string) string {
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	signed := part(`{"alg":"HS256"}`) + "." + part(fmt.Sprintf(`{"iss":%q,"sub":"SubjectID","aud":%q,"nonce":"flibble"}`, client.ClientID, issuer))
	mac := hmac.New(sha256.New, []byte(client.ClientSecret))
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// wantLogoutOf waits for the logout token of a session; those of other modules may come
// before.
func (s *suite) wantLogoutOf(t *testing.T, session any) {
	t.Helper()
	for deadline := time.After(startLimit); ; {
		select {
		case token := <-s.logouts:
			if payload(t, token)["sid"] == session {
				return
			}
		case <-deadline:
			t.Fatal("no logout token for the session")
		}
	}
}
