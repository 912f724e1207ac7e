package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// asClient makes requests of a client, by whatever it proves itself with.
func (s *scene) asClient(endpoint, client string, form url.Values) func() *http.Request {
	secret := map[string]string{
		"site": siteSecret, "portal": portalSecret, "delegating": portalSecret, "retrying": retrySecret, "gateway": backendSecret, "robot": backendSecret,
	}[client]
	return func() *http.Request {
		switch client {
		case "keyed":
			return s.b.Request(endpoint, authenticated(s.t, s.p, client, form))
		case "mobile":
			return s.b.Request(endpoint, with(form, "client_id", client))
		}
		request := s.b.Request(endpoint, form)
		request.SetBasicAuth(client, secret)
		return request
	}
}

// grantee is a client that codes are issued to.
type grantee struct {
	client, callback, scope string
	challenged              bool
}

var (
	site       = grantee{client: "site", callback: siteCallback, scope: "openid"}
	portal     = grantee{client: "portal", callback: portalCallback, scope: "openid offline_access"}
	mobile     = grantee{client: "mobile", callback: portalCallback, scope: "openid offline_access", challenged: true}
	gateway    = grantee{client: "gateway", callback: gatewayCallback, scope: "openid offline_access"}
	keyed      = grantee{client: "keyed", callback: keyedCallback, scope: "openid offline_access"}
	retrying   = grantee{client: "retrying", callback: window, scope: "openid", challenged: true}
	delegating = grantee{client: "delegating", callback: window, scope: "openid", challenged: true}
)

// code gets a code for the client, and gives the token request for it.
func (g grantee) code(s *scene) func() *http.Request {
	request := codeRequest("client_id", g.client, "redirect_uri", g.callback, "scope", g.scope)
	form := params("grant_type", "authorization_code", "redirect_uri", g.callback)
	if g.callback == window {
		request = with(request, "state", windowRequest().Get("state"))
	}
	if g.challenged {
		request, form = challenged(request), with(form, "code_verifier", verifier)
	}
	return s.asClient("/token", g.client, with(form, "code", silent(s.t, s.b, request).Get("code")))
}

// tokens gets tokens for the client.
func (g grantee) tokens(s *scene) tokenAnswer { return tokens(s.t, s.b.Do(g.code(s)())) }

// redemptions are of codes, and of a client for itself.
func redemptions() []writing {
	var all []writing
	for _, g := range []grantee{site, portal, mobile, gateway, keyed} {
		all = append(all, writing{name: "code of " + g.client, route: "POST /token", ends: true, proven: g == keyed, begin: func(s *scene) sending {
			return sending{request: g.code(s), done: func(o ending) {
				if !o.taken {
					wantGood(s, g, tokens(s.t, o.answer))
					return
				}
				wantWire(s.t, o.answer, http.StatusBadRequest, "invalid_grant")
				if o.lost != nil {
					wantAccess(s.t, s.b, tokens(s.t, o.lost).AccessToken, http.StatusUnauthorized)
				}
			}}
		}})
	}
	for _, g := range []grantee{retrying, delegating} {
		all = append(all, writing{name: "code of " + g.client + ", which may ask again", route: "POST /token", begin: func(s *scene) sending {
			request := g.code(s)
			return sending{request: request, done: func(o ending) {
				got := tokens(s.t, o.answer)
				wantSame(s, got, o, s.b.Do(request()))
				wantGood(s, g, got)
			}}
		}})
	}
	robot := func(client string) writing {
		return writing{name: "client_credentials of " + client, route: "POST /token", anew: true, proven: client == "keyed", begin: func(s *scene) sending {
			return sending{request: s.asClient("/token", client, params("grant_type", "client_credentials")), done: func(o ending) {
				if state := introspected(s.t, s.b, "api", tokens(s.t, o.answer).AccessToken); state["active"] != true {
					s.t.Errorf("%v", state)
				}
			}}
		}}
	}
	return append(all, robot("robot"), robot("gateway"), robot("keyed"),
		writing{name: "a code that was used", route: "POST /token", begin: func(s *scene) sending {
			request := portal.code(s)
			given := tokens(s.t, s.b.Do(request()))
			return sending{request: request, done: func(o ending) {
				wantRefused(s.t, o.answer)
				wantAccess(s.t, s.b, given.AccessToken, http.StatusUnauthorized)
				wantRefused(s.t, refresh(s.b, given.RefreshToken))
			}}
		}},
	)
}

// wantGood checks that the tokens of a client are alive.
func wantGood(s *scene, g grantee, given tokenAnswer) {
	s.t.Helper()
	wantAccess(s.t, s.b, given.AccessToken, http.StatusOK)
	if given.RefreshToken != "" {
		tokens(s.t, s.b.Do(s.asClient("/token", g.client, refreshGrant(given.RefreshToken))()))
	}
}

// wantSame checks that what came is what was lost, and comes once more.
func wantSame(s *scene, got tokenAnswer, o ending, more *webtest.Page) {
	s.t.Helper()
	all := []tokenAnswer{tokens(s.t, more)}
	if o.lost != nil {
		all = append(all, tokens(s.t, o.lost))
	}
	for _, other := range all {
		// A JWT is signed anew, over the time that is left to it.
		same := other.AccessToken == got.AccessToken
		if strings.Contains(got.AccessToken, ".") {
			same = resource(s.t, s.p, other.AccessToken)["jti"] == resource(s.t, s.p, got.AccessToken)["jti"]
		}
		if !same || other.RefreshToken != got.RefreshToken {
			s.t.Errorf("not the same tokens: %+v, %+v", got, other)
		}
	}
}

// refreshes are of the newest token, and of one from long before.
func refreshes() []writing {
	var all []writing
	for _, g := range []grantee{portal, mobile, gateway, keyed, delegating} {
		all = append(all, writing{name: "refresh of " + g.client, route: "POST /token", proven: g == keyed, begin: func(s *scene) sending {
			request := s.asClient("/token", g.client, refreshGrant(g.tokens(s).RefreshToken))
			return sending{request: request, done: func(o ending) {
				got := tokens(s.t, o.answer)
				wantSame(s, got, o, s.b.Do(request()))
				wantGood(s, g, got)
			}}
		}})
	}
	return append(all, writing{name: "a refresh token that was used", route: "POST /token", begin: func(s *scene) sending {
		first := portal.tokens(s)
		second := tokens(s.t, refresh(s.b, first.RefreshToken))
		s.p.Advance(time.Minute)
		return sending{request: s.asClient("/token", "portal", refreshGrant(first.RefreshToken)), done: func(o ending) {
			wantRefused(s.t, o.answer)
			wantRefused(s.t, refresh(s.b, second.RefreshToken))
			wantAccess(s.t, s.b, second.AccessToken, http.StatusUnauthorized)
		}}
	}})
}

// presentations are of tokens that are to end, or to be told of.
func presentations() []writing {
	var all []writing
	for _, g := range []grantee{portal, gateway, keyed} {
		for kind, of := range map[string]func(tokenAnswer) string{
			"refresh": func(given tokenAnswer) string { return given.RefreshToken },
			"access":  func(given tokenAnswer) string { return given.AccessToken },
		} {
			all = append(all, writing{name: kind + " token of " + g.client, route: "POST /revoke", proven: g == keyed, begin: func(s *scene) sending {
				given := g.tokens(s)
				return sending{request: s.asClient("/revoke", g.client, params("token", of(given))), done: func(o ending) {
					if o.answer.Status != http.StatusOK {
						s.t.Errorf("status %d\n%s", o.answer.Status, o.answer.Body)
					}
					wantAccess(s.t, s.b, given.AccessToken, http.StatusUnauthorized)
				}}
			}})
		}
	}
	return append(all, writing{name: "by an assertion", route: "POST /introspect", proven: true, begin: func(s *scene) sending {
		given := keyed.tokens(s)
		return sending{request: s.asClient("/introspect", "keyed", params("token", given.AccessToken)), done: func(o ending) {
			if o.answer.Status != http.StatusOK || !strings.Contains(o.answer.Body, `"active":true`) {
				s.t.Errorf("status %d\n%s", o.answer.Status, o.answer.Body)
			}
		}}
	}})
}
