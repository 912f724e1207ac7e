package op_test

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// challengeOf is the S256 code_challenge of a verifier (RFC 7636 4.2).
func challengeOf(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

const verifier = "verifier-verifier-verifier-verifier-verifier-0123456789"

// challenged adds a challenge to a request.
func challenged(request url.Values) url.Values {
	return with(request, "code_challenge", challengeOf(verifier), "code_challenge_method", "S256")
}

//contract:2.5-single-use
//defect:1-race 1-reuse
//security:24-reuse
func TestParallelRedemptionsOfOneCodeHaveOneSuccess(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for range 5 {
		code := silent(t, b, codeRequest()).Get("code")
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			won   []tokenAnswer
		)
		for range 16 {
			group.Go(func() {
				page := redeem(b, code)
				mu.Lock()
				defer mu.Unlock()
				if page.Status == http.StatusOK {
					won = append(won, tokens(t, page))
					return
				}
				wantWire(t, page, http.StatusBadRequest, "invalid_grant")
			})
		}
		group.Wait()
		if len(won) != 1 {
			t.Fatalf("%d successes, want 1", len(won))
		}
		if page := userinfo(b, won[0].AccessToken); page.Status != http.StatusUnauthorized {
			t.Errorf("the access token of a reused code: status %d, want 401", page.Status)
		}
	}
}

func TestCodeLivesForSixtySeconds(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	code := silent(t, b, codeRequest()).Get("code")
	p.Advance(58 * time.Second)
	tokens(t, redeem(b, code))
	code = silent(t, b, codeRequest()).Get("code")
	p.Advance(60 * time.Second)
	wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant")
}

//security:21-in-use
func TestCodeOfASessionThatHasEnded(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	p.Exec("update sessions set ends_at = idp_now() + interval '10 seconds'")
	code := silent(t, b, codeRequest()).Get("code")
	p.Advance(11 * time.Second)
	wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant")
}

//contract:2.6-verifier
//defect:1-without-verifier 6-verifier
//security:7-other-address 8-added-verifier 8-stolen-code
func TestCodeIsBoundToClientAddressAndVerifier(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	grant := params("grant_type", "authorization_code", "redirect_uri", siteCallback)
	code := silent(t, b, challenged(codeRequest())).Get("code")
	refused := func(name string, page *webtest.Page) {
		t.Helper()
		if page.Status != http.StatusBadRequest || decode(t, page).Error != "invalid_grant" {
			t.Errorf("%s: %d %s", name, page.Status, page.Body)
		}
	}
	refused("another client", redeemAs(b, "site2", site2Secret, with(grant, "code", code, "code_verifier", verifier)))
	refused("another address of the client", redeem(b, code, "code_verifier", verifier, "redirect_uri", siteCallback+"?a=1&b=%2F"))
	refused("no verifier", redeem(b, code))
	refused("another verifier", redeem(b, code, "code_verifier", verifier+"x"))
	refused("the challenge as the verifier", redeem(b, code, "code_verifier", challengeOf(verifier)))
	refused("a short verifier", redeem(b, code, "code_verifier", verifier[:42]))
	refused("a long verifier", redeem(b, code, "code_verifier", strings.Repeat("v", 129)))
	refused("a part of the code", redeem(b, code[:42], "code_verifier", verifier))
	wantWire(t, redeem(b, code, "code_verifier", verifier, "redirect_uri", ""), http.StatusBadRequest, "invalid_request")
	tokens(t, redeem(b, code, "code_verifier", verifier))

	code = silent(t, b, codeRequest()).Get("code")
	refused("a verifier for a code without a challenge", redeem(b, code, "code_verifier", verifier))
	tokens(t, redeem(b, code))
}

//security:24-code
func TestStrangersBurnNoCodeAndEndNoToken(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	code := silent(t, b, challenged(codeRequest())).Get("code")
	form := params("grant_type", "authorization_code", "redirect_uri", siteCallback, "code", code, "code_verifier", verifier)
	strangers := func() {
		t.Helper()
		wantWire(t, redeemAs(b, "site", "wrong", form), http.StatusUnauthorized, "invalid_client")
		wantWire(t, redeemAs(b, "site2", site2Secret, form), http.StatusBadRequest, "invalid_grant")
		wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant") // the code without its verifier
	}
	strangers()
	token := tokens(t, redeem(b, code, "code_verifier", verifier))
	strangers()
	if page := userinfo(b, token.AccessToken); page.Status != http.StatusOK {
		t.Errorf("userinfo after strangers have tried the used code: status %d", page.Status)
	}
	wantWire(t, redeem(b, code, "code_verifier", verifier), http.StatusBadRequest, "invalid_grant")
	if page := userinfo(b, token.AccessToken); page.Status != http.StatusUnauthorized {
		t.Errorf("userinfo after the client has used the code again: status %d", page.Status)
	}
}

//contract:2.6-s256
//defect:1-public-without-challenge 6-challenge-method
//security:8-left-out 8-plain
func TestPKCEAtTheAuthorizationEndpoint(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	page := codeRequest("client_id", "page", "redirect_uri", "https://page.brand.example/cb")
	hardened := codeRequest("client_id", "hardened", "redirect_uri", "https://hardened.brand.example/cb")
	for name, request := range map[string]url.Values{
		"public client without a challenge":        page,
		"require_pkce without a challenge":         hardened,
		"challenge without a method":               codeRequest("code_challenge", challengeOf(verifier)),
		"plain":                                    codeRequest("code_challenge", verifier, "code_challenge_method", "plain"),
		"plain for a public client":                with(page, "code_challenge", verifier, "code_challenge_method", "plain"),
		"method in lower case":                     codeRequest("code_challenge", challengeOf(verifier), "code_challenge_method", "s256"),
		"method without a challenge":               codeRequest("code_challenge_method", "S256"),
		"short challenge":                          codeRequest("code_challenge", challengeOf(verifier)[:42], "code_challenge_method", "S256"),
		"challenge with signs that are not base64": codeRequest("code_challenge", strings.Repeat("+", 43), "code_challenge_method", "S256"),
	} {
		t.Run(name, func(t *testing.T) { wantError(t, b.Authorize(request), "invalid_request") })
	}
	answer := silent(t, b, challenged(page))
	form := params("grant_type", "authorization_code", "client_id", "page", "redirect_uri", "https://page.brand.example/cb", "code", answer.Get("code"))
	wantWire(t, b.Post("/token", form), http.StatusBadRequest, "invalid_grant")
	tokens(t, b.Post("/token", with(form, "code_verifier", verifier)))
	if silent(t, b, challenged(hardened)).Get("code") == "" {
		t.Error("require_pkce with a challenge: no code")
	}
}
