package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// refreshBrand has a client of each kind that gets refresh tokens.
const refreshBrand = `
clients:
  - client_id: portal
    client_name: Portal
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://portal.brand.example/cb]
    grant_types: [authorization_code, refresh_token]
  - client_id: portal2
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://portal.brand.example/cb]
    grant_types: [authorization_code, refresh_token]
  - client_id: mobile
    application_type: native
    token_endpoint_auth_method: none
    redirect_uris: [https://portal.brand.example/cb]
    grant_types: [authorization_code, refresh_token]
    refresh_token_lifetime: 60d
  - client_id: delegating
    client_name: Delegating
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://liveperson.net]
    grant_types: [authorization_code, refresh_token]
    conversational_cloud: {variant: rfc, account_id: "12345678", code_retry: true}
`

const (
	portalSecret   = "secret-of-portal-0123456789-0123456789"
	portalCallback = "https://portal.brand.example/cb"
)

// startRefresh has a grace of a minute, which leaves a slow machine room to try what
// has to happen within it.
func startRefresh(t *testing.T) *webtest.Provider {
	t.Helper()
	return webtest.Start(t, func(o *web.Options) { o.RefreshGrace = time.Minute }, brand, refreshBrand)
}

// portalRequest is the portal's authorization request for a grant that lasts.
func portalRequest(pairs ...string) url.Values {
	return with(params("client_id", "portal", "response_type", "code", "scope", "openid email offline_access",
		"redirect_uri", portalCallback, "state", "st", "nonce", "no"), pairs...)
}

// delegatingRequest is what Conversational Cloud asks: openid alone.
func delegatingRequest(pairs ...string) url.Values {
	return with(windowRequest("client_id", "delegating", "response_type", "code"), pairs...)
}

func redeemPortal(b *webtest.Browser, code string) *webtest.Page {
	return redeemAs(b, "portal", portalSecret, params("grant_type", "authorization_code", "redirect_uri", portalCallback, "code", code))
}

// granted gives the tokens of a new grant of the portal's.
func granted(t *testing.T, b *webtest.Browser, pairs ...string) tokenAnswer {
	t.Helper()
	token := tokens(t, redeemPortal(b, silent(t, b, portalRequest(pairs...)).Get("code")))
	if token.RefreshToken == "" {
		t.Fatalf("no refresh token: %+v", token)
	}
	return token
}

// delegated gives the tokens of a new grant of the connector's.
func delegated(t *testing.T, b *webtest.Browser) tokenAnswer {
	t.Helper()
	code := silent(t, b, delegatingRequest()).Get("code")
	token := tokens(t, redeemAs(b, "delegating", portalSecret, params("grant_type", "authorization_code", "redirect_uri", window, "code", code)))
	if token.RefreshToken == "" {
		t.Fatalf("no refresh token: %+v", token)
	}
	return token
}

func refreshGrant(token string, pairs ...string) url.Values {
	return with(params("grant_type", "refresh_token", "refresh_token", token), pairs...)
}

func refresh(b *webtest.Browser, token string, pairs ...string) *webtest.Page {
	return redeemAs(b, "portal", portalSecret, refreshGrant(token, pairs...))
}

func refreshDelegated(b *webtest.Browser, token string) *webtest.Page {
	return redeemAs(b, "delegating", portalSecret, refreshGrant(token))
}

// wantRefused checks that a refresh token is not, or no more, good.
func wantRefused(t *testing.T, page *webtest.Page) {
	t.Helper()
	wantWire(t, page, http.StatusBadRequest, "invalid_grant")
}

// wantAccess checks whether an access token is alive.
func wantAccess(t *testing.T, b *webtest.Browser, accessToken string, status int) {
	t.Helper()
	if page := userinfo(b, accessToken); page.Status != status {
		t.Errorf("userinfo: status %d, want %d\n%s", page.Status, status, page.Body)
	}
}

func TestRefreshTokensRotate(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	p.Counts.Take()
	code := silent(t, b, portalRequest()).Get("code")
	p.Counts.Take()
	first := tokens(t, redeemPortal(b, code))
	wantCost(t, p, "token by code, with a refresh token", 1, 1)
	if first.Scope != "openid email offline_access" {
		t.Errorf("scope %q", first.Scope)
	}
	p.Advance(time.Hour + time.Minute)
	wantAccess(t, b, first.AccessToken, http.StatusUnauthorized)
	p.Counts.Take()
	second := tokens(t, refresh(b, first.RefreshToken))
	wantCost(t, p, "token by refresh", 1, 1)
	if second.RefreshToken == "" || second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken ||
		second.TokenType != "Bearer" || second.ExpiresIn != 3600 || second.Scope != first.Scope {
		t.Errorf("first %+v, second %+v", first, second)
	}
	wantAccess(t, b, second.AccessToken, http.StatusOK)
	third := tokens(t, refresh(b, second.RefreshToken))
	wantAccess(t, b, third.AccessToken, http.StatusOK)
	tokens(t, refresh(p.Another().Browser(t), third.RefreshToken))
	wantAccess(t, b, second.AccessToken, http.StatusOK) // it lives out its time
	if n := webtest.Query[int](p, "select count(*) from refresh_families"); n != 1 {
		t.Errorf("%d rows of one family", n)
	}
}

func TestWhoGetsARefreshToken(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := tokens(t, redeemPortal(b, silent(t, b, portalRequest("scope", "openid")).Get("code")))
	if token.RefreshToken != "" {
		t.Error("a refresh token without offline_access")
	}
	token = tokens(t, redeem(b, silent(t, b, codeRequest("scope", "openid offline_access")).Get("code")))
	if token.RefreshToken != "" || token.Scope != "openid" {
		t.Errorf("without the grant: %+v", token)
	}
	if token = delegated(t, b); token.Scope != "openid" {
		t.Errorf("delegation: %+v", token)
	}
	// Any number of grants, each with a family of its own.
	one, two := granted(t, b), granted(t, b)
	tokens(t, refresh(b, one.RefreshToken))
	tokens(t, refresh(b, two.RefreshToken))
	if n := webtest.Query[int](p, "select count(*) from refresh_families"); n != 3 {
		t.Errorf("%d families, want 3", n)
	}
}

func TestPublicClientsRotateToo(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	code := silent(t, b, challenged(portalRequest("client_id", "mobile"))).Get("code")
	as := func(form url.Values) *webtest.Page { return b.Post("/token", with(form, "client_id", "mobile")) }
	token := tokens(t, as(params("grant_type", "authorization_code", "redirect_uri", portalCallback, "code", code, "code_verifier", verifier)))
	p.Advance(45 * 24 * time.Hour) // 30 days are the default, and the session's
	next := tokens(t, as(refreshGrant(token.RefreshToken)))
	if next.RefreshToken == token.RefreshToken {
		t.Error("the refresh token of a public client was not rotated")
	}
	p.Advance(15 * 24 * time.Hour)
	wantRefused(t, as(refreshGrant(next.RefreshToken)))
}

// TestALostResponseIsGivenAgain: the same successor within the grace, which counts
// from the first use and is never extended.
//
//security:22-replay 22-grace
func TestALostResponseIsGivenAgain(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	first := tokens(t, refresh(b, token.RefreshToken))
	for n := range int64(2) {
		p.Advance(25 * time.Second)
		again := tokens(t, refresh(b, token.RefreshToken, "scope", "openid"))
		if again.RefreshToken != first.RefreshToken || again.AccessToken != first.AccessToken || again.Scope != first.Scope ||
			again.ExpiresIn > 3575-25*n || again.ExpiresIn < 3560-25*n {
			t.Errorf("first %+v, again %+v", first, again)
		}
		one, two := claims(t, p, "portal", first.IDToken), claims(t, p, "portal", again.IDToken)
		if one["sub"] != two["sub"] || one["sid"] != two["sid"] || one["at_hash"] != two["at_hash"] {
			t.Errorf("claims %v, again %v", one, two)
		}
	}
	if n := webtest.Query[int](p, "select count(*) from access_tokens where family_id is not null"); n != 2 {
		t.Errorf("%d access tokens of the family, want 2: of the code, and of one refresh", n)
	}
	p.Advance(10 * time.Second)
	wantRefused(t, refresh(b, token.RefreshToken))
	if !strings.Contains(p.Log.String(), "the grant has ended") {
		t.Errorf("the log does not tell of it:\n%s", p.Log)
	}
	wantRefused(t, refresh(b, first.RefreshToken)) // a replay has ended the family
	for _, accessToken := range []string{token.AccessToken, first.AccessToken} {
		wantAccess(t, b, accessToken, http.StatusUnauthorized)
	}
}

// TestAUsedSuccessorSilencesItsPredecessor: within the grace it ends nothing,
// after it everything.
//
//security:22-predecessor
func TestAUsedSuccessorSilencesItsPredecessor(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	first := tokens(t, refresh(b, token.RefreshToken))
	p.Advance(50 * time.Second)
	second := tokens(t, refresh(b, first.RefreshToken))
	wantRefused(t, refresh(b, token.RefreshToken))
	if again := tokens(t, refresh(b, first.RefreshToken)); again.RefreshToken != second.RefreshToken {
		t.Error("another successor")
	}
	wantAccess(t, b, second.AccessToken, http.StatusOK)
	// The grace of the first token is over; that of the one after it is not.
	p.Advance(15 * time.Second)
	if again := tokens(t, refresh(b, first.RefreshToken)); again.RefreshToken != second.RefreshToken {
		t.Error("another successor")
	}
	wantRefused(t, refresh(b, token.RefreshToken))
	wantRefused(t, refresh(b, second.RefreshToken))
	wantAccess(t, b, second.AccessToken, http.StatusUnauthorized)
}

// TestAnOldGenerationIsKnown: nothing is stored of it any more.
//
//security:22-replay
func TestAnOldGenerationIsKnown(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	newest := token
	for range 20 {
		newest = tokens(t, refresh(b, newest.RefreshToken))
	}
	wantRefused(t, refresh(b, token.RefreshToken))
	newest = tokens(t, refresh(b, newest.RefreshToken)) // it may have been a request on its way
	p.Advance(time.Minute)
	wantRefused(t, refresh(b, token.RefreshToken))
	wantRefused(t, refresh(b, newest.RefreshToken))
	if n := webtest.Query[int](p, "select (select count(*) from refresh_families) + (select count(*) from access_tokens where family_id is not null)"); n != 0 {
		t.Errorf("%d rows of an ended family", n)
	}
}

//security:22-branches
func TestRefreshesAtOnceGetOneSuccessor(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		given = map[string]bool{}
		last  tokenAnswer
	)
	for range 16 {
		group.Go(func() {
			answer := tokens(t, refresh(b, token.RefreshToken))
			mu.Lock()
			defer mu.Unlock()
			given[answer.RefreshToken+answer.AccessToken], last = true, answer
		})
	}
	group.Wait()
	if len(given) != 1 {
		t.Errorf("%d answers, want 1", len(given))
	}
	tokens(t, refresh(b, last.RefreshToken))
}

func TestRefreshWithoutGrace(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.RefreshGrace = 0 }, brand, refreshBrand)
	b := amelia(t, p)
	token := granted(t, b)
	next := tokens(t, refresh(b, token.RefreshToken))
	wantRefused(t, refresh(b, token.RefreshToken))
	wantRefused(t, refresh(b, next.RefreshToken))
}
