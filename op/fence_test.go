package op_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// newKey makes a key of the provider, or of a connector.
func newKey(t *testing.T, p *webtest.Provider, clientID string) string {
	t.Helper()
	key, err := op.CreateKey(t.Context(), p.Store, op.NewKey{Audit: webtest.Operator, ClientID: clientID, Make: p.NewSigningKey})
	if err != nil {
		t.Fatal(err)
	}
	return key.Kid
}

// stepKey makes a step of a key's life.
func stepKey(t *testing.T, p *webtest.Provider, step keys.Step, kid string, force bool) error {
	t.Helper()
	_, err := op.StepKey(t.Context(), p.Store, keys.DefaultSettings(), op.KeyStep{Audit: webtest.Operator, Step: step, Kid: kid, Force: force})
	return err
}

// kidsOf are those of a key set of an instance.
func kidsOf(t *testing.T, p *webtest.Provider, path string) []string {
	t.Helper()
	page := p.Browser(t).Get(path)
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(page.Body), &set); err != nil {
		t.Fatalf("%v: status %d %s", err, page.Status, page.Body)
	}
	var kids []string
	for _, key := range set.Keys {
		kids = append(kids, key.KeyID)
	}
	return kids
}

// kidOf is the key that has signed the ID token of a silent sign-in.
func kidOf(t *testing.T, b *webtest.Browser) string {
	t.Helper()
	token := tokens(t, redeem(b, silent(t, b, codeRequest()).Get("code"))).IDToken
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	return jws.Signatures[0].Protected.KeyID
}

// TestNoKeySignsThatAnInstanceDoesNotPublish: a key may be active in the database, but
// not with whoever reads another instance's key set.
func TestNoKeySignsThatAnInstanceDoesNotPublish(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	second, behind := p.Another(), p.Another()
	behind.StopRunning()
	b := amelia(t, p)
	old := kidOf(t, b)

	kid := newKey(t, p, "")
	if err := stepKey(t, p, keys.Publish, kid, false); err != nil {
		t.Fatal(err)
	}
	p.Reload()
	webtest.Eventually(t, "the second instance publishes the key", func() bool { return slices.Contains(kidsOf(t, second, "/jwks.json"), kid) })
	if slices.Contains(kidsOf(t, behind, "/jwks.json"), kid) {
		t.Fatal("the instance is not behind")
	}
	err := stepKey(t, p, keys.Activate, kid, true)
	if refused, ok := errors.AsType[*keys.RefusedError](err); !ok || !strings.Contains(refused.Verdict.Refusal, "1 of 3 instances") || refused.Forcible() {
		t.Errorf("activated although an instance does not publish it: %v", err)
	}

	// Whoever wrote it past every check.
	p.Exec("update signing_keys set state = 'retired', retired_at = idp_now() where kid = $1", old)
	p.Exec("update signing_keys set state = 'active', activated_at = idp_now() where kid = $1", kid)
	p.Reload()
	if got := kidOf(t, b); got != old {
		t.Errorf("signed by %s, which an instance does not publish", got)
	}
	behind.Reload()
	webtest.Eventually(t, "the new key signs once all publish it", func() bool { return kidOf(t, b) == kid })
	if !slices.Contains(kidsOf(t, behind, "/jwks.json"), kid) {
		t.Error("signed by a key that an instance does not publish")
	}
}

// TestFirstKeyOfAConnectorWaits: there is none before it that could sign.
func TestFirstKeyOfAConnectorWaits(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	behind := p.Another()
	behind.StopRunning()
	b := amelia(t, p)
	p.Apply(newClient)
	request := params("client_id", "latecomer", "response_type", "id_token", "scope", "openid", "redirect_uri", "https://late.brand.example/cb", "prompt", "none", "nonce", "n")
	if got := b.Authorize(request).Answer().Get("error"); got != "temporarily_unavailable" {
		t.Errorf("before the other instance publishes it: %q", got)
	}
	behind.Reload()
	webtest.Eventually(t, "it signs", func() bool { return b.Authorize(request).Answer().Get("id_token") != "" })
}

// TestTokenEndpointSaysWhenTheKeyWillBeKnown: clients come again.
func TestTokenEndpointSaysWhenTheKeyWillBeKnown(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	p.Another().StopRunning()
	b := amelia(t, p)
	code := silent(t, b, codeRequest()).Get("code")
	p.Exec("update signing_keys set published_counter = 1000000 where client_id is null")
	p.Reload()
	page := redeem(b, code)
	wantWire(t, page, http.StatusServiceUnavailable, "temporarily_unavailable")
	if got := page.Header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	p.Exec("update signing_keys set published_counter = 0 where client_id is null")
	p.Reload()
	tokens(t, redeem(b, code)) // it was not used up
}

// TestInstanceThatIsCutOffHoldsNobodyUp for longer than it answers itself.
func TestInstanceThatIsCutOffHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	cutOff := p.Another()
	cutOff.StopRunning()
	b, there := amelia(t, p), cutOff.Browser(t)
	kid := newKey(t, p, "")
	if err := stepKey(t, p, keys.Publish, kid, false); err != nil {
		t.Fatal(err)
	}
	p.Advance(61 * time.Second)
	if page := there.Get("/jwks.json"); page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" {
		t.Errorf("a minute later it publishes what it knew: status %d", page.Status)
	}
	if page := there.Authorize(codeRequest()); page.Status != http.StatusServiceUnavailable {
		t.Errorf("a minute later it answers by what it knew: status %d", page.Status)
	}
	if err := stepKey(t, p, keys.Activate, kid, true); err == nil {
		t.Error("activated while it still counts")
	}
	p.Advance(15 * time.Second)
	if err := stepKey(t, p, keys.Activate, kid, true); err != nil {
		t.Errorf("it counts still: %v", err)
	}
	p.Reload()
	if got := kidOf(t, b); got != kid {
		t.Errorf("signed by %s, want %s", got, kid)
	}
	cutOff.Reload()
	if !slices.Contains(kidsOf(t, cutOff, "/jwks.json"), kid) {
		t.Error("back again, it does not publish the key")
	}
	if n := webtest.Query[int](p, "select count(*) from instances where expires_at > idp_now()"); n != 2 {
		t.Errorf("%d instances, want 2", n)
	}
}

// TestKeyOutlivesTokensThatLivedLonger: a client's tokens live less long from now on,
// those that it has do not.
func TestKeyOutlivesTokensThatLivedLonger(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, "clients: [{client_id: site, client_secret: "+siteSecret+", redirect_uris: ["+siteCallback+"], id_token_lifetime: 20d}]")
	old := kidsOf(t, p, "/jwks.json")[0]
	p.Apply("clients: [{client_id: site, client_secret: " + siteSecret + ", redirect_uris: [" + siteCallback + "], id_token_lifetime: 1h}]")
	kid := newKey(t, p, "")
	for _, step := range []keys.Step{keys.Publish, keys.Activate} {
		p.Reload()
		if err := stepKey(t, p, step, kid, true); err != nil {
			t.Fatal(err)
		}
	}
	p.Advance(20 * 24 * time.Hour)
	if err := stepKey(t, p, keys.Delete, old, false); err == nil || !strings.Contains(err.Error(), "the last token that this key has signed ends at") {
		t.Errorf("deleted while a token may be alive: %v", err)
	}
	p.Advance(25 * time.Hour)
	if err := stepKey(t, p, keys.Delete, old, false); err != nil {
		t.Errorf("kept for longer: %v", err)
	}
}

// TestInstanceTellsItsMasterKey: whoever ends a change of it has to know.
func TestInstanceTellsItsMasterKey(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	p.Another()
	snapshot, err := p.Store.ReadSnapshot(t.Context())
	if err != nil || len(snapshot.Instances) != 2 {
		t.Fatalf("%+v, %v", snapshot.Instances, err)
	}
	for _, instance := range snapshot.Instances {
		if want := p.Keyring().MasterKeyFingerprint(); !bytes.Equal(instance.MasterKeyFingerprint, want) {
			t.Errorf("%x, want %x", instance.MasterKeyFingerprint, want)
		}
	}
}

// TestInstanceThatEndsIsNotWaitedFor: it says so.
func TestInstanceThatEndsIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	other := p.Another()
	other.StopRunning()
	other.Server.Leave(t.Context())
	var instances []storage.Instance
	if err := p.Store.Administer(t.Context(), func(tx *storage.Tx) error {
		snapshot, err := tx.Snapshot(t.Context())
		instances = snapshot.Instances
		return err
	}); err != nil || len(instances) != 1 {
		t.Errorf("%d instances, %v", len(instances), err)
	}
}
