package op_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// receiver is a relying party's address for back-channel sign-out.
type receiver struct {
	*httptest.Server

	// answer decides how a request is answered; nil for 200.
	answer func(attempt int, w http.ResponseWriter, r *http.Request)

	mu     sync.Mutex
	tokens []string
	faults []string
}

func newReceiver(t *testing.T, answer func(attempt int, w http.ResponseWriter, r *http.Request)) *receiver {
	t.Helper()
	rp := &receiver{answer: answer}
	rp.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := r.ParseForm()
		token := r.PostForm.Get("logout_token")
		rp.mu.Lock()
		if err != nil || r.Method != http.MethodPost || r.URL.RawQuery != "" || len(r.PostForm) != 1 || len(r.Cookies()) > 0 {
			rp.faults = append(rp.faults, fmt.Sprint(r.Method, r.URL, r.PostForm, err))
		}
		rp.tokens = append(rp.tokens, token)
		attempt := len(rp.tokens)
		rp.mu.Unlock()
		if answer != nil {
			answer(attempt, w, r)
		}
	}))
	t.Cleanup(rp.Close)
	return rp
}

// received gives the logout tokens that have come so far.
func (rp *receiver) received(t *testing.T) []string {
	t.Helper()
	rp.mu.Lock()
	defer rp.mu.Unlock()
	for _, fault := range rp.faults {
		t.Errorf("not as the specification has it: %s", fault)
	}
	return slices.Clone(rp.tokens)
}

// wait gives the logout tokens as soon as there are n.
func (rp *receiver) wait(t *testing.T, n int) []string {
	t.Helper()
	var tokens []string
	webtest.Eventually(t, fmt.Sprintf("%d logout tokens", n), func() bool {
		tokens = rp.received(t)
		return len(tokens) >= n
	})
	if len(tokens) > n {
		t.Fatalf("%d logout tokens, want %d", len(tokens), n)
	}
	return tokens
}

// listener is a client that hears of sign-outs at an address.
func listener(id, address string) string {
	return fmt.Sprintf(`
clients:
  - client_id: %[1]s
    client_secret: secret-of-%[1]s-0123456789-0123456789
    redirect_uris: [https://%[1]s.brand.example/cb]
    response_types: [code, id_token, id_token token]
    post_logout_redirect_uris: [https://%[1]s.brand.example/bye]
    backchannel_logout_uri: %[2]s
    backchannel_logout_session_required: true
`, id, address)
}

// use has a client get an ID token from the browser's session, and gives its claims.
func use(t *testing.T, p *webtest.Provider, b *webtest.Browser, client string) (idToken string, all map[string]any) {
	t.Helper()
	idToken = hintFor(t, b, client, "https://"+client+".brand.example/cb")
	return idToken, claims(t, p, client, idToken)
}

// wantLogoutToken verifies a logout token as a relying party does (Back-Channel
// Logout 1.0, 2.6), by the keys that discovery names.
func wantLogoutToken(t *testing.T, p *webtest.Provider, client, token string, idToken map[string]any) (jti string) {
	t.Helper()
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256, jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	if typ := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]; typ != "logout+jwt" {
		t.Errorf("typ %v", typ)
	}
	ctx := oidc.ClientContext(t.Context(), p.Browser(t).Client)
	verifier := oidc.NewVerifier(p.Issuer, oidc.NewRemoteKeySet(ctx, p.Address+"/jwks.json"), &oidc.Config{
		ClientID: client, Now: p.Now, SupportedSigningAlgs: []string{jws.Signatures[0].Protected.Algorithm},
	})
	verified, err := verifier.Verify(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Sid    string                     `json:"sid"`
		JTI    string                     `json:"jti"`
		Events map[string]json.RawMessage `json:"events"`
		Nonce  *string                    `json:"nonce"`
	}
	if err := verified.Claims(&got); err != nil {
		t.Fatal(err)
	}
	if verified.Subject != idToken["sub"] || got.Sid != idToken["sid"] || got.Nonce != nil || len(got.JTI) < 22 {
		t.Errorf("sub %q, sid %q, nonce %v, jti %q; the ID token has %v and %v", verified.Subject, got.Sid, got.Nonce, got.JTI, idToken["sub"], idToken["sid"])
	}
	if len(got.Events) != 1 || string(got.Events["http://schemas.openid.net/event/backchannel-logout"]) != "{}" {
		t.Errorf("events %s", got.Events)
	}
	if life := verified.Expiry.Sub(verified.IssuedAt); life <= 0 || life > 2*time.Minute || verified.IssuedAt.After(p.Now()) {
		t.Errorf("iat %v, exp %v, now %v", verified.IssuedAt, verified.Expiry, p.Now())
	}
	return got.JTI
}

func pendingNotices(p *webtest.Provider) int {
	return webtest.Query[int](p, "select count(*)::int from logout_notices")
}

//security:2-logout-token 26-logout-token
func TestSignOutTellsEveryClientOfTheSession(t *testing.T) {
	t.Parallel()
	shop, club, unused := newReceiver(t, nil), newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // as some frameworks do for an empty answer
	}), newReceiver(t, nil)
	p := webtest.Start(t, nil, brand, listener("shop", shop.URL), listener("by-ES256", club.URL)+"    id_token_signed_response_alg: ES256\n", listener("unused", unused.URL), `
clients:
  - client_id: connector
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    web_origins: [https://www.brand.example]
    conversational_cloud: {variant: rfc}
    backchannel_logout_uri: `+unused.URL+`/connector
`)
	b, other := amelia(t, p), amelia(t, p)
	_, shops := use(t, p, b, "shop")
	use(t, p, b, "shop")
	redeemed := tokens(t, redeemAs(b, "by-ES256", "secret-of-by-ES256-0123456789-0123456789", params("grant_type", "authorization_code",
		"redirect_uri", "https://by-ES256.brand.example/cb", "code",
		silent(t, b, codeRequest("client_id", "by-ES256", "redirect_uri", "https://by-ES256.brand.example/cb")).Get("code"))))
	clubs := verified(t, p, "ES256", redeemed.IDToken)
	use(t, p, other, "shop")
	connectors := claims(t, p, "connector", tokens(t, fromPage(t, b, "connector", messagingOrigin)).IDToken)

	b.Get("/end_session").Submit("sign-out", nil)
	wantLogoutToken(t, p, "shop", shop.wait(t, 1)[0], shops)
	told := club.wait(t, 1)[0]
	wantLogoutToken(t, p, "by-ES256", told, clubs)
	if jws, err := jose.ParseSignedCompact(told, []jose.SignatureAlgorithm{jose.ES256}); err != nil {
		t.Errorf("%v, %v: not the algorithm that the client has registered", jws, err)
	}
	// A connector's own key signs ID tokens alone: this one verifies by the provider's.
	token := unused.wait(t, 1)[0]
	wantLogoutToken(t, p, "connector", token, connectors)
	keys := oidc.NewRemoteKeySet(t.Context(), p.Address+"/jwks/connector.json")
	if _, err := keys.VerifySignature(t.Context(), token); err == nil {
		t.Error("a logout token is signed by the key that a connector trusts for ID tokens")
	}
	silent(t, other, implicitRequest("prompt", "none")) // nobody was told of the other browser
	webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
}

// Whatever ends a session, its clients hear of it; what runs out of itself they do not.
func TestWhatEndsSessionsIsTold(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, p *webtest.Provider, b *webtest.Browser){
		"signed out everywhere": func(t *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			amelia(t, p).Get("/end_session").Submit("sign-out", map[string]string{"everywhere": "true"})
		},
		"password changed": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			p.SetPassword("amelia", "a brand new password")
		},
		"disabled": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			p.Apply("consumers: [{username: amelia, disabled: true}]")
		},
		"somebody else signs in": func(_ *testing.T, _ *webtest.Provider, b *webtest.Browser) {
			b.Authorize(codeRequest("prompt", "login")).SignIn("rory", rorysPassword)
		},
		"consumer deleted": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser) {
			sub := webtest.Query[string](p, "select sub from consumers where username = 'amelia'")
			p.Call(p.APIKey(nil, op.ScopeConsumersWrite), http.MethodDelete, "/consumers/"+sub, nil).Want(http.StatusNoContent)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rp := newReceiver(t, nil)
			p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
			b := amelia(t, p)
			_, idToken := use(t, p, b, "shop")
			end(t, p, b)
			wantLogoutToken(t, p, "shop", rp.wait(t, 1)[0], idToken)
		})
	}
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		rp := newReceiver(t, nil)
		p := webtest.Start(t, func(o *web.Options) { o.SessionIdle = time.Minute }, brand, listener("shop", rp.URL))
		use(t, p, amelia(t, p), "shop")
		p.Advance(2 * time.Minute)
		if _, err := p.Store.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		left := webtest.Query[int](p, "select count(*)::int from session_clients") + pendingNotices(p)
		if left != 0 || len(rp.received(t)) != 0 {
			t.Errorf("%d rows are left, and %d were told", left, len(rp.received(t)))
		}
	})
	t.Run("same person signs in again", func(t *testing.T) {
		t.Parallel()
		rp := newReceiver(t, nil)
		p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
		b := amelia(t, p)
		use(t, p, b, "shop")
		b.Authorize(codeRequest("prompt", "login")).SignIn("amelia", ameliasPassword)
		if notes := webtest.Query[int](p, "select count(*)::int from session_clients"); notes != 1 || pendingNotices(p) != 0 {
			t.Errorf("%d notes, %d notices", notes, pendingNotices(p))
		}
		b.Get("/end_session").Submit("sign-out", nil)
		rp.wait(t, 1)
	})
}

// A logout token is no ID token, wherever one is taken.
//
//security:2-logout-token 26-forged
func TestLogoutTokenIsNoHint(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, nil)
	p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
	b := amelia(t, p)
	use(t, p, b, "shop")
	b.Get("/end_session").Submit("sign-out", nil)
	token := rp.wait(t, 1)[0]
	b = amelia(t, p)
	wantError(t, b.Authorize(implicitRequest("prompt", "none", "id_token_hint", token)), "invalid_request")
	if page := endSession(b, "id_token_hint", token); page.Status != http.StatusBadRequest || page.Element("confirm") == nil {
		t.Errorf("status %d", page.Status)
	}
	if page := userinfo(b, token); page.Status != http.StatusUnauthorized {
		t.Errorf("userinfo: status %d", page.Status)
	}
}

// The first use of a session by a client with a logout address writes one row.
func TestCostOfClientsWithLogoutAddress(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, listener("shop", "http://localhost:1/"), listener("club", "http://localhost:1/"))
	request := func(client string, pairs ...string) []string {
		return append([]string{"client_id", client, "redirect_uri", "https://" + client + ".brand.example/cb"}, pairs...)
	}
	b := amelia(t, p)
	p.Counts.Take()
	silent(t, b, implicitRequest(request("shop")...))
	wantCost(t, p, "authorize with a session, id_token, first use", 2, 1)
	silent(t, b, implicitRequest(request("shop")...))
	wantCost(t, p, "authorize with a session, id_token, later", 1, 0)
	silent(t, b, codeRequest(request("club")...))
	wantCost(t, p, "authorize with a session, code, first use", 3, 2)
	silent(t, b, codeRequest(request("club")...))
	wantCost(t, p, "authorize with a session, code, later", 2, 1)
	page := p.Browser(t).Authorize(implicitRequest(request("shop")...))
	p.Counts.Take()
	page.SignIn("amelia", ameliasPassword)
	wantCost(t, p, "password right", 3, 3)
}

//security:26-missed
func TestTokenIssuedDuringSignOutIsTold(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, nil)
	p := webtest.Start(t, nil, strings.ReplaceAll(brand, "client_id: site\n", "client_id: site\n    backchannel_logout_uri: "+rp.URL+"\n"))
	b := p.Browser(t)
	b.Authorize(codeRequest("client_id", "site2", "redirect_uri", "https://www.brand.example/cb2")).SignIn("amelia", ameliasPassword)
	b2, out := b.For(t), b.Get("/end_session")
	var answer, signedOut *webtest.Page
	race(t, p, func() { answer = b2.Authorize(implicitRequest()) }, func() { signedOut = out.Submit("sign-out", nil) })
	if signedOut.Status != http.StatusOK {
		t.Fatal(signedOut.Status)
	}
	if answer.Answer().Get("id_token") != "" {
		rp.wait(t, 1)
	} else {
		wantError(t, answer, "login_required")
	}
}

func TestSessionClientOfAnEndedSession(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	err := p.Store.NoteClient(t.Context(), 1<<40, webtest.Query[int64](p, "select id from clients where client_id = 'site'"))
	if !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
}
