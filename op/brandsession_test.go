package op_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// A session of the brand's login ends when the brand said, or was told to later, and
// never after what is configured.
func TestSessionsOfTheBrandAreExtended(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.SessionIdle, o.SessionLifetime = time.Hour, 10*time.Hour }, brand, handed)
	provider, ctx := p.Server.Provider, t.Context()
	short := pond
	short.SessionLifetime = 20 * time.Minute
	b := shopper(t, p, short)
	hint, sid := shopsHint(t, p, b)
	if exp := claims(t, p, "shop", hint)["exp"].(float64); exp > float64(p.Now().Add(20*time.Minute).Unix()) {
		t.Error("the ID token outlives the session")
	}
	began := p.Now()
	state, err := provider.ReadSession(ctx, sid, "shop")
	if err != nil || state.Sub != "sub-of-pond" || state.ExternalID != "crm-1" || state.ClientID == 0 {
		t.Fatalf("%+v, %v", state, err)
	}
	near := func(what string, got time.Time, want time.Duration) {
		t.Helper()
		if diff := got.Sub(began.Add(want)); diff < -5*time.Second || diff > 5*time.Second {
			t.Errorf("%s: %v after the sign-in, want %v", what, got.Sub(began), want)
		}
	}
	near("end", state.EndsAt, 20*time.Minute)
	near("idle end", state.ExpiresAt, 20*time.Minute)

	for _, step := range []struct {
		what         string
		after        time.Duration
		lifetime     time.Duration
		end, idleEnd time.Duration
	}{
		{"used", 10 * time.Minute, 0, 20 * time.Minute, 20 * time.Minute},
		{"longer", 0, 5 * time.Hour, 5*time.Hour + 10*time.Minute, 70 * time.Minute},
		{"no shorter", 0, time.Hour, 5*time.Hour + 10*time.Minute, 70 * time.Minute},
		{"no longer than configured", 30 * time.Minute, 24 * time.Hour, 10 * time.Hour, 100 * time.Minute},
	} {
		p.Advance(step.after)
		state, err := provider.ExtendSession(ctx, sid, "shop", step.lifetime)
		if err != nil {
			t.Fatal(step.what, err)
		}
		near(step.what, state.EndsAt, step.end)
		near(step.what+", idle", state.ExpiresAt, step.idleEnd)
	}
	silent(t, b, handedRequest("prompt", "none"))
	p.Advance(61 * time.Minute)
	if _, err := provider.ExtendSession(ctx, sid, "shop", time.Hour); decidedOf("", err).status != http.StatusNotFound {
		t.Errorf("after its end: %v", err)
	}
}

func TestSessionsThatACredentialDoesNotReach(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	provider, ctx := p.Server.Provider, t.Context()
	b, other := shopper(t, p, pond), amelia(t, p)
	_, sid := shopsHint(t, p, b)
	own := claims(t, p, "site", silent(t, other, implicitRequest()).Get("id_token"))["sid"].(string)
	status := func(err error) int { return decidedOf("", err).status }
	for name, test := range map[string]struct {
		sid, reach          string
		read, extend, ended int
	}{
		"another client's": {sid, "shop2", 404, 404, 404},
		"no client's":      {sid, "nothing", 404, 404, 404},
		"a password's":     {own, "shop", 404, 404, 404},
		"nobody's":         {"nothing", "", 404, 404, 404},
		"a password's, by a credential that reaches all": {own, "", 200, 409, 200},
		"the brand's": {sid, "shop", 200, 200, 200},
	} {
		_, err := provider.ReadSession(ctx, test.sid, test.reach)
		_, extendErr := provider.ExtendSession(ctx, test.sid, test.reach, time.Hour)
		got := [3]int{status(err), status(extendErr), test.ended}
		if want := [3]int{test.read, test.extend, test.ended}; got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
		if test.ended == http.StatusNotFound {
			if err := provider.RevokeSession(ctx, test.sid, test.reach); status(err) != http.StatusNotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	silent(t, b, handedRequest("prompt", "none"))
	silent(t, other, codeRequest("prompt", "none"))
	for _, s := range []struct{ sid, reach string }{{sid, "shop"}, {own, ""}} {
		if err := provider.RevokeSession(ctx, s.sid, s.reach); err != nil {
			t.Error(err)
		}
	}
	wantSignedOut(t, b)
	wantSignedOut(t, other)
}

// Ending a session of the brand is a sign-out to all that know of it.
func TestRevokedSessionIsToldToClients(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, nil)
	p := webtest.Start(t, nil, brand, handed, listener("listening", rp.URL))
	b := shopper(t, p, pond)
	_, all := use(t, p, b, "listening")
	code := silent(t, b, codeRequest()).Get("code")
	if err := p.Server.Provider.RevokeSession(t.Context(), all["sid"].(string), ""); err != nil {
		t.Fatal(err)
	}
	wantLogoutToken(t, p, "listening", rp.wait(t, 1)[0], all)
	wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant")
	if d := accept(t, p, handedOver(t, b.Authorize(handedRequest())), op.LoginAcceptance{ExternalID: "crm-1"}); d.status != http.StatusOK {
		t.Errorf("%+v", d)
	}
}
