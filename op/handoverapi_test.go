package op_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// acceptance is what the brand's backend says of who has signed in.
type acceptance struct {
	Sub             string     `json:"sub,omitempty"`
	ExternalID      string     `json:"external_id,omitempty"`
	ACR             string     `json:"acr,omitempty"`
	AMR             []string   `json:"amr,omitempty"`
	AuthTime        *time.Time `json:"auth_time,omitempty"`
	SessionLifetime int64      `json:"session_lifetime,omitempty"`
}

var (
	pond     = acceptance{ExternalID: "crm-1"}
	williams = acceptance{Sub: "sub-of-williams"}
)

// signedInAt is the acceptance with an auth_time.
func (a acceptance) signedInAt(at time.Time) acceptance {
	a.AuthTime = &at
	return a
}

// challengeTold is what the backend is told of a challenge.
type challengeTold struct {
	Client struct {
		ClientID   string `json:"client_id"`
		ClientName string `json:"client_name"`
	}
	Scopes, Prompt []string
	MaxAge         int64     `json:"max_age"`
	LoginHint      string    `json:"login_hint"`
	ACRValues      []string  `json:"acr_values"`
	Essential      bool      `json:"essential"`
	UILocales      []string  `json:"ui_locales"`
	Sub            string    `json:"sub"`
	ExternalID     string    `json:"external_id"`
	Skip           bool      `json:"skip"`
	ExpiresAt      time.Time `json:"expires_at"`
}

// decided is how the provider has answered the backend.
type decided struct {
	status     int
	redirectTo string
	fields     []string // that are at fault
}

// backendKeys are API keys by provider, one each.
var backendKeys sync.Map //nolint:gochecknoglobals // of the tests

// backendKey is what the brand's backend calls the management API with.
func backendKey(p *webtest.Provider) string {
	if key, known := backendKeys.Load(p); known {
		return key.(string)
	}
	key := p.APIKey(nil, op.ScopeLogins, op.ScopeSessionsRead, op.ScopeSessionsWrite)
	backendKeys.Store(p, key)
	return key
}

// narrowedKey is one for a client alone.
func narrowedKey(p *webtest.Provider, clientID string) string {
	return p.APIKey(func(k *storage.APIKey) {
		k.ClientID = webtest.Query[int64](p, "select id from clients where client_id = $1", clientID)
	}, op.ScopeLogins, op.ScopeSessionsRead, op.ScopeSessionsWrite)
}

func decidedOf(t *testing.T, reply *webtest.Reply) decided {
	t.Helper()
	var body struct {
		RedirectTo string `json:"redirect_to"`
		Errors     []struct {
			Pointer string `json:"pointer"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(reply.Body, &body); err != nil {
		t.Errorf("status %d: %v", reply.Status, err)
	}
	d := decided{status: reply.Status, redirectTo: body.RedirectTo}
	for _, fault := range body.Errors {
		d.fields = append(d.fields, strings.TrimPrefix(fault.Pointer, "/"))
	}
	return d
}

func readChallenge(p *webtest.Provider, key, challenge string) *webtest.Reply {
	return p.Call(key, http.MethodGet, "/login-challenges/"+challenge, nil)
}

// wantAsk reads a challenge.
func wantAsk(t *testing.T, p *webtest.Provider, challenge string) (a challengeTold) {
	t.Helper()
	readChallenge(p, backendKey(p), challenge).Want(http.StatusOK).Into(&a)
	return a
}

func accept(t *testing.T, p *webtest.Provider, challenge string, a acceptance) decided {
	t.Helper()
	return decidedOf(t, p.Call(backendKey(p), http.MethodPost, "/login-challenges/"+challenge+"/accept", a))
}

func reject(t *testing.T, p *webtest.Provider, challenge, code string) decided {
	t.Helper()
	return decidedOf(t, p.Call(backendKey(p), http.MethodPost, "/login-challenges/"+challenge+"/reject", map[string]string{"error": code}))
}

// accepted is accept for what has to be accepted; it gives the address to go on at.
func accepted(t *testing.T, p *webtest.Provider, challenge string, a acceptance) string {
	t.Helper()
	d := accept(t, p, challenge, a)
	if d.status != http.StatusOK || !strings.HasPrefix(d.redirectTo, p.Issuer+"/continue-login?login_verifier=") {
		t.Fatalf("%+v", d)
	}
	return d.redirectTo
}

func acceptLogout(t *testing.T, p *webtest.Provider, challenge string) decided {
	t.Helper()
	return decidedOf(t, p.Call(backendKey(p), http.MethodPost, "/logout-challenges/"+challenge+"/accept", nil))
}

func acceptedLogout(t *testing.T, p *webtest.Provider, challenge string) string {
	t.Helper()
	d := acceptLogout(t, p, challenge)
	if d.status != http.StatusOK || !strings.HasPrefix(d.redirectTo, p.Issuer+"/continue-logout?logout_verifier=") {
		t.Fatalf("%+v", d)
	}
	return d.redirectTo
}

func endByAPI(t *testing.T, p *webtest.Provider, sid string) {
	t.Helper()
	p.Call(backendKey(p), http.MethodDelete, "/sessions/"+sid, nil).Want(http.StatusNoContent)
}
