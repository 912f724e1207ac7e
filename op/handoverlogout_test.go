package op_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// shopsHint gives an ID token of the shop, and the sid in it.
func shopsHint(t *testing.T, p *webtest.Provider, b *webtest.Browser) (hint, sid string) {
	t.Helper()
	hint = silent(t, b, handedRequest("response_type", "id_token")).Get("id_token")
	return hint, claims(t, p, "shop", hint)["sid"].(string)
}

const shopBye = "https://shop.brand.example/bye"

// The session here ends at once; the browser comes by the brand's own sign-out on its
// way back.
func TestSignOutAtTheBrand(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := shopper(t, p, pond)
	hint, sid := shopsHint(t, p, b)
	page := endSession(b, "id_token_hint", hint, "post_logout_redirect_uri", shopBye, "state", "s t")
	if page.Status != http.StatusFound || !strings.HasPrefix(page.Target(), "https://www.brand.example/logout?logout_challenge=") {
		t.Fatalf("status %d, target %q", page.Status, page.Target())
	}
	wantError(t, b.Authorize(handedRequest("prompt", "none")), "login_required")
	challenge := parameterOf(t, page, "logout_challenge")
	var told struct {
		ClientID   string `json:"client_id"`
		Sid        string `json:"sid"`
		Sub        string `json:"sub"`
		ExternalID string `json:"external_id"`
	}
	p.Call(narrowedKey(p, "shop"), http.MethodGet, "/logout-challenges/"+challenge, nil).Want(http.StatusOK).Into(&told)
	if told.ClientID != "shop" || told.Sid != sid || told.Sub != "sub-of-pond" || told.ExternalID != "crm-1" {
		t.Fatalf("%+v", told)
	}
	p.Call(narrowedKey(p, "site"), http.MethodGet, "/logout-challenges/"+challenge, nil).Want(http.StatusNotFound)
	redirectTo := acceptedLogout(t, p, challenge)
	if d := acceptLogout(t, p, challenge); d.status != http.StatusConflict {
		t.Errorf("accepted twice: %+v", d)
	}
	wantRedirect(t, b.Get(redirectTo), shopBye+"?state=s%20t")
	wantErrorPage(t, b.Get(redirectTo), http.StatusConflict, "invalid_request")

	// Without a hint the person is asked, and shown a way back rather than sent there.
	b = shopper(t, p, pond)
	page = b.Get("/end_session?client_id=shop&post_logout_redirect_uri="+shopBye).Submit("sign-out", map[string]string{"everywhere": "true"})
	if page.Status != http.StatusOK {
		t.Errorf("status %d", page.Status)
	}
	page = b.Get(acceptedLogout(t, p, parameterOf(t, page, "logout_challenge")))
	if page.Status != http.StatusOK || page.Header.Get("Location") != "" || !strings.Contains(page.Body, shopBye) {
		t.Errorf("status %d, Location %q\n%s", page.Status, page.Header.Get("Location"), page.Body)
	}
	// Where nobody is signed in, there is nothing to hand over.
	if page := endSession(b, "id_token_hint", hint, "post_logout_redirect_uri", shopBye); page.Target() != shopBye {
		t.Errorf("target %q", page.Target())
	}
	// A client without an address of the brand's.
	b = amelia(t, p)
	if page := b.Get("/end_session").Submit("sign-out", nil); !strings.Contains(page.Body, "You are signed out") {
		t.Errorf("status %d\n%s", page.Status, page.Body)
	}
}

// The brand's own session may outlive ours. Without a hint the person is asked: anybody
// may have sent the browser here.
//
//security:26-silent
func TestSignOutAtTheBrandAfterOurs(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	for _, hinted := range []bool{true, false} {
		b := shopper(t, p, pond)
		hint, _ := shopsHint(t, p, b)
		p.Exec("update sessions set expires_at = idp_now()")
		asks := []string{"client_id", "shop", "post_logout_redirect_uri", shopBye}
		if hinted {
			asks = append(asks, "id_token_hint", hint)
		}
		page := endSession(b, asks...)
		if !hinted {
			page = page.Submit("sign-out", nil)
		}
		challenge := parameterOf(t, page, "logout_challenge")
		var told map[string]any
		p.Call(narrowedKey(p, "shop"), http.MethodGet, "/logout-challenges/"+challenge, nil).Want(http.StatusOK).Into(&told)
		for _, absent := range []string{"sid", "sub", "external_id"} {
			if _, there := told[absent]; there {
				t.Errorf("%s of a session that had run out: %v", absent, told)
			}
		}
		if page := b.Get(acceptedLogout(t, p, challenge)); page.Target() != shopBye || told["client_id"] != "shop" {
			t.Errorf("target %q, told %v", page.Target(), told)
		}
	}
}

// The address may be that of the whole provider.
func TestSignOutAtTheBrandForAll(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.HandOver.LogoutURL = "https://www.brand.example/bye?all=1" }, brand)
	b := amelia(t, p)
	page := b.Get("/end_session").Submit("sign-out", nil)
	challenge := parameterOf(t, page, "logout_challenge")
	if !strings.HasPrefix(page.Target(), "https://www.brand.example/bye?all=1&logout_challenge=") {
		t.Errorf("target %q", page.Target())
	}
	wantSignedOut(t, b)
	// A credential of one client does not reach the sign-out of none.
	p.Call(narrowedKey(p, "site"), http.MethodPost, "/logout-challenges/"+challenge+"/accept", nil).Want(http.StatusNotFound)
	if page := b.Get(acceptedLogout(t, p, challenge)); page.Status != http.StatusOK || !strings.Contains(page.Body, "You are signed out") {
		t.Errorf("status %d\n%s", page.Status, page.Body)
	}
}

// A verifier of a sign-out that reaches another browser leads nowhere, nor does a late
// one, or a guess.
//
//security:17-logout
func TestLogoutVerifierElsewhere(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	signOut := func() (*webtest.Browser, string) {
		b := shopper(t, p, pond)
		hint, _ := shopsHint(t, p, b)
		return b, parameterOf(t, endSession(b, "id_token_hint", hint, "post_logout_redirect_uri", shopBye), "logout_challenge")
	}
	b, challenge := signOut()
	redirectTo := acceptedLogout(t, p, challenge)
	other := shopper(t, p, williams)
	wantErrorPage(t, other.Get(redirectTo), http.StatusForbidden, "access_denied")
	silent(t, other, handedRequest("prompt", "none"))
	wantErrorPage(t, b.Get(redirectTo), http.StatusConflict, "invalid_request")
	for _, guess := range []string{"", "?logout_verifier=" + challenge, "?logout_verifier=x&logout_verifier=x"} {
		wantErrorPage(t, b.Get("/continue-logout"+guess), http.StatusNotFound, "invalid_request")
	}

	b, challenge = signOut()
	_, late := signOut()
	redirectTo = acceptedLogout(t, p, challenge)
	p.Advance(10*time.Minute + time.Second)
	wantErrorPage(t, b.Get(redirectTo), http.StatusGone, "invalid_request")
	if d := acceptLogout(t, p, late); d.status != http.StatusGone {
		t.Errorf("%+v", d)
	}
	if _, err := p.Store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := webtest.Query[int](p, "select count(*)::int from logout_challenges"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}
