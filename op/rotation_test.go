package op_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// waits are the times of a rotation: seconds for minutes, but for the real ones if
// IDP_TEST_ROTATION is real. A day of keys.retain is a minute even then.
type waits struct {
	keys.Settings

	refresh, token time.Duration // jwks_refresh and id_token_lifetime of clients
}

func rotationWaits() waits {
	if os.Getenv("IDP_TEST_ROTATION") == "real" {
		settings := keys.DefaultSettings()
		settings.Retain = time.Minute
		return waits{Settings: settings, refresh: 8 * time.Minute, token: 5 * time.Minute}
	}
	return waits{Settings: keys.Settings{JWKSMaxAge: time.Second, Retain: time.Second, ViewLifetime: 3 * time.Second}, refresh: 5 * time.Second, token: 5 * time.Second}
}

// rotation is three instances of a provider under constant load, and the relying
// parties that verify every token of it.
type rotation struct {
	waits

	t         *testing.T
	p         *webtest.Provider
	instances []*webtest.Provider
	parties   []*relyingParty
	stop      func()
	signIns   atomic.Int64
	busy      atomic.Int64 // told to come again
}

const rotationSecret = "secret-of-the-shop-0123456789-0123456789"

func newRotation(t *testing.T) *rotation {
	t.Helper()
	r := &rotation{t: t, waits: rotationWaits()}
	client := func(id, more string) string {
		return fmt.Sprintf("  - client_id: %s\n    redirect_uris: [https://%[1]s.brand.example/cb]\n    id_token_lifetime: %s\n    %s\n", id, r.token, more)
	}
	r.p = webtest.Start(t, func(opts *web.Options) { opts.Keys = r.Settings }, "clients:\n"+
		client("interval", fmt.Sprintf("client_secret: %s\n    jwks_refresh: %s", rotationSecret, r.refresh))+
		client("cached", "response_types: [id_token]")+
		client("lazy", "response_types: [id_token]")+
		client("connector", "response_types: [id_token]\n    conversational_cloud: {variant: rfc, idp_certificate_type: jwt_public_key}")+`
consumers:
  - {username: amelia, password: `+ameliasPassword+`, claims: {name: Amelia}}
`)
	r.instances = []*webtest.Provider{r.p, r.p.Another(), r.p.Another()}
	var sets []string
	for _, instance := range r.instances {
		sets = append(sets, instance.Address+"/jwks.json")
	}
	rows, err := r.p.Store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var line string
	for _, row := range rows {
		if row.ClientID != 0 {
			if line, err = keys.OneLine(row.PublicJWK); err != nil {
				t.Fatal(err)
			}
		}
	}
	r.parties = []*relyingParty{
		{name: "one that reads the key set at intervals", clientID: "interval", sets: sets, interval: r.refresh},
		{name: "one that keeps it as its header says", clientID: "cached", sets: sets, byHeader: true},
		{name: "one that reads it at its start and after an unknown kid", clientID: "lazy", sets: sets, onUnknown: true},
		{name: "one that holds a pasted key", clientID: "connector", pasted: pastedKey(t, line)},
	}
	return r
}

// start begins the load.
func (r *rotation) start() {
	r.t.Helper()
	done := make(chan struct{})
	var running sync.WaitGroup
	for _, party := range r.parties {
		party.verified = map[string]int{}
		if party.pasted == nil {
			if err := party.read(); err != nil {
				r.t.Fatal(err)
			}
		}
		running.Go(func() { party.run(done) })
	}
	for _, instance := range r.instances {
		running.Go(func() { r.load(instance, done) })
	}
	r.stop = sync.OnceFunc(func() { close(done); running.Wait() })
	r.t.Cleanup(r.stop)
}

// load signs Amelia in at an instance again and again, for each relying party in turn.
func (r *rotation) load(instance *webtest.Provider, done <-chan struct{}) {
	pace := time.NewTicker(150 * time.Millisecond)
	defer pace.Stop()
	b := instance.Browser(r.t)
	for round := 0; ; round++ {
		select {
		case <-done:
			return
		case <-pace.C:
		}
		if round%8 == 0 { // a browser that nobody has seen
			b = instance.Browser(r.t)
		}
		party := r.parties[round%len(r.parties)]
		if token := r.signIn(b, party.clientID); token != "" {
			r.signIns.Add(1)
			party.take(token)
		}
	}
}

// signIn gives an ID token, "" if the provider says to come again.
func (r *rotation) signIn(b *webtest.Browser, clientID string) string {
	request := params("client_id", clientID, "response_type", "id_token", "scope", "openid", "nonce", "n", "redirect_uri", "https://"+clientID+".brand.example/cb")
	if clientID == "interval" {
		request.Set("response_type", "code")
	}
	page := b.Authorize(request)
	if page.Status == http.StatusOK && page.Target() == "" {
		page = page.SignIn("amelia", ameliasPassword)
	}
	if page.Status == http.StatusServiceUnavailable {
		r.busy.Add(1)
		return ""
	}
	if page.Target() == "" {
		r.t.Errorf("sign-in: status %d\n%s", page.Status, page.Body)
		return ""
	}
	answer := page.Answer()
	if answer.Get("error") == "temporarily_unavailable" {
		r.busy.Add(1)
		return ""
	}
	token := answer.Get("id_token")
	if code := answer.Get("code"); code != "" {
		response := redeemAs(b, clientID, rotationSecret, params("grant_type", "authorization_code", "code", code, "redirect_uri", request.Get("redirect_uri")))
		if response.Status == http.StatusServiceUnavailable {
			r.busy.Add(1)
			return ""
		}
		token = tokens(r.t, response).IDToken
	}
	if token == "" {
		r.t.Errorf("no token: %v", answer)
	}
	return token
}

// until waits for as long as the waits of a rotation may take together.
func (r *rotation) until(what string, holds func() bool) {
	r.t.Helper()
	patience := time.NewTimer(30*time.Second + 4*(r.refresh+r.token+r.Retain+r.ViewLifetime))
	defer patience.Stop()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for !holds() {
		select {
		case <-patience.C:
			r.t.Fatalf("not in time: %s", what)
		case <-again.C:
		}
	}
}

// keysIn are the kids of the provider's keys in a state.
func (r *rotation) keysIn(state string) []string {
	r.t.Helper()
	rows, err := r.p.Store.SigningKeys(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	var kids []string
	for _, row := range rows {
		if row.ClientID == 0 && row.State == state {
			kids = append(kids, row.Kid)
		}
	}
	return kids
}

// step makes a step as soon as it breaks nobody.
func (r *rotation) step(step keys.Step, kid string) {
	r.t.Helper()
	r.until(fmt.Sprint(step, " breaks nobody"), func() bool {
		_, err := op.StepKey(r.t.Context(), r.p.Store, r.Settings, op.KeyStep{Audit: webtest.Operator, Step: step, Kid: kid})
		if _, refused := errors.AsType[*keys.RefusedError](err); err != nil && !refused {
			r.t.Fatal(err)
		}
		return err == nil
	})
}

// finish lets every relying party read its key set once more, and checks that none has
// refused anything.
func (r *rotation) finish(kids ...string) {
	r.t.Helper()
	taken := map[*relyingParty]int{}
	for _, party := range r.parties[:3] {
		taken[party] = party.count(kids[len(kids)-1])
	}
	ended := time.Now().Add(r.refresh + r.token)
	r.until("tokens after the last step have ended", func() bool { return time.Now().After(ended) })
	r.stop()
	r.t.Logf("%d sign-ins, %d times told to come again", r.signIns.Load(), r.busy.Load())
	for _, party := range r.parties {
		if party.pasted != nil {
			party.want(r.t, false)
			continue
		}
		party.want(r.t, false, kids...)
		if party.count(kids[len(kids)-1]) <= taken[party] {
			r.t.Errorf("%s has taken no token after the last step", party.name)
		}
	}
	if connector := r.parties[3]; len(connector.verified) != 1 {
		r.t.Errorf("the connector's tokens are signed by %v", connector.verified)
	}
	if r.busy.Load()*10 > r.signIns.Load() {
		r.t.Errorf("%d of %d sign-ins were told to come again", r.busy.Load(), r.signIns.Load())
	}
}

// TestRotationByHand replaces the provider's key, and no relying party refuses a token.
func TestRotationByHand(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	r.start()
	old := r.keysIn(keys.Active)[0]
	r.until("tokens of the old key", func() bool { return r.parties[2].count(old) > 0 })
	kid := newKey(t, r.p, "")
	r.step(keys.Publish, kid)
	r.step(keys.Activate, kid)
	r.until("tokens of the new key", func() bool { return r.parties[2].count(kid) > 0 })
	r.step(keys.Delete, old)
	r.finish(old, kid)
}

// TestRotationBySchedule has it replaced again and again.
func TestRotationBySchedule(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	r.start()
	old := r.keysIn(keys.Active)[0]
	wait, keep := r.refresh+r.ViewLifetime, r.token+r.Retain+r.ViewLifetime
	err := op.SetKeySchedule(t.Context(), r.p.Store, r.Settings, op.ScheduledKeys{Audit: webtest.Operator}, wait+r.ViewLifetime, wait, keep)
	if err != nil {
		t.Fatal(err)
	}
	var next string
	r.until("another key signs", func() bool {
		active := r.keysIn(keys.Active)
		next = active[0]
		return next != old
	})
	r.until("the old one is deleted", func() bool { return len(r.keysIn(keys.Deleted)) > 0 })
	if err := op.PauseKeySchedule(t.Context(), r.p.Store, op.ScheduledKeys{Audit: webtest.Operator}, true); err != nil {
		t.Fatal(err)
	}
	kids := []string{old, next}
	if last := r.keysIn(keys.Active)[0]; last != next {
		kids = append(kids, last)
		r.until("tokens of the last key", func() bool { return r.parties[2].count(last) > 0 })
	}
	r.finish(kids...)
}

// TestRotationThatDoesNotWait is the control: whoever is not waited for refuses tokens,
// and the relying parties of the tests above would have noticed.
func TestRotationThatDoesNotWait(t *testing.T) {
	t.Parallel()
	r := newRotation(t)
	r.parties[0].interval = 0 // not within this test
	r.start()
	kid := newKey(t, r.p, "")
	r.step(keys.Publish, kid)
	r.until("it is activated all the same", func() bool {
		_, err := op.StepKey(t.Context(), r.p.Store, r.Settings, op.KeyStep{Audit: webtest.Operator, Step: keys.Activate, Kid: kid, Force: true})
		return err == nil // but never before every instance publishes it
	})
	r.until("tokens of the new key", func() bool { return r.parties[2].count(kid) > 2 })
	var refused int
	r.until("a refused token", func() bool {
		r.parties[0].mu.Lock()
		defer r.parties[0].mu.Unlock()
		refused = r.parties[0].refused
		return refused > 0
	})
	r.stop()
	r.parties[0].want(t, true)
	r.parties[2].want(t, false, kid)
	r.parties[3].want(t, false)
}
