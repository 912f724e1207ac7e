package op_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

func revokeKey(t *testing.T, p *webtest.Provider, kid string) *op.Revoked {
	t.Helper()
	revoked, err := op.RevokeKey(t.Context(), p.Store, keys.DefaultSettings(), op.LeakedKey{Audit: webtest.Operator, Kid: kid, Make: p.NewSigningKey})
	if err != nil {
		t.Fatal(err)
	}
	p.Reload()
	return revoked
}

// A key in a PKCS #11 token is revoked as one in the database is.
func TestLeakedKeyInATokenIsRevoked(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key, err := op.CreateKey(t.Context(), p.Store, op.NewKey{Audit: webtest.Operator, Make: func(alg string) (*storage.SigningKey, error) {
		made, err := p.NewSigningKey(alg)
		if err == nil {
			made.PrivateSealed, made.PrivateURI = nil, "pkcs11:token=idp;id=%01;type=private"
		}
		return made, err
	}})
	if err != nil {
		t.Fatal(err)
	}
	revokeKey(t, p, key.Kid)
	if state := webtest.Query[string](p, "select state || coalesce(private_uri, '') from signing_keys where kid = $1", key.Kid); state != keys.Deleted {
		t.Error(state)
	}
}

// Until every instance publishes the key in the place of a leaked one, nothing is signed,
// and by no key from before the leaked one: who holds that one pasted has no other, and
// its time in the key sets may be over.
func TestNoOlderKeySignsForALeakedOne(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	leaked := newKey(t, p, "")
	for _, step := range []keys.Step{keys.Publish, keys.Activate} {
		if err := stepKey(t, p, step, leaked, true); err != nil {
			t.Fatal(err)
		}
		p.Reload()
	}
	if got := kidOf(t, b); got != leaked {
		t.Fatalf("signed by %s", got)
	}
	behind := p.Another()
	behind.StopRunning()
	code := silent(t, b, codeRequest()).Get("code")
	revoked := revokeKey(t, p, leaked)
	wantWire(t, redeem(b, code), http.StatusServiceUnavailable, "temporarily_unavailable")
	behind.Reload()
	webtest.Eventually(t, "the next key signs", func() bool { return redeem(b, code).Status == http.StatusOK })
	if got := kidOf(t, b); got != revoked.Next.Kid {
		t.Errorf("signed by %s", got)
	}
}

// TestNothingOfALeakedKeyIsAccepted: whoever has the provider's key can sign as it.
func TestNothingOfALeakedKeyIsAccepted(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, backendBrand(t))
	b := amelia(t, p)
	before := tokens(t, redeemGateway(b, silent(t, b, gatewayRequest()).Get("code")))
	resource(t, p, before.AccessToken)
	leaked := kidsOf(t, p, "/jwks/gateway.json")[0]
	connectors := kidsOf(t, p, "/jwks/messaging.json")

	revoked := revokeKey(t, p, leaked[:10])
	if revoked.Key.Kid != leaked || revoked.Next == nil || revoked.Next.Kid == leaked {
		t.Fatalf("%+v", revoked)
	}
	var affected []string
	for _, client := range revoked.Affected {
		affected = append(affected, client.ClientID)
		if client.Paste != "" || !client.Until.After(p.Now()) || client.AccessTokens != (client.ClientID == "gateway" || client.ClientID == "silent-robot") {
			t.Errorf("%+v", client)
		}
	}
	if !slices.Contains(affected, "gateway") || slices.Contains(affected, "messaging") {
		t.Errorf("affected: %v", affected)
	}

	for _, path := range []string{"/jwks.json", "/jwks/gateway.json"} {
		if all := kidsOf(t, p, path); slices.Contains(all, leaked) || !slices.Contains(all, revoked.Next.Kid) {
			t.Errorf("%s: %v", path, all)
		}
	}
	if got := kidsOf(t, p, "/jwks/messaging.json"); !slices.Equal(got, connectors) {
		t.Errorf("a connector's keys: %v", got)
	}
	if page := userinfo(b, before.AccessToken); page.Status != http.StatusUnauthorized {
		t.Errorf("a JWT access token of the leaked key: status %d", page.Status)
	}
	if all := introspected(t, b, "api", before.AccessToken); all["active"] != false {
		t.Errorf("introspected: %v", all)
	}
	wantError(t, b.Authorize(gatewayRequest("prompt", "none", "id_token_hint", before.IDToken)), "invalid_request")

	// Nobody is signed out, and each client gets on by what no key forges.
	after := tokens(t, redeemAs(b, "gateway", backendSecret, params("grant_type", "refresh_token", "refresh_token", before.RefreshToken)))
	resource(t, p, after.AccessToken)
	if page := userinfo(b, after.AccessToken); page.Status != http.StatusOK {
		t.Errorf("a new access token: status %d", page.Status)
	}
	if got := kidOf(t, b); got != revoked.Next.Kid {
		t.Errorf("signed by %s", got)
	}

	for _, step := range keys.Steps {
		if err := stepKey(t, p, step, leaked, true); err == nil {
			t.Errorf("%s of a revoked key", step)
		}
	}
}

// TestLeakedKeyOfAConnectorHasToBePastedAnew, and signs no longer although another
// instance does not publish the new one yet.
func TestLeakedKeyOfAConnectorHasToBePastedAnew(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	behind := p.Another()
	behind.StopRunning()
	b := amelia(t, p)
	leaked := kidsOf(t, p, "/jwks/messaging.json")[0]
	revoked := revokeKey(t, p, leaked)
	line, err := keys.OneLine(revoked.Next.PublicJWK)
	if err != nil {
		t.Fatal(err)
	}
	if len(revoked.Affected) != 1 || revoked.Affected[0].ClientID != "messaging" || revoked.Affected[0].Paste != line || !revoked.Affected[0].Until.IsZero() {
		t.Errorf("%+v", revoked.Affected)
	}
	request := windowRequest("prompt", "none")
	if got := b.Authorize(request).Answer().Get("error"); got != "temporarily_unavailable" {
		t.Errorf("before the other instance publishes the new key: %q", got)
	}
	behind.Reload()
	webtest.Eventually(t, "the new key signs", func() bool { return b.Authorize(request).Answer().Get("id_token") != "" })
	if got := kidsOf(t, p, "/jwks/messaging.json"); !slices.Equal(got, []string{revoked.Next.Kid}) {
		t.Errorf("published: %v", got)
	}

	// The leaked one stays away after its client is gone, those that did not leak go.
	defer func() {
		p.Exec("delete from clients where client_id = 'messaging'")
		if got := webtest.Query[string](p, "select string_agg(state, ' ') from signing_keys where kid = any($1)", []string{leaked, revoked.Next.Kid}); got != keys.Deleted {
			t.Errorf("without their client: %s", got)
		}
	}()

	// One that has never signed leaves nothing behind, and needs none in its place.
	unused := newKey(t, p, "messaging")
	if none := revokeKey(t, p, unused); none.Next != nil || len(none.Affected) != 0 {
		t.Errorf("%+v", none)
	}
}
