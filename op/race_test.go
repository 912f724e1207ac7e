package op_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

// lockClients holds the clients' rows, so that whatever inserts a row that refers to
// one stands still at its foreign key, inside its statement.
func lockClients(t *testing.T, p *webtest.Provider) (release func(), blocked func(n int, done <-chan struct{})) {
	t.Helper()
	ctx := t.Context()
	conn, err := pgx.Connect(ctx, p.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(ctx, "select 1 from clients for update"); err != nil {
		t.Fatal(err)
	}
	release = func() {
		_ = tx.Commit(ctx)
		_ = conn.Close(context.WithoutCancel(ctx))
	}
	blocked = func(n int, done <-chan struct{}) {
		webtest.Eventually(t, "blocked", func() bool {
			select {
			case <-done:
				return true
			default:
			}
			return webtest.Query[int](p, "select count(*)::int from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()") >= n
		})
	}
	return release, blocked
}

// race runs first until it stands at the lock, then second until it stands or
// is done, then lets both go.
func race(t *testing.T, p *webtest.Provider, first, second func()) {
	t.Helper()
	release, blocked := lockClients(t, p)
	var wg sync.WaitGroup
	wg.Go(first)
	blocked(1, nil)
	done := make(chan struct{})
	wg.Go(func() { defer close(done); second() })
	blocked(2, done)
	release()
	wg.Wait()
}

//security:20-moment
func TestTokenRedeemedDuringSignOutEnds(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b, rp := amelia(t, p), p.Browser(t)
	code, out := silent(t, b, codeRequest()).Get("code"), b.Get("/end_session")
	var redeemed, signedOut *webtest.Page
	race(t, p, func() { redeemed = redeem(rp, code) }, func() { signedOut = out.Submit("sign-out", nil) })
	if signedOut.Status != http.StatusOK {
		t.Fatal(signedOut.Status)
	}
	if redeemed.Status == http.StatusOK {
		if info := userinfo(rp, decode(t, redeemed).AccessToken); info.Status != http.StatusUnauthorized {
			t.Errorf("the token outlives the sign-out: %d %s", info.Status, info.Body)
		}
	}
}

//security:20-moment
func TestCodeIssuedDuringSignOutEnds(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	b2, out := b.For(t), b.Get("/end_session")
	var answer, signedOut *webtest.Page
	race(t, p, func() { answer = b2.Authorize(codeRequest()) }, func() { signedOut = out.Submit("sign-out", nil) })
	if code := answer.Answer().Get("code"); signedOut.Status != http.StatusOK || code != "" && redeem(p.Browser(t), code).Status == http.StatusOK {
		t.Errorf("sign-out %d, and the code from before it was redeemed", signedOut.Status)
	}
}

//security:20-moment
func TestCodeIssuedDuringPasswordChangeEnds(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	var answer *webtest.Page
	race(t, p, func() { answer = b.Authorize(codeRequest()) }, func() { p.SetPassword("amelia", "a brand new password") })
	code := answer.Answer().Get("code")
	if code == "" {
		return
	}
	if r := redeem(p.Browser(t), code); r.Status == http.StatusOK {
		t.Errorf("the code outlives the password; its token at userinfo: %d", userinfo(p.Browser(t), decode(t, r).AccessToken).Status)
	}
}

// Whoever signs in, gets a code or redeems one while they are deleted gets nothing that
// lasts, and no error of ours.
func TestWhatIsMadeDuringADeletionEnds(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]func(t *testing.T, p *webtest.Provider) func() *webtest.Page{
		"sign-in": func(t *testing.T, p *webtest.Provider) func() *webtest.Page {
			page := p.Browser(t).Authorize(codeRequest())
			return func() *webtest.Page { return page.SignIn("amelia", ameliasPassword) }
		},
		"code": func(t *testing.T, p *webtest.Provider) func() *webtest.Page {
			b := amelia(t, p)
			return func() *webtest.Page { return b.Authorize(codeRequest()) }
		},
		"token": func(t *testing.T, p *webtest.Provider) func() *webtest.Page {
			b, rp := amelia(t, p), p.Browser(t)
			code := silent(t, b, codeRequest()).Get("code")
			return func() *webtest.Page { return redeem(rp, code) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, nil, brand)
			key := p.APIKey(nil, op.ScopeConsumersWrite)
			sub := webtest.Query[string](p, "select sub from consumers where username = 'amelia'")
			do := first(t, p)
			var page *webtest.Page
			race(t, p, func() { page = do() }, func() {
				if reply := p.Call(key, http.MethodDelete, "/consumers/"+sub, nil); reply.Status != http.StatusNoContent {
					t.Errorf("%d %s", reply.Status, reply.Body)
				}
			})
			if page.Status >= http.StatusInternalServerError {
				t.Errorf("%d %s", page.Status, page.Body)
			}
			for _, table := range []string{"sessions", "authorization_codes", "access_tokens", "refresh_families"} {
				if n := webtest.Query[int](p, "select count(*) from "+table); n != 0 {
					t.Errorf("%d rows of %s", n, table)
				}
			}
		})
	}
}

func TestPublicConnectorHasATokenSource(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, `
clients:
  - client_id: public-connector
    token_endpoint_auth_method: none
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    web_origins: [https://www.brand.example]
    conversational_cloud: {variant: rfc}
`)
	if page := fromPage(t, amelia(t, p), "public-connector", messagingOrigin); page.Status != http.StatusOK {
		t.Errorf("%d %s", page.Status, page.Body)
	}
}

//security:15-kept-page
func TestConsentDoesNotStretchTheSignIn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	consent := p.Browser(t).Authorize(codeRequest("prompt", "login consent", "max_age", "60")).SignIn("amelia", ameliasPassword)
	p.Advance(59 * time.Minute)
	for range 3 { // and the same form again and again
		if page := consent.Submit("consent", map[string]string{"consent": "allow"}); strings.Contains(page.Target(), "code=") {
			t.Error("a code for prompt=login and max_age=60, 59 minutes after the password")
		}
	}
}

func TestEveryRequestIDIsInTheLog(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	for _, address := range []string{"/nothing-here", "/sign-in"} {
		page := b.Get(address)
		if id := page.Text("request-id"); id == "" || !strings.Contains(p.Log.String(), id) {
			t.Errorf("%s: %d, request id %q is in no log line", address, page.Status, id)
		}
	}
}
