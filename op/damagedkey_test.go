package op_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// TestADamagedKeyIsItsOwnersAlone: an instance that starts with it signs nothing for
// that connector, by no other key either, and uses up no code of it. Everybody else goes
// on, and the log names the key.
func TestADamagedKeyIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, refreshBrand)
	kid := webtest.Query[string](p, "select kid from signing_keys where client_id = (select id from clients where client_id = 'delegating')")
	kept := webtest.Query[[]byte](p, "select private_sealed from signing_keys where kid = $1", kid)
	p.Exec("update signing_keys set private_sealed = substr(private_sealed, 1, 60) where kid = $1", kid)
	other := p.Another()
	b := amelia(t, other)
	code := silent(t, b, delegatingRequest()).Get("code")
	redeemDelegated := func() *webtest.Page {
		return redeemAs(b, "delegating", portalSecret, params("grant_type", "authorization_code", "redirect_uri", window, "code", code))
	}
	for range 2 {
		page := redeemDelegated()
		wantWire(t, page, http.StatusServiceUnavailable, "temporarily_unavailable")
		if page.Header.Get("Retry-After") == "" {
			t.Error("no Retry-After")
		}
	}
	tokens(t, redeem(b, silent(t, b, codeRequest()).Get("code")))
	silent(t, b, implicitRequest())
	if jwks := b.Get("/jwks/delegating.json"); !strings.Contains(jwks.Body, kid) {
		t.Errorf("key set: %s", jwks.Body)
	}
	if page := b.Get("/health/ready"); page.Status != http.StatusOK {
		t.Errorf("ready: status %d", page.Status)
	}
	if log := other.Log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "key="+kid) || !strings.Contains(log, "owner=delegating") {
		t.Errorf("the log does not name the key:\n%s", log)
	}
	p.Exec("update signing_keys set private_sealed = $2 where kid = $1", kid, kept)
	p.Exec("update changes set counter = counter + 1")
	webtest.Eventually(t, "it signs again", func() bool { return redeemDelegated().Status == http.StatusOK })
}

// TestADamagedPublicHalf keeps nobody from a new key, its owner neither.
func TestADamagedPublicHalf(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, refreshBrand)
	p.Exec(`update signing_keys set public_jwk = '{"kty":"RSA"}' where client_id = (select id from clients where client_id = 'delegating')`)
	for _, owner := range []string{"", "messaging", "delegating"} {
		newKey(t, p, owner)
	}
}
