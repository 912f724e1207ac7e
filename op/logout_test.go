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
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if typ := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]; typ != "logout+jwt" {
		t.Errorf("typ %v", typ)
	}
	ctx := oidc.ClientContext(t.Context(), p.Browser(t).Client)
	verifier := oidc.NewVerifier(p.Issuer, oidc.NewRemoteKeySet(ctx, p.Address+"/jwks.json"), &oidc.Config{ClientID: client, Now: p.Now})
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

func TestConformanceOfBackChannelLogoutOP(t *testing.T) {
	t.Parallel()
	t.Run("oidcc-backchannel-logout-discovery-endpoint-verification", func(t *testing.T) {
		t.Parallel()
		p := webtest.Start(t, nil, brand)
		var metadata map[string]any
		if err := json.Unmarshal([]byte(p.Browser(t).Get("/.well-known/openid-configuration").Body), &metadata); err != nil {
			t.Fatal(err)
		}
		if metadata["backchannel_logout_supported"] != true || metadata["backchannel_logout_session_supported"] != true ||
			metadata["end_session_endpoint"] != p.Issuer+"/end_session" {
			t.Errorf("metadata %v", metadata)
		}
	})
	t.Run("oidcc-backchannel-rp-initiated-logout", func(t *testing.T) {
		t.Parallel()
		rp := newReceiver(t, nil)
		p := webtest.Start(t, nil, brand, listener("shop", rp.URL+"/logout"))
		b := amelia(t, p)
		hint, idToken := use(t, p, b, "shop")
		const bye = "https://shop.brand.example/bye"
		wantRedirect(t, endSession(b, "id_token_hint", hint, "post_logout_redirect_uri", bye, "state", "st"), bye+"?state=st")
		wantLogoutToken(t, p, "shop", rp.wait(t, 1)[0], idToken)
		wantSignedOut(t, b)
		webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
	})
}

//security:2-logout-token
func TestSignOutTellsEveryClientOfTheSession(t *testing.T) {
	t.Parallel()
	shop, club, unused := newReceiver(t, nil), newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent) // as some frameworks do for an empty answer
	}), newReceiver(t, nil)
	p := webtest.Start(t, nil, brand, listener("shop", shop.URL), listener("club", club.URL), listener("unused", unused.URL), `
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
	redeemed := tokens(t, redeemAs(b, "club", "secret-of-club-0123456789-0123456789", params("grant_type", "authorization_code",
		"redirect_uri", "https://club.brand.example/cb", "code",
		silent(t, b, codeRequest("client_id", "club", "redirect_uri", "https://club.brand.example/cb")).Get("code"))))
	clubs := claims(t, p, "club", redeemed.IDToken)
	use(t, p, other, "shop")
	connectors := claims(t, p, "connector", tokens(t, fromPage(t, b, "connector", messagingOrigin)).IDToken)

	b.Get("/end_session").Submit("sign-out", nil)
	wantLogoutToken(t, p, "shop", shop.wait(t, 1)[0], shops)
	wantLogoutToken(t, p, "club", club.wait(t, 1)[0], clubs)
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
			p.Exec("delete from consumers where username = 'amelia'")
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

// A receiver that fails is tried again, with growing waits and a token made afresh,
// and the browser has not waited for any of it.
func TestFailedDeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t, nil)
	rp := newReceiver(t, func(attempt int, w http.ResponseWriter, r *http.Request) {
		switch attempt {
		case 1:
			http.Error(w, "secret words of the receiver", http.StatusInternalServerError)
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case 4:
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	p := webtest.Start(t, nil, brand, listener("shop", rp.URL+"/?"))
	b := amelia(t, p)
	_, idToken := use(t, p, b, "shop")
	b.Get("/end_session").Submit("sign-out", nil)
	seen := map[string]bool{}
	wait := 10 * time.Second
	for attempt := 1; attempt <= 5; attempt++ {
		tokens := rp.wait(t, attempt)
		seen[wantLogoutToken(t, p, "shop", tokens[attempt-1], idToken)] = true
		if attempt == 5 {
			break
		}
		webtest.Eventually(t, "the failure is logged", func() bool {
			return strings.Count(p.Log.String(), "a sign-out was not delivered, and is tried again") == attempt
		})
		due := webtest.Query[float64](p, "select extract(epoch from next_at - idp_now())::float8 from logout_notices")
		if due < (wait-5*time.Second).Seconds() || due > wait.Seconds() {
			t.Errorf("after attempt %d the next is due in %v s, want %v", attempt, due, wait)
		}
		p.Advance(wait)
		wait *= 2
	}
	if len(seen) != 5 {
		t.Errorf("%d different tokens in 5 attempts", len(seen))
	}
	webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
	if n := len(elsewhere.received(t)); n != 0 {
		t.Error("a redirect was followed")
	}
	if log := p.Log.String(); strings.Contains(log, "secret words") || strings.Contains(log, idToken["sid"].(string)) { //nolint:forcetypeassert // a text
		t.Error("the log has what the receiver said, or a sid")
	}
}

// A receiver that never takes anything is given up in the end.
func TestDeliveryEnds(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
	b := amelia(t, p)
	use(t, p, b, "shop")
	b.Get("/end_session").Submit("sign-out", nil)
	rp.wait(t, 1)
	p.Advance(23*time.Hour + 30*time.Minute)
	rp.wait(t, 2)
	p.Exec("update logout_notices set attempts = 20, next_at = idp_now()")
	rp.wait(t, 3)
	webtest.Eventually(t, "it is given up", func() bool { return strings.Contains(p.Log.String(), "is not tried again") })
	p.Advance(time.Hour)
	if _, err := p.Store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := pendingNotices(p); n != 0 {
		t.Errorf("%d notices are left", n)
	}
}

// What was not delivered when its process ended is delivered by another.
func TestDeliverySurvivesTheProcess(t *testing.T) {
	t.Parallel()
	t.Run("ended before", func(t *testing.T) {
		t.Parallel()
		rp := newReceiver(t, nil)
		p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
		b := amelia(t, p)
		_, idToken := use(t, p, b, "shop")
		p.StopRunning()
		b.Get("/end_session").Submit("sign-out", nil)
		if len(rp.received(t)) != 0 || pendingNotices(p) != 1 {
			t.Fatal("delivered by a provider that does not run")
		}
		p.Another()
		wantLogoutToken(t, p, "shop", rp.wait(t, 1)[0], idToken)
	})
	t.Run("ended during", func(t *testing.T) {
		t.Parallel()
		arrived := make(chan struct{})
		rp := newReceiver(t, func(attempt int, _ http.ResponseWriter, r *http.Request) {
			if attempt == 1 {
				close(arrived)
				<-r.Context().Done()
			}
		})
		p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
		b := amelia(t, p)
		_, idToken := use(t, p, b, "shop")
		b.Get("/end_session").Submit("sign-out", nil)
		<-arrived
		p.StopRunning()
		p.Another()
		p.Advance(10 * time.Second)
		wantLogoutToken(t, p, "shop", rp.wait(t, 2)[1], idToken)
		webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
	})
}

// Several instances share the work, and none of it is done twice.
func TestInstancesShareDeliveries(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, nil)
	p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
	p.StopRunning()
	const n = 40
	p.Exec(fmt.Sprintf(`insert into logout_notices (client_id, sid, sub, expires_at)
		select id, 'sid-' || n, 'sub', idp_now() + interval '1 day' from clients, generate_series(1, %d) n where client_id = 'shop'`, n))
	p.Another()
	p.Another()
	rp.wait(t, n)
	webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
	rp.wait(t, n)
}

// A client that does not answer keeps nobody else's notices waiting.
func TestSlowReceiverHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	slow := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(done) })
	quick := newReceiver(t, nil)
	p := webtest.Start(t, nil, brand, listener("slow", slow.URL), listener("quick", quick.URL))
	first, second := amelia(t, p), amelia(t, p)
	use(t, p, first, "slow")
	use(t, p, second, "quick")
	first.Get("/end_session").Submit("sign-out", nil)
	slow.wait(t, 1)
	second.Get("/end_session").Submit("sign-out", nil)
	quick.wait(t, 1)
	if n := len(slow.received(t)); n != 1 {
		t.Errorf("%d attempts at the slow one", n)
	}
}

// The provider calls no address that only it can reach: the issuer here is not on
// loopback, so that the receiver's is refused.
func TestLogoutAddressesThatAreNotPublic(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, nil)
	p := webtest.Start(t, func(o *web.Options) { o.Issuer = "https://id.brand.example" }, brand, listener("shop", "https://localhost:1/logout"))
	for _, address := range []string{rp.URL, strings.Replace(rp.URL, "http:", "https:", 1)} {
		p.Exec(`update clients set metadata = jsonb_set(metadata, '{backchannel_logout_uri}', to_jsonb($1::text)) where client_id = 'shop'`, address)
		p.Exec(`insert into logout_notices (client_id, sid, sub, expires_at) select id, 'sid', 'sub', idp_now() + interval '1 day' from clients where client_id = 'shop'`)
	}
	p.Reload()
	webtest.Eventually(t, "it is refused", func() bool { return strings.Contains(p.Log.String(), "not a public one") })
	if len(rp.received(t)) != 0 {
		t.Error("it was called")
	}
}

// A logout token is no ID token, wherever one is taken.
//
//security:2-logout-token
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
