package op_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// newClient is applied while the provider runs.
const newClient = `
clients:
  - client_id: latecomer
    redirect_uris: [https://late.brand.example/cb]
    response_types: [id_token]
    conversational_cloud: {variant: rfc}
`

func TestChangesAreSeenByEveryInstance(t *testing.T) {
	t.Parallel()
	const byCounter = `create or replace function idp_changed() returns trigger language plpgsql as $$
		begin update changes set counter = counter + 1; return null; end $$`
	for name, before := range map[string]string{"by notification": "select 1", "by counter": byCounter} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, nil, brand)
			second := p.Another()
			p.Exec(before)
			applier := p.Another() // reads anew by itself, as idp apply has a process of its own
			applier.Apply(newClient)
			start := time.Now()
			for _, instance := range []*webtest.Provider{p, second} {
				b := instance.Browser(t)
				webtest.Eventually(t, "the new client is known", func() bool {
					return b.Authorize(params("client_id", "latecomer", "response_type", "id_token", "scope", "openid",
						"redirect_uri", "https://late.brand.example/cb")).Status == http.StatusOK
				})
				if page := b.Get("/jwks/latecomer.json"); page.Status != http.StatusOK || !strings.Contains(page.Body, `"kid"`) {
					t.Errorf("the new client's keys: status %d %s", page.Status, page.Body)
				}
			}
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("seen after %v", took) // a second, and room for a busy machine
			}
			p.Exec("delete from clients where client_id = 'latecomer'")
			b := second.Browser(t)
			webtest.Eventually(t, "the client is gone", func() bool {
				return b.Authorize(params("client_id", "latecomer")).Status == http.StatusBadRequest && b.Get("/jwks/latecomer.json").Status == http.StatusNotFound
			})
		})
	}
}

// TestInstancesShareEverything has each step of a flow done by another instance.
func TestInstancesShareEverything(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	second := p.Another()
	b := p.Browser(t)
	form := with(b.Authorize(codeRequest()).Form("sign-in"), "username", "amelia", "password", ameliasPassword)
	page := b.Post(second.Address+"/sign-in", form)
	if page.Target() == "" {
		t.Fatalf("the ticket of one instance at another: status %d\n%s", page.Status, page.Body)
	}
	token := tokens(t, redeem(b, page.Answer().Get("code")))
	there := second.Browser(t)
	if page := userinfo(there, token.AccessToken); page.Status != http.StatusOK {
		t.Errorf("userinfo: status %d", page.Status)
	}
	again := b.Get(second.Address + "/authorize?" + codeRequest("prompt", "none").Encode())
	tokens(t, redeem(b, again.Answer().Get("code")))
	wantWire(t, redeem(there, again.Answer().Get("code")), http.StatusBadRequest, "invalid_grant")
	consent := with(b.Authorize(codeRequest("prompt", "consent")).Form("consent"), "consent", "allow")
	if page := b.Post(second.Address+"/consent", consent); page.Target() == "" {
		t.Errorf("consent: status %d", page.Status)
	}
	signOut := b.Get("/end_session").Form("sign-out")
	b.Post(second.Address+"/end_session", signOut)
	wantError(t, b.Authorize(codeRequest("prompt", "none")), "login_required")
	// The throttle counts for all.
	for i := range 6 {
		address := []string{p.Address, second.Address}[i%2]
		b.Post(address+"/sign-in", with(b.Authorize(codeRequest()).Form("sign-in"), "username", "rory", "password", "wrong"))
	}
	page = there.Authorize(codeRequest()).SignIn("rory", rorysPassword)
	if page.Status != http.StatusTooManyRequests {
		t.Errorf("throttled at the other instance: status %d", page.Status)
	}
}
