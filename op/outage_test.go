package op_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/builtin"
	"github.com/brandidp/idp/storage/storagetest"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// ownServer is a PostgreSQL that a test may stop.
type ownServer struct {
	t       *testing.T
	options builtin.Options
	server  *builtin.Server
}

func newOwnServer(t *testing.T) *ownServer {
	t.Helper()
	s := &ownServer{t: t, options: builtin.Options{DataDir: storagetest.DataDir(t), Disposable: true}}
	s.start()
	t.Cleanup(s.stop)
	if err := storage.Migrate(t.Context(), s.server.URL()); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *ownServer) start() {
	s.t.Helper()
	var err error
	if s.server, err = builtin.Start(s.t.Context(), s.options); err != nil {
		s.t.Fatal(err)
	}
}

func (s *ownServer) stop() {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := s.server.Stop(ctx); err != nil {
		s.t.Error(err)
	}
}

func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	database := newOwnServer(t)
	p := webtest.StartAt(t, database.server.URL(), nil, brand, refreshBrand, backendBrand(t))
	b := amelia(t, p)
	lasting := granted(t, b)
	token := tokens(t, redeem(b, silent(t, b, codeRequest()).Get("code")))
	code := silent(t, b, codeRequest()).Get("code")
	page := p.Browser(t).Authorize(codeRequest())
	choice := b.Authorize(codeRequest("prompt", "select_account"))
	consent := b.Authorize(codeRequest("prompt", "consent"))
	signOut := b.Get("/end_session")
	database.stop()

	unavailable := func(name string, page *webtest.Page) {
		t.Helper()
		if page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" {
			t.Errorf("%s: status %d, Retry-After %q\n%s", name, page.Status, page.Header.Get("Retry-After"), page.Body)
		}
	}
	everyEndpoint := func() {
		t.Helper()
		for _, request := range []string{codeRequest().Encode(), implicitRequest().Encode(), codeRequest("prompt", "none").Encode()} {
			wantError(t, b.Get("/authorize?"+request), "temporarily_unavailable")
		}
		unavailable("sign-in", page.SignIn("amelia", ameliasPassword))
		unavailable("continue", choice.Submit("continue-as", nil))
		unavailable("consent", consent.Submit("consent", map[string]string{"consent": "allow"}))
		unavailable("sign-out page", b.Get("/end_session"))
		unavailable("sign-out", signOut.Submit("sign-out", nil))
		unavailable("sign-out everywhere", signOut.Submit("sign-out", map[string]string{"everywhere": "true"}))
		for name, page := range map[string]*webtest.Page{
			"token": redeem(b, code), "refresh": refresh(b, lasting.RefreshToken), "userinfo": userinfo(b, token.AccessToken), "token source": fromPage(t, b, "messaging", messagingOrigin),
			"introspection": present(b, "/introspect", "portal", lasting.AccessToken), "introspection of a refresh token": present(b, "/introspect", "portal", lasting.RefreshToken),
			"revocation": present(b, "/revoke", "portal", lasting.AccessToken), "revocation of a refresh token": present(b, "/revoke", "portal", lasting.RefreshToken),
			"client credentials": redeemAs(b, "robot", backendSecret, params("grant_type", "client_credentials")),
			"private_key_jwt":    b.Post("/token", authenticated(t, p, "keyed", params("grant_type", "client_credentials"))),
		} {
			unavailable(name, page)
			wantWire(t, page, http.StatusServiceUnavailable, "temporarily_unavailable")
		}
		ready := b.Get("/health/ready")
		unavailable("readiness", ready)
		if !strings.Contains(ready.Body, `"not_ready":"database"`) {
			t.Errorf("readiness: %s", ready.Body)
		}
		for _, address := range []string{"/health/live", "/jwks.json", "/jwks/messaging.json", "/.well-known/openid-configuration"} {
			if page := b.Get(address); page.Status != http.StatusOK {
				t.Errorf("%s: status %d", address, page.Status)
			}
		}
	}
	everyEndpoint()
	wantSignIn(t, p.Browser(t).Authorize(codeRequest())) // needs nothing of the database
	// A minute later, clients and keys may have changed: nothing is decided by them.
	p.AdvanceInstance(61 * time.Second)
	unavailable("authorize with an old view", p.Browser(t).Authorize(codeRequest()))
	unavailable("token with an old view", redeem(b, code))
	unavailable("refresh with an old view", refresh(b, lasting.RefreshToken))
	unavailable("introspection with an old view", present(b, "/introspect", "portal", lasting.AccessToken))
	unavailable("revocation with an old view", present(b, "/revoke", "portal", lasting.AccessToken))
	unavailable("userinfo with an old view", userinfo(b, lasting.AccessToken))
	unavailable("preflight with an old view", b.Do(b.RawRequest("OPTIONS", "/token", "", "", "Origin", messagingOrigin)))
	unavailable("script with an old view", b.Get("/token-source.js?client_id=messaging"))
	unavailable("key set with an old view", b.Get("/jwks.json"))
	unavailable("a connector's key set with an old view", b.Get("/jwks/messaging.json"))
	if page := b.Get("/.well-known/openid-configuration"); page.Status != http.StatusOK {
		t.Errorf("discovery with an old view: status %d", page.Status)
	}

	database.start()
	webtest.Eventually(t, "the provider is ready again", func() bool { return b.Get("/health/ready").Status == http.StatusOK })
	silent(t, b, codeRequest())
	tokens(t, redeem(b, code))
	tokens(t, refresh(b, lasting.RefreshToken))
	if page := userinfo(b, token.AccessToken); page.Status != http.StatusOK {
		t.Errorf("userinfo: status %d", page.Status)
	}
	if page := page.SignIn("amelia", ameliasPassword); page.Target() == "" {
		t.Errorf("sign-in: status %d", page.Status)
	}
	if strings.Contains(p.Log.String(), "server_error") {
		t.Errorf("an unavailable database was taken for a fault:\n%s", p.Log)
	}
}

// TestConnectionsCutInTheMiddle ends every connection while requests are under
// way, as a fail-over does.
func TestConnectionsCutInTheMiddle(t *testing.T) {
	t.Parallel()
	database := newOwnServer(t)
	p := webtest.StartAt(t, database.server.URL(), nil, brand)
	b := amelia(t, p)
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		for range 40 {
			p.Exec("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = current_user")
		}
	}()
	for done := false; !done; {
		select {
		case <-cut:
			done = true
		default:
		}
		page := b.Authorize(implicitRequest("response_type", "id_token token"))
		if page.Status != http.StatusFound {
			t.Fatalf("status %d\n%s", page.Status, page.Body)
		}
		if answer := page.Answer(); answer.Has("error") && answer.Get("error") != "temporarily_unavailable" {
			t.Fatalf("%v\n%s", answer, p.Log)
		}
	}
}

// TestAStatementThatHangs: whoever waits for the database waits for so long and
// no longer.
func TestAStatementThatHangs(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	conn, err := pgx.Connect(t.Context(), p.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background()) //nolint:errcheck // the lock ends with it
	if _, err := conn.Exec(t.Context(), "begin; lock table sessions in access exclusive mode"); err != nil {
		t.Fatal(err)
	}
	wantError(t, b.Authorize(implicitRequest()), "temporarily_unavailable")
	if _, err := conn.Exec(t.Context(), "rollback"); err != nil {
		t.Fatal(err)
	}
	silent(t, b, implicitRequest())
}

func TestAViewOlderThanAMinuteSignsNothing(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	// The database answers, but for what clients and keys are read from.
	p.Exec("alter table changes rename to changes_away")
	p.AdvanceInstance(61 * time.Second)
	if page := b.Authorize(implicitRequest()); page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" {
		t.Errorf("authorize: status %d, Retry-After %q", page.Status, page.Header.Get("Retry-After"))
	}
	wantWire(t, fromPage(t, b, "messaging", messagingOrigin), http.StatusServiceUnavailable, "temporarily_unavailable")
	if ready := b.Get("/health/ready"); ready.Status != http.StatusServiceUnavailable || !strings.Contains(ready.Body, "clients and keys") {
		t.Errorf("readiness: %d %s", ready.Status, ready.Body)
	}
	p.Exec("alter table changes_away rename to changes")
	webtest.Eventually(t, "clients and keys are read again", func() bool { return b.Get("/health/ready").Status == http.StatusOK })
	silent(t, b, implicitRequest())
}

// TestConnectionsCutDuringRefreshes: whether a rotation was committed before its
// connection went, nobody knows; who asks again until there is an answer never loses
// the grant.
func TestConnectionsCutDuringRefreshes(t *testing.T) {
	t.Parallel()
	database := newOwnServer(t)
	p := webtest.StartAt(t, database.server.URL(), func(o *web.Options) { o.RefreshGrace = time.Minute }, brand, refreshBrand)
	b := amelia(t, p)
	token := granted(t, b)
	cut := make(chan struct{})
	go func() {
		defer close(cut)
		for range 40 {
			p.Exec("select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and usename = current_user")
		}
	}()
	for done := false; !done; {
		select {
		case <-cut:
			done = true
		default:
		}
		page := refresh(b, token.RefreshToken)
		if page.Status == http.StatusServiceUnavailable {
			wantWire(t, page, http.StatusServiceUnavailable, "temporarily_unavailable")
			continue
		}
		token = tokens(t, page)
	}
	tokens(t, refresh(b, token.RefreshToken))
}
