package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage/storagetest"
	"github.com/brandidp/idp/web/api/client"
	"github.com/brandidp/idp/web/webtest"
)

const brand = `
clients:
  - client_id: messaging
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    grant_types: [implicit]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
  - client_id: backend
    client_secret: a-secret-that-is-long-enough-for-it
    grant_types: [client_credentials]
    response_types: []
    scope: idp:consumers:read idp:consumers:write
  - client_id: shop
    client_name: The shop
    client_secret: a-secret-that-is-long-enough-for-it
    redirect_uris: [https://shop.brand.example/callback]
    scope: openid offline_access
    grant_types: [authorization_code, refresh_token]
    login_url: https://www.brand.example/login
    logout_url: https://www.brand.example/logout
`

// What the examples use: a provider that is up, and its API.
var (
	ctx      = context.Background()
	provider *webtest.Provider
	issuer   string
	apiKey   string
	api      *client.Client
)

func TestMain(m *testing.M) { os.Exit(storagetest.Run(withProvider{m})) }

// withProvider runs tests while a provider is up.
type withProvider struct{ m *testing.M }

func (w withProvider) Run() int {
	tb := &mainTB{}
	defer tb.cleanUp()
	provider = webtest.Start(tb, nil, brand)
	issuer, apiKey = provider.Issuer, provider.APIKey(nil, op.APIScopes()...)
	api = &client.Client{Issuer: issuer, APIKey: apiKey}
	return w.m.Run()
}

// mainTB has the lifetime of all tests, examples included, which have no testing.TB of
// their own.
type mainTB struct {
	testing.TB

	cleanups []func()
}

func (*mainTB) Helper()                           {}
func (*mainTB) Context() context.Context          { return ctx }
func (*mainTB) Fatal(args ...any)                 { panic(fmt.Sprint(args...)) }
func (*mainTB) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
func (*mainTB) Errorf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
func (t *mainTB) Cleanup(f func())                { t.cleanups = append(t.cleanups, f) }

func (t *mainTB) cleanUp() {
	for len(t.cleanups) > 0 {
		last := t.cleanups[len(t.cleanups)-1]
		t.cleanups = t.cleanups[:len(t.cleanups)-1]
		last()
	}
}

// browser is that of somebody who has begun to sign in at the shop, and challenge what it
// has brought to the brand's login.
func browser() (b *webtest.Browser, challenge string) {
	b = provider.Browser(&mainTB{})
	page := b.Authorize(url.Values{
		"client_id": {"shop"}, "response_type": {"code"}, "scope": {"openid offline_access"}, "redirect_uri": {"https://shop.brand.example/callback"},
	})
	return b, parameter(page, "login_challenge")
}

func parameter(page *webtest.Page, name string) string {
	target, err := url.Parse(page.Target())
	if err != nil || target.Query().Get(name) == "" {
		panic(fmt.Sprintf("status %d, target %q", page.Status, page.Target()))
	}
	return target.Query().Get(name)
}

// signIn makes a consumer who signs in at the shop, and gives the session.
func signIn(sub string) (b *webtest.Browser, sid string) {
	b, challenge := browser()
	next, err := api.AcceptLoginChallenge(ctx, challenge, &client.AcceptedLogin{Sub: sub, Upsert: &client.ConsumerInput{}})
	if err != nil {
		panic(err)
	}
	request := b.Request("/token", url.Values{
		"grant_type": {"authorization_code"}, "code": {parameter(b.Get(next.RedirectTo), "code")}, "redirect_uri": {"https://shop.brand.example/callback"},
	})
	request.SetBasicAuth("shop", "a-secret-that-is-long-enough-for-it")
	var tokens struct {
		RefreshToken string `json:"refresh_token"`
	}
	if page := b.Do(request); page.Status != http.StatusOK || json.Unmarshal([]byte(page.Body), &tokens) != nil || tokens.RefreshToken == "" {
		panic(page.Body)
	}
	sessions, err := api.ListSessions(ctx, sub)
	if err != nil || len(sessions) != 1 {
		panic(fmt.Sprint(sessions, err))
	}
	return b, sessions[0].Sid
}

// signOut has a browser begin to sign out at the shop, and gives what it brings to the
// brand's sign-out.
func signOut(b *webtest.Browser) (challenge string) {
	return parameter(b.Get("/end_session?client_id=shop").Submit("sign-out", nil), "logout_challenge")
}

// told waits until it is told of a change of a consumer: not before everything that
// might come before it is over, on the whole server.
func told(sub string) {
	webtest.Eventually(&mainTB{}, "the audit event of "+sub, func() bool {
		for event, err := range api.AuditEvents(ctx, client.AuditQuery{Target: sub}) {
			if err != nil || event.Target == sub {
				return err == nil
			}
		}
		return false
	})
}

// check fails an example by its output.
func check(err error) {
	if err != nil {
		fmt.Println(strings.ReplaceAll(err.Error(), "\n", " "))
	}
}
