package op_test

import (
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

//security:22-scope
func TestScopeOfARefresh(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	for _, scope := range []string{"openid profile", "phone", "openid nonsense", "offline_access address"} {
		wantWire(t, refresh(b, token.RefreshToken, "scope", scope), http.StatusBadRequest, "invalid_scope")
	}
	less := tokens(t, refresh(b, token.RefreshToken, "scope", "openid"))
	if less.Scope != "openid" {
		t.Errorf("scope %q", less.Scope)
	}
	if info := userinfoClaims(t, userinfo(b, less.AccessToken), claims(t, p, "portal", less.IDToken)["sub"]); info["email"] != nil {
		t.Errorf("userinfo for openid alone: %v", info)
	}
	// The grant stays what it was.
	whole := tokens(t, refresh(b, less.RefreshToken))
	if whole.Scope != "openid email offline_access" {
		t.Errorf("scope %q", whole.Scope)
	}
	bare := tokens(t, refresh(b, whole.RefreshToken, "scope", "email"))
	if bare.Scope != "email" || bare.IDToken != "" {
		t.Errorf("without openid: %+v", bare)
	}
	// What the client may not have any more it does not get.
	p.Exec(`update clients set metadata = metadata || '{"scope": "openid offline_access"}'`)
	p.Reload()
	last := tokens(t, refresh(b, bare.RefreshToken))
	if last.Scope != "openid offline_access" {
		t.Errorf("scope %q", last.Scope)
	}
}

// TestLessScopeIsFewerClaims: a claim that was asked for by name goes with the scope
// that stands for it, and one beside the granted scopes stays.
//
//security:22-scope
func TestLessScopeIsFewerClaims(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b, "claims", `{"userinfo":{"email":null,"given_name":null},"id_token":{"email":null,"given_name":null}}`)
	check := func(name string, token tokenAnswer, email any) {
		t.Helper()
		all := claims(t, p, "portal", token.IDToken)
		if all["email"] != email || all["given_name"] != "Amelia" {
			t.Errorf("%s: ID token %v", name, all)
		}
		if info := userinfoClaims(t, userinfo(b, token.AccessToken), all["sub"]); info["email"] != email || info["given_name"] != "Amelia" {
			t.Errorf("%s: UserInfo %v", name, info)
		}
	}
	const email = "amelia@brand.example"
	check("by code", token, email)
	less := tokens(t, refresh(b, token.RefreshToken, "scope", "openid"))
	check("for less", less, nil)
	check("for less, given again", tokens(t, refresh(b, token.RefreshToken)), nil)
	check("for all", tokens(t, refresh(b, less.RefreshToken)), email)
}

// TestNothingLeftOfAScope: what a client may not have any more cannot be all that it
// gets.
//
//security:22-scope
func TestNothingLeftOfAScope(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	p.Exec(`update clients set metadata = metadata || '{"scope": "openid offline_access"}'`)
	p.Reload()
	wantWire(t, refresh(b, token.RefreshToken, "scope", "email"), http.StatusBadRequest, "invalid_scope")
	if last := tokens(t, refresh(b, token.RefreshToken, "scope", "openid email")); last.Scope != "openid" {
		t.Errorf("scope %q", last.Scope)
	}
}

// TestDiscoveryTellsOfRefreshTokens only where a client gets them.
func TestDiscoveryTellsOfRefreshTokens(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	for _, there := range []bool{false, true} {
		page := b.Get("/.well-known/openid-configuration")
		for _, name := range []string{`"refresh_token"`, `"offline_access"`} {
			if strings.Contains(page.Body, name) != there {
				t.Errorf("%s: want it there: %t\n%s", name, there, page.Body)
			}
		}
		p.Apply(refreshBrand)
	}
}

func TestOfflineAccessNeedsACode(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, `
clients:
  - client_id: portal
    client_secret: secret-of-portal-0123456789-0123456789
    redirect_uris: [https://portal.brand.example/cb]
    response_types: [code, id_token token]
    grant_types: [authorization_code, implicit, refresh_token]
`)
	b := amelia(t, p)
	if answer := silent(t, b, portalRequest("response_type", "id_token token")); answer.Get("scope") != "openid email" {
		t.Errorf("scope %q", answer.Get("scope"))
	}
}

func TestRefreshRequestsThatAreNone(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := granted(t, b)
	for name, page := range map[string]*webtest.Page{
		"no token":    redeemAs(b, "portal", portalSecret, params("grant_type", "refresh_token")),
		"two tokens":  b.Do(b.RawRequest("POST", "/token", "application/x-www-form-urlencoded", refreshGrant(token.RefreshToken).Encode()+"&refresh_token=x", "Authorization", basic("portal:"+portalSecret))),
		"in capitals": redeemAs(b, "portal", portalSecret, params("grant_type", "refresh_token", "Refresh_Token", token.RefreshToken)),
		"in the query": b.Do(b.RawRequest("POST", "/token?refresh_token="+token.RefreshToken, "application/x-www-form-urlencoded",
			"grant_type=refresh_token", "Authorization", basic("portal:"+portalSecret))),
	} {
		t.Log(name)
		wantWire(t, page, http.StatusBadRequest, "invalid_request")
	}
	tokens(t, refresh(b, token.RefreshToken))
	if strings.Contains(p.Log.String(), token.RefreshToken) {
		t.Error("a refresh token in the log")
	}
}

// TestAConnectorRefreshesInJSON, as it may redeem codes.
//
//contract:2.8-refresh 2.8-access-token
func TestAConnectorRefreshesInJSON(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := delegated(t, b)
	page := b.Do(b.RawRequest("POST", "/token", "application/json", asJSON(refreshGrant(token.RefreshToken, "client_id", "delegating", "client_secret", portalSecret))))
	next := tokens(t, page)
	if claims(t, p, "delegating", next.IDToken)["lp_sdes"] == nil || next.RefreshToken == "" || next.Scope != "openid" || next.ExpiresIn != 3600 {
		t.Errorf("answer %+v", next)
	}
}

//contract:2.5-retry
func TestACodeRetryGivesTheSameRefreshToken(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	code := silent(t, b, challenged(delegatingRequest())).Get("code")
	first := tokens(t, redeemAs(b, "delegating", portalSecret, retryGrant(code)))
	again := tokens(t, redeemAs(b, "delegating", portalSecret, retryGrant(code)))
	if first.RefreshToken == "" || again.RefreshToken != first.RefreshToken || again.AccessToken != first.AccessToken {
		t.Errorf("first %+v, again %+v", first, again)
	}
	tokens(t, refreshDelegated(b, first.RefreshToken))
}

// TestParallelRefreshesOverManyFamilies, with lost responses: no family is lost
// that followed the rules, and none survives a replay.
//
//security:22-replay 22-branches
func TestParallelRefreshesOverManyFamilies(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	const families, rounds, atOnce = 100, 5, 2 // 1,000 refreshes
	var (
		group         sync.WaitGroup
		first, newest [families]tokenAnswer
	)
	for i := range families {
		first[i] = granted(t, b)
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	for i := range families {
		group.Go(func() {
			network := rand.New(rand.NewPCG(seed, uint64(i)))
			lost := func() bool { return network.IntN(3) == 0 }
			newest[i] = first[i]
			for range rounds {
				answers := make(chan tokenAnswer, atOnce)
				var tabs sync.WaitGroup
				for range atOnce {
					tabs.Go(func() { answers <- tokens(t, refresh(b, newest[i].RefreshToken)) })
				}
				tabs.Wait()
				one, two := <-answers, <-answers
				if one.RefreshToken != two.RefreshToken {
					t.Error("two successors of one token")
				}
				for lost() { // both responses; and so may be that of the retry
					one = tokens(t, refresh(b, newest[i].RefreshToken))
				}
				if one.RefreshToken != two.RefreshToken {
					t.Error("another successor for a lost response")
				}
				newest[i] = one
			}
			wantAccess(t, b, newest[i].AccessToken, http.StatusOK)
		})
	}
	group.Wait()
	if n := webtest.Query[int](p, "select count(*) from refresh_families where generation = $1", rounds); n != families {
		t.Errorf("%d families with %d rotations, want %d", n, rounds, families)
	}
	p.Advance(time.Minute)
	for i := range families {
		group.Go(func() {
			if i%2 == 0 {
				tokens(t, refresh(b, newest[i].RefreshToken))
				return
			}
			wantRefused(t, refresh(b, first[i].RefreshToken))
			wantRefused(t, refresh(b, newest[i].RefreshToken))
			wantAccess(t, b, newest[i].AccessToken, http.StatusUnauthorized)
		})
	}
	group.Wait()
}

// TestTheDatabasesClockDecidesTheGrace: instances' clocks disagree by seconds.
//
//security:23-grace
func TestTheDatabasesClockDecidesTheGrace(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, refreshBrand) // 10 s
	b := amelia(t, p)
	token := granted(t, b)
	first := tokens(t, refresh(b, token.RefreshToken))
	p.AdvanceInstance(30 * time.Second)
	if again := tokens(t, refresh(b, token.RefreshToken)); again.RefreshToken != first.RefreshToken {
		t.Error("another successor")
	}
}

// TestRefreshTablesStayFlat: what has expired goes, and a sealed successor with its
// grace.
func TestRefreshTablesStayFlat(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token := tokens(t, refresh(b, granted(t, b).RefreshToken))
	rows := func() int {
		return webtest.Query[int](p, `select (select count(*) from refresh_families) + (select count(*) from refresh_successors)
			+ (select count(*) from access_tokens where family_id is not null)`)
	}
	if n := rows(); n != 4 { // family, successor, the code's access token and its own
		t.Errorf("%d rows at first", n)
	}
	p.Advance(time.Minute)
	sweep(t, p)
	if n := webtest.Query[int](p, "select count(*) from refresh_successors"); n != 0 {
		t.Errorf("%d successors after the grace", n)
	}
	p.Advance(time.Hour)
	sweep(t, p)
	if n := rows(); n != 1 {
		t.Errorf("%d rows after an hour, want the family", n)
	}
	tokens(t, refresh(b, token.RefreshToken))
	p.Advance(30 * 24 * time.Hour)
	sweep(t, p)
	if n := rows() + webtest.Query[int](p, "select count(*) from authorization_codes"); n != 0 {
		t.Errorf("%d rows after the end", n)
	}
}

// TestRefreshDuringSignOut: a token made while somebody signs out ends with the rest.
//
//security:20-signed-out
func TestRefreshDuringSignOut(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b, rp := amelia(t, p), p.Browser(t)
	token, out := delegated(t, b), b.Get("/end_session")
	var refreshed *webtest.Page
	race(t, p, func() { refreshed = refreshDelegated(rp, token.RefreshToken) }, func() { out.Submit("sign-out", nil) })
	if refreshed.Status == http.StatusOK {
		answer := decode(t, refreshed)
		wantAccess(t, rp, answer.AccessToken, http.StatusUnauthorized)
		wantRefused(t, refreshDelegated(rp, answer.RefreshToken))
	}
}

// TestReplayDuringARefresh: the token of the rotation under way ends with the family.
//
//security:22-replay
func TestReplayDuringARefresh(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b, rp := amelia(t, p), p.Browser(t)
	old := granted(t, b)
	newest := tokens(t, refresh(rp, old.RefreshToken))
	p.Advance(2 * time.Minute)
	var refreshed *webtest.Page
	race(t, p, func() { refreshed = refresh(rp, newest.RefreshToken) }, func() { wantRefused(t, refresh(rp, old.RefreshToken)) })
	if refreshed.Status == http.StatusOK {
		answer := decode(t, refreshed)
		wantAccess(t, rp, answer.AccessToken, http.StatusUnauthorized)
		wantRefused(t, refresh(rp, answer.RefreshToken))
	}
}

// TestCodeReuseDuringARefresh: the token of the rotation under way ends with the rest.
//
//security:24-reuse
func TestCodeReuseDuringARefresh(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b, rp := amelia(t, p), p.Browser(t)
	code := silent(t, b, portalRequest()).Get("code")
	token := tokens(t, redeemPortal(rp, code))
	var refreshed *webtest.Page
	race(t, p, func() { refreshed = refresh(rp, token.RefreshToken) }, func() { wantRefused(t, redeemPortal(rp, code)) })
	if refreshed.Status == http.StatusOK {
		answer := decode(t, refreshed)
		wantAccess(t, rp, answer.AccessToken, http.StatusUnauthorized)
		wantRefused(t, refresh(rp, answer.RefreshToken))
	}
}
