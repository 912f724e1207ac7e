package op_test

import (
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

const retrySecret = "secret-of-retrying-0123456789-0123456789"

// retryBrand has a connector whose codes are answered again.
const retryBrand = `
clients:
  - client_id: retrying
    client_secret: secret-of-retrying-0123456789-0123456789
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://liveperson.net]
    conversational_cloud: {variant: rfc, code_retry: true}
`

// retryGrant is the token request of the connector for a code.
func retryGrant(code string) url.Values {
	return params("grant_type", "authorization_code", "redirect_uri", window, "code", code, "code_verifier", verifier)
}

func retryRequest() url.Values {
	return challenged(windowRequest("client_id", "retrying", "response_type", "code"))
}

//contract:2.5-retry
//security:24-retry-late
func TestCodeIsAnsweredAgainForALostResponse(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, retryBrand)
	b := amelia(t, p)
	code := silent(t, b, retryRequest()).Get("code")
	p.Counts.Take()
	first := tokens(t, redeemAs(b, "retrying", retrySecret, retryGrant(code)))
	wantCost(t, p, "token by code, with code_retry", 1, 1)
	p.Advance(9 * time.Second)
	again := tokens(t, redeemAs(b, "retrying", retrySecret, retryGrant(code)))
	if again.AccessToken != first.AccessToken || again.Scope != first.Scope || again.ExpiresIn < 3585 || again.ExpiresIn > 3591 {
		t.Errorf("first %+v, again %+v", first, again)
	}
	one, two := claims(t, p, "retrying", first.IDToken), claims(t, p, "retrying", again.IDToken)
	if one["sub"] != two["sub"] || one["sid"] != two["sid"] || one["at_hash"] != two["at_hash"] || one["auth_time"] != two["auth_time"] {
		t.Errorf("claims %v, again %v", one, two)
	}
	if page := userinfo(b, first.AccessToken); page.Status != http.StatusOK {
		t.Errorf("userinfo: status %d", page.Status)
	}
	if n := webtest.Query[int](p, "select count(*) from access_tokens"); n != 1 {
		t.Errorf("%d access tokens", n)
	}
	// The time counts from the first use. Later it is a replay, which ends the token.
	p.Advance(2 * time.Second)
	wantWire(t, redeemAs(b, "retrying", retrySecret, retryGrant(code)), http.StatusBadRequest, "invalid_grant")
	if page := userinfo(b, first.AccessToken); page.Status != http.StatusUnauthorized {
		t.Errorf("userinfo after a replay: status %d", page.Status)
	}
}

func TestRetriesAtOnceGetOneToken(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, retryBrand)
	b := amelia(t, p)
	code := silent(t, b, retryRequest()).Get("code")
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		given = map[string]bool{}
	)
	for range 16 {
		group.Go(func() {
			token := tokens(t, redeemAs(b, "retrying", retrySecret, retryGrant(code)))
			mu.Lock()
			defer mu.Unlock()
			given[token.AccessToken] = true
		})
	}
	group.Wait()
	if len(given) != 1 {
		t.Errorf("%d access tokens, want 1", len(given))
	}
}

// TestRetriesAreForTheSameClientAndVerifier: whoever else presents a used code
// gets nothing, and ends nothing.
//
//contract:2.5-retry
//security:24-retry
func TestRetriesAreForTheSameClientAndVerifier(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, retryBrand)
	b := amelia(t, p)
	code := silent(t, b, retryRequest()).Get("code")
	grant := retryGrant(code)
	wantSealed := func(want int) {
		t.Helper()
		if n := webtest.Query[int](p, "select count(*) from authorization_codes where retry_sealed is not null"); n != want {
			t.Errorf("%d codes keep their answer, want %d", n, want)
		}
	}
	first := tokens(t, redeemAs(b, "retrying", retrySecret, grant))
	wantSealed(1)
	wantWire(t, redeemAs(b, "retrying", "wrong", grant), http.StatusUnauthorized, "invalid_client")
	wantWire(t, redeemAs(b, "messaging-code", messagingSecret, grant), http.StatusBadRequest, "invalid_grant")
	wantWire(t, redeemAs(b, "retrying", retrySecret, with(grant, "code_verifier", "")), http.StatusBadRequest, "invalid_grant")
	wantWire(t, redeemAs(b, "retrying", retrySecret, with(grant, "code_verifier", verifier+"x")), http.StatusBadRequest, "invalid_grant")
	if page := userinfo(b, first.AccessToken); page.Status != http.StatusOK {
		t.Errorf("userinfo after strangers: status %d", page.Status)
	}
	if again := tokens(t, redeemAs(b, "retrying", retrySecret, grant)); again.AccessToken != first.AccessToken {
		t.Error("strangers have ended the retry")
	}
	// Another address than the code was for is no retry.
	wantWire(t, redeemAs(b, "retrying", retrySecret, with(grant, "redirect_uri", "https://liveperson.net")), http.StatusBadRequest, "invalid_grant")
	wantSealed(0)

	// Nor are the codes of who may not, or without a challenge.
	code = silent(t, b, with(retryRequest(), "code_challenge", "", "code_challenge_method", "")).Get("code")
	grant = with(retryGrant(code), "code_verifier", "")
	tokens(t, redeemAs(b, "retrying", retrySecret, grant))
	wantSealed(0)
	wantWire(t, redeemAs(b, "retrying", retrySecret, grant), http.StatusBadRequest, "invalid_grant")
	code = silent(t, b, challenged(windowRequest("client_id", "messaging-code", "response_type", "code"))).Get("code")
	tokens(t, redeemAs(b, "messaging-code", messagingSecret, retryGrant(code)))
	wantSealed(0)
	wantWire(t, redeemAs(b, "messaging-code", messagingSecret, retryGrant(code)), http.StatusBadRequest, "invalid_grant")
}

//security:20-marked 24-retry-late
func TestNoRetryForWhoIsGone(t *testing.T) {
	t.Parallel()
	for name, sql := range map[string]string{
		"disabled":       "update consumers set disabled = true where username = 'amelia'",
		"token revoked":  "delete from access_tokens",
		"session's end":  "update authorization_codes set session_ends_at = idp_now()",
		"kept no answer": "update authorization_codes set retry_sealed = null",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, nil, brand, retryBrand)
			b := amelia(t, p)
			code := silent(t, b, retryRequest()).Get("code")
			tokens(t, redeemAs(b, "retrying", retrySecret, retryGrant(code)))
			p.Exec(sql)
			wantWire(t, redeemAs(b, "retrying", retrySecret, retryGrant(code)), http.StatusBadRequest, "invalid_grant")
		})
	}
}
