package api_test

import (
	"bytes"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// send sends a request of the table under a credential.
func send(p *webtest.Provider, key string, r request, headers ...string) *webtest.Reply {
	if r.body == nil {
		return p.Call(key, r.method, r.path, nil, headers...)
	}
	return p.Call(key, r.method, r.path, string(r.body), headers...)
}

// credential is one that is nobody's, or not any more, or that of another door.
type credential struct{ what, value string }

// badCredentials makes one of each kind.
func badCredentials(t *testing.T, p *webtest.Provider) []credential {
	t.Helper()
	all := []credential{
		{"unknown key", "idp_k_" + strings.Repeat("a", 43)},
		{"unknown access token", strings.Repeat("a", 43)},
		{"something else", "x"},
		{"expired access token", token(t, p, "backend")},
	}
	p.Advance(25 * time.Hour)
	consumers := tokensOf(t, p, "amelia")
	var name string
	revoked := p.APIKey(func(k *storage.APIKey) { name = k.Name }, op.APIScopes()...)
	if err := p.Store.RevokeAPIKey(t.Context(), name, storage.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	p.Reload()
	ended := token(t, p, "backend")
	b := p.Browser(t)
	revocation := b.Request("/revoke", url.Values{"token": {ended}})
	revocation.SetBasicAuth("backend", "a-secret-that-is-long-enough-for-it")
	if page := b.Do(revocation); page.Status != http.StatusOK {
		t.Fatalf("%d %s", page.Status, page.Body)
	}
	return append(all,
		credential{"revoked key", revoked},
		credential{"expired key", p.APIKey(func(k *storage.APIKey) { k.ExpiresAt = p.Now().Add(-time.Second) }, op.APIScopes()...)},
		credential{"revoked access token", ended},
		credential{"consumer's access token", consumers.AccessToken},
		credential{"ID token", consumers.IDToken},
		credential{"refresh token", consumers.RefreshToken},
	)
}

func TestEveryOperationIsDeniedUnlessGranted(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	d, all := rowsOf(t, p)
	bad := badCredentials(t, p)
	client := token(t, p, "backend") // for idp:consumers:read alone
	elsewhere := p.APIKey(func(k *storage.APIKey) { k.Networks = []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")} }, op.APIScopes()...)
	narrowedTo := map[string]string{}
	for _, name := range []string{"messaging", "site", "shop", "kiosk", "other-api"} {
		id := webtest.Query[int64](p, "select id from clients where client_id = $1", name)
		narrowedTo[name] = p.APIKey(func(k *storage.APIKey) { k.ClientID = id }, op.APIScopes()...)
	}
	without := map[string]string{}
	for _, scope := range op.APIScopes() {
		without[scope] = p.APIKey(nil, slices.DeleteFunc(op.APIScopes(), func(one string) bool { return one == scope })...)
	}
	for id, o := range d.operations() {
		t.Run(id, func(t *testing.T) {
			r, good := all[id], p.APIKey(nil, o.scopes...)
			wantSuccess(t, send(p, good, r.request(t, p, o)), "with its scopes alone")
			if r.client != "" {
				wantSuccess(t, send(p, narrowedTo[r.client], r.request(t, p, o)), "narrowed to its client")
			}
			if o.method == http.MethodPost && !r.safe {
				wantOnce(t, p, good, r.request(t, p, o))
			}

			refused := r.request(t, p, o)
			before := told(p)
			reply := send(p, "", refused)
			wantProblem(t, reply, http.StatusUnauthorized)
			if challenge := reply.Header.Get("WWW-Authenticate"); challenge != `Bearer realm="idp"` {
				t.Errorf("no credential: challenge %s", challenge)
			}
			for _, c := range bad {
				reply := send(p, c.value, refused)
				wantProblem(t, reply, http.StatusUnauthorized)
				if challenge := reply.Header.Get("WWW-Authenticate"); !strings.HasPrefix(challenge, `Bearer realm="idp", error="invalid_token"`) {
					t.Errorf("%s: challenge %s", c.what, challenge)
				}
			}
			var tooLittle []string
			for _, scope := range o.scopes {
				tooLittle = append(tooLittle, without[scope])
			}
			if !slices.Equal(o.scopes, []string{op.ScopeConsumersRead}) {
				tooLittle = append(tooLittle, client)
			}
			for _, key := range tooLittle {
				reply := send(p, key, refused)
				wantProblem(t, reply, http.StatusForbidden)
				if challenge := reply.Header.Get("WWW-Authenticate"); challenge != `Bearer realm="idp", error="insufficient_scope", scope="`+strings.Join(o.scopes, " ")+`"` {
					t.Errorf("too little scope: challenge %s", challenge)
				}
			}
			if r.hidden {
				wantProblem(t, send(p, narrowedTo["other-api"], refused), http.StatusNotFound)
			} else {
				wantProblem(t, send(p, narrowedTo["other-api"], refused), http.StatusForbidden)
			}
			wantProblem(t, send(p, elsewhere, refused), http.StatusForbidden)
			wantProblem(t, send(p, elsewhere, refused, "X-Forwarded-For", "192.0.2.1"), http.StatusForbidden)
			if after := told(p); after != before {
				t.Errorf("what was refused has left %d events of changes", after-before)
			}

			if refused.body != nil {
				wantProblem(t, send(p, good, refused, "Content-Type", "text/plain"), http.StatusUnsupportedMediaType)
				refused.body = bytes.Repeat([]byte(" "), 9<<20)
				wantProblem(t, send(p, good, refused), http.StatusRequestEntityTooLarge)
			}
		})
	}
}

func wantSuccess(t *testing.T, reply *webtest.Reply, what string) {
	t.Helper()
	if reply.Status < 200 || reply.Status > 299 {
		t.Fatalf("%s: %d %s", what, reply.Status, reply.Body)
	}
}

// wantOnce sends a request twice under an idempotency key, and then another.
func wantOnce(t *testing.T, p *webtest.Provider, key string, r request) {
	t.Helper()
	first, again := send(p, key, r, "Idempotency-Key", r.path), send(p, key, r, "Idempotency-Key", r.path)
	wantSuccess(t, first, "under an idempotency key")
	if again.Status != first.Status || !bytes.Equal(bytes.TrimSpace(again.Body), bytes.TrimSpace(first.Body)) {
		t.Errorf("replayed: %d %s\nat first: %d %s", again.Status, again.Body, first.Status, first.Body)
	}
	r.body = append([]byte(" "), r.body...)
	wantProblem(t, send(p, key, r, "Idempotency-Key", r.path), http.StatusUnprocessableEntity)
}

// told is how many changes have been told of. Of others it is told later, each second.
func told(p *webtest.Provider) int {
	return webtest.Query[int](p, "select count(*) from audit_events where action !~ '^(get-|list-|export-|preview-|engage$)'")
}
