package op_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/brandidp/idp/web/webtest"
)

// hearing has clients that are to be told of sign-outs, where nobody answers: what they
// are to be told stays where it can be counted.
const hearing = `
clients:
  - client_id: shop
    client_secret: secret-of-shop-0123456789-0123456789-01
    redirect_uris: [https://shop.brand.example/cb]
    response_types: [code, id_token]
    post_logout_redirect_uris: [https://shop.brand.example/bye]
    backchannel_logout_uri: http://localhost:1/
  - client_id: hearing-connector
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    web_origins: [https://shop.brand.example]
    backchannel_logout_uri: http://localhost:1/
    conversational_cloud: {variant: rfc}
`

func shopRequest(pairs ...string) url.Values {
	return codeRequest(append([]string{"client_id", "shop", "redirect_uri", "https://shop.brand.example/cb"}, pairs...)...)
}

// writings are all of them.
func writings() []writing {
	return slices.Concat(authorizations(), signIns(), consentings(), signOuts(), tokenSources(), redemptions(), refreshes(), presentations())
}

// authorizations are answered at once, since somebody is signed in.
func authorizations() []writing {
	of := func(name, method string, request url.Values) writing {
		return writing{name: name, route: method + " /authorize", anew: true, begin: func(s *scene) sending {
			return sending{
				request: func() *http.Request {
					if method == http.MethodPost {
						return s.b.Request("/authorize", request)
					}
					return s.b.Request("/authorize?"+request.Encode(), nil)
				},
				done: func(o ending) { wantAnswer(s.t, s.b, request, o.answer) },
			}
		}}
	}
	return []writing{
		of("code", "GET", codeRequest()),
		of("code", "POST", codeRequest()),
		of("code, by form_post", "GET", codeRequest("response_mode", "form_post")),
		of("id_token token", "GET", implicitRequest("response_type", "id_token token")),
		of("id_token token", "POST", implicitRequest("response_type", "id_token token")),
		of("code id_token token", "GET", codeRequest("response_type", "code id_token token")),
		of("code id_token token", "POST", codeRequest("response_type", "code id_token token")),
		of("code for a client that is told of sign-outs", "GET", shopRequest()),
		of("id_token for a client that is told of sign-outs", "GET", shopRequest("response_type", "id_token")),
	}
}

// wantAnswer checks that all that was asked for has come, and is good.
func wantAnswer(t *testing.T, b *webtest.Browser, request url.Values, page *webtest.Page) {
	t.Helper()
	answer := page.Answer()
	for word := range strings.FieldsSeq(request.Get("response_type")) {
		switch word {
		case "code":
			secret := map[string]string{"site": siteSecret, "shop": "secret-of-shop-0123456789-0123456789-01", "careful": carefulSecret}[request.Get("client_id")]
			tokens(t, redeemAs(b, request.Get("client_id"), secret,
				params("grant_type", "authorization_code", "redirect_uri", request.Get("redirect_uri"), "code", answer.Get("code"))))
		case "token":
			wantAccess(t, b, answer.Get("access_token"), http.StatusOK)
		case "id_token":
			if answer.Get("id_token") == "" {
				t.Errorf("no ID token: %v", answer)
			}
		}
	}
}

// signIns are sent with the right password.
func signIns() []writing {
	of := func(name string, in func(s *scene) *webtest.Browser, request url.Values) writing {
		return writing{name: name, route: "POST /sign-in", anew: true, begin: func(s *scene) sending {
			b := in(s)
			form := b.Authorize(request).Form("sign-in")
			return sending{
				b: b,
				request: func() *http.Request {
					return b.Request("/sign-in", with(form, "username", "rory", "password", rorysPassword))
				},
				done: func(o ending) {
					wantAnswer(s.t, b, request, o.answer)
					wantRory(s.t, s.p, b)
				},
			}
		}}
	}
	fresh := func(s *scene) *webtest.Browser { return s.p.Browser(s.t) }
	amelias := func(s *scene) *webtest.Browser { return s.b }
	rorys := func(s *scene) *webtest.Browser {
		b := s.p.Browser(s.t)
		b.Authorize(codeRequest()).SignIn("rory", rorysPassword)
		return b
	}
	renewing := of("with a hash that is renewed", func(s *scene) *webtest.Browser {
		hash, err := bcrypt.GenerateFromPassword([]byte(rorysPassword), bcrypt.MinCost)
		if err != nil {
			s.t.Fatal(err)
		}
		s.p.Exec("update consumers set password_hash = $1 where username = 'rory'", string(hash))
		return s.p.Browser(s.t)
	}, codeRequest())
	renewing.spare = 3
	consented := of("after a consent", func(s *scene) *webtest.Browser {
		allow(s.t, rorys(s).Authorize(carefulRequest("prompt", "consent")))
		return s.p.Browser(s.t)
	}, carefulRequest())
	again := of("of the same person again", rorys, codeRequest("prompt", "login"))
	return []writing{
		of("for a code", fresh, codeRequest()),
		of("for an ID token", fresh, implicitRequest()),
		of("for both and an access token", fresh, codeRequest("response_type", "code id_token token")),
		of("for a client that is told of sign-outs", fresh, shopRequest()),
		of("of somebody else", amelias, codeRequest("prompt", "login")),
		again, consented, renewing,
	}
}

// wantRory checks that Rory is who is signed in.
func wantRory(t *testing.T, p *webtest.Provider, b *webtest.Browser) {
	t.Helper()
	rory := webtest.Query[string](p, "select sub from consumers where username = 'rory'")
	if got := claims(t, p, "site", silent(t, b, implicitRequest("prompt", "none")).Get("id_token")); got["sub"] != rory {
		t.Errorf("signed in: %v", got)
	}
}

// consentings go on from a page that asks, or take back what was allowed there.
func consentings() []writing {
	allowing := func(name string, request url.Values) writing {
		return writing{name: name, route: "POST /consent", anew: true, begin: func(s *scene) sending {
			s.p.Exec("delete from consents")
			page := s.b.Authorize(request)
			return sending{
				request: func() *http.Request { return page.Filled("consent", map[string]string{"consent": "allow"}) },
				done: func(o ending) {
					wantAnswer(s.t, s.b, request, o.answer)
					if n := webtest.Query[int](s.p, "select count(*) from consents"); n != 1 {
						s.t.Errorf("%d consents", n)
					}
				},
			}
		}}
	}
	return []writing{
		allowing("code", carefulRequest()),
		allowing("id_token", carefulRequest("response_type", "id_token")),
		allowing("after a fresh sign-in", codeRequest("prompt", "consent")),
		{name: "as somebody", route: "POST /continue", anew: true, begin: func(s *scene) sending {
			page := s.b.Authorize(codeRequest("prompt", "select_account"))
			return sending{
				request: func() *http.Request { return page.Filled("continue-as", nil) },
				done:    func(o ending) { wantAnswer(s.t, s.b, codeRequest(), o.answer) },
			}
		}},
		{name: "withdrawn", route: "POST /consents", begin: func(s *scene) sending {
			given := tokens(s.t, redeemCareful(s.b, allow(s.t, s.b.Authorize(carefulRequest("prompt", "consent"))).Answer().Get("code")))
			page := s.b.Get("/consents")
			return sending{
				request: func() *http.Request { return page.Filled("withdraw-careful", nil) },
				done: func(o ending) {
					if o.answer.Status != http.StatusOK || o.answer.Element("withdraw-careful") != nil {
						s.t.Errorf("status %d\n%s", o.answer.Status, o.answer.Body)
					}
					wantAccess(s.t, s.b, given.AccessToken, http.StatusUnauthorized)
				},
			}
		}},
	}
}

// signOuts are of a browser in which a client is told of it.
func signOuts() []writing {
	const shopBye = "https://shop.brand.example/bye"
	of := func(name, route string, request func(s *scene, hint string) func() *http.Request) writing {
		return writing{name: name, route: route, begin: func(s *scene) sending {
			other := amelia(s.t, s.p)
			access := silent(s.t, s.b, implicitRequest("response_type", "id_token token")).Get("access_token")
			hint := silent(s.t, s.b, shopRequest("response_type", "id_token")).Get("id_token")
			fromHistory := s.b.Authorize(implicitRequest("prompt", "login"))
			return sending{
				request: request(s, hint),
				done: func(o ending) {
					if o.answer.Target() != shopBye {
						s.t.Errorf("status %d, target %q\n%s", o.answer.Status, o.answer.Target(), o.answer.Body)
					}
					if left := s.b.Cookie("idp_session"); left != "" {
						s.t.Error("the browser still has the cookie")
					}
					wantSignedOut(s.t, s.b)
					wantAccess(s.t, s.b, access, http.StatusUnauthorized)
					wantErrorPage(s.t, fromHistory.SignIn("amelia", ameliasPassword), http.StatusBadRequest, "invalid_request")
					if name == "everywhere" {
						wantSignedOut(s.t, other)
					} else {
						silent(s.t, other, implicitRequest("prompt", "none"))
					}
				},
			}
		}}
	}
	hinted := func(hint string) url.Values {
		return params("id_token_hint", hint, "post_logout_redirect_uri", shopBye)
	}
	confirmed := func(values map[string]string) func(s *scene, hint string) func() *http.Request {
		return func(s *scene, _ string) func() *http.Request {
			page := endSession(s.b, "client_id", "shop", "post_logout_redirect_uri", shopBye)
			return func() *http.Request { return page.Filled("sign-out", values) }
		}
	}
	return []writing{
		of("confirmed", "POST /end_session", confirmed(nil)),
		of("everywhere", "POST /end_session", confirmed(map[string]string{"everywhere": "true"})),
		of("by its hint", "POST /end_session", func(s *scene, hint string) func() *http.Request {
			return func() *http.Request { return s.b.Request("/end_session", hinted(hint)) }
		}),
		of("by its hint", "GET /end_session", func(s *scene, hint string) func() *http.Request {
			return func() *http.Request { return s.b.Request("/end_session?"+hinted(hint).Encode(), nil) }
		}),
	}
}

// tokenSources are asked by a page's script.
func tokenSources() []writing {
	of := func(client string, good func(s *scene, answer tokenAnswer)) writing {
		return writing{name: client, route: "POST /token-source", anew: true, begin: func(s *scene) sending {
			body, _ := json.Marshal(map[string]string{"client_id": client})
			return sending{
				request: func() *http.Request {
					return s.b.RawRequest("POST", "/token-source", "application/json", string(body), "Origin", shopOrigin)
				},
				done: func(o ending) { good(s, tokens(s.t, o.answer)) },
			}
		}}
	}
	return []writing{
		of("messaging-code", func(s *scene, answer tokenAnswer) {
			tokens(s.t, redeemAs(s.b, "messaging-code", messagingSecret,
				params("grant_type", "authorization_code", "redirect_uri", answer.RedirectURI, "code", answer.Code)))
		}),
		of("hearing-connector", func(s *scene, answer tokenAnswer) { claims(s.t, s.p, "hearing-connector", answer.IDToken) }),
	}
}
