package op_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// sessionState is a session as the management API tells of it.
type sessionState struct {
	Sub, Sid   string
	ExternalID string     `json:"external_id"`
	EndsAt     time.Time  `json:"ends_at"`
	ExpiresAt  time.Time  `json:"expires_at"`
	LatestEnd  *time.Time `json:"latest_end"`
}

func extend(p *webtest.Provider, key, sid string, lifetime time.Duration) *webtest.Reply {
	body := "{}"
	if lifetime > 0 {
		body = fmt.Sprintf(`{"lifetime": %d}`, int64(lifetime.Seconds()))
	}
	return p.Call(key, http.MethodPost, "/sessions/"+sid+"/extend", body)
}

// A session of the brand's login ends when the brand said, or was told to later, and
// never after what is configured.
func TestSessionsOfTheBrandAreExtended(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.SessionIdle, o.SessionLifetime = time.Hour, 10*time.Hour }, brand, handed)
	key := narrowedKey(p, "shop")
	short := pond
	short.SessionLifetime = 20 * 60
	b := shopper(t, p, short)
	hint, sid := shopsHint(t, p, b)
	if exp := claims(t, p, "shop", hint)["exp"].(float64); exp > float64(p.Now().Add(20*time.Minute).Unix()) {
		t.Error("the ID token outlives the session")
	}
	began := p.Now()
	var state sessionState
	p.Call(key, http.MethodGet, "/sessions/"+sid, nil).Want(http.StatusOK).Into(&state)
	if state.Sub != "sub-of-pond" || state.Sid != sid || state.ExternalID != "crm-1" || state.LatestEnd == nil {
		t.Fatalf("%+v", state)
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
		extend(p, key, sid, step.lifetime).Want(http.StatusOK).Into(&state)
		near(step.what, state.EndsAt, step.end)
		near(step.what+", idle", state.ExpiresAt, step.idleEnd)
	}
	silent(t, b, handedRequest("prompt", "none"))
	p.Advance(61 * time.Minute)
	extend(p, key, sid, time.Hour).Want(http.StatusNotFound)
}

func TestSessionsThatACredentialDoesNotReach(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b, other := shopper(t, p, pond), amelia(t, p)
	_, sid := shopsHint(t, p, b)
	own := claims(t, p, "site", silent(t, other, implicitRequest()).Get("id_token"))["sid"].(string)
	shops, shop2s := narrowedKey(p, "shop"), narrowedKey(p, "shop2")
	for name, test := range map[string]struct {
		sid, key     string
		read, extend int
		ends         bool
	}{
		"another client's": {sid, shop2s, 404, 404, false},
		"a password's":     {own, shops, 404, 404, false},
		"nobody's":         {"nothing", backendKey(p), 404, 404, false},
		"a password's, by a credential that reaches all": {own, backendKey(p), 200, 409, true},
		"the brand's": {sid, shops, 200, 200, true},
	} {
		read := p.Call(test.key, http.MethodGet, "/sessions/"+test.sid, nil).Status
		if extended := extend(p, test.key, test.sid, time.Hour).Status; read != test.read || extended != test.extend {
			t.Errorf("%s: read %d, extended %d", name, read, extended)
		}
		if !test.ends {
			p.Call(test.key, http.MethodDelete, "/sessions/"+test.sid, nil).Want(http.StatusNotFound)
		}
	}
	silent(t, b, handedRequest("prompt", "none"))
	silent(t, other, codeRequest("prompt", "none"))
	p.Call(shops, http.MethodDelete, "/sessions/"+sid, nil).Want(http.StatusNoContent)
	endByAPI(t, p, own)
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
	endByAPI(t, p, all["sid"].(string))
	wantLogoutToken(t, p, "listening", rp.wait(t, 1)[0], all)
	wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant")
	handedOver(t, b.Authorize(handedRequest()))
}
