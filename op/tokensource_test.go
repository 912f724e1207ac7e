package op_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

const (
	messagingOrigin = "https://www.brand.example"
	shopOrigin      = "https://shop.brand.example"
	pageOrigin      = "https://page.brand.example"
)

// fromPage asks the token source as the script on a page of an origin does.
func fromPage(tb testing.TB, b *webtest.Browser, client, origin string) *webtest.Page {
	tb.Helper()
	return b.Do(b.RawRequest("POST", "/token-source", "application/json", `{"client_id":"`+client+`"}`, "Origin", origin))
}

// wantNoGrant checks that no page can read an answer.
func wantNoGrant(t *testing.T, name string, page *webtest.Page) {
	t.Helper()
	for header := range page.Header {
		if strings.HasPrefix(header, "Access-Control-") {
			t.Errorf("%s: %s: %s", name, header, page.Header.Get(header))
		}
	}
}

//contract:1.8-default 1.10-nobody 2.4-token-source 3.2-same
func TestTokenSource(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	granted := func(page *webtest.Page) {
		t.Helper()
		h := page.Header
		if h.Get("Access-Control-Allow-Origin") != messagingOrigin || h.Get("Access-Control-Allow-Credentials") != "true" ||
			!strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") || h.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", h)
		}
	}
	page := fromPage(t, b, "messaging", messagingOrigin)
	granted(page)
	answer := tokens(t, page)
	got := claims(t, p, "messaging", answer.IDToken)
	if answer.Subject != got["sub"] || answer.Issuer != p.Issuer || answer.ExpiresIn < 3590 || answer.ExpiresIn > 3600 || got["lp_sdes"] == nil || got["nonce"] != nil {
		t.Errorf("answer %+v, claims %v", answer, got)
	}
	page = fromPage(t, p.Browser(t), "messaging", messagingOrigin)
	granted(page)
	wantWire(t, page, http.StatusUnauthorized, "login_required")
	page = fromPage(t, b, "messaging", messagingOrigin)
	tokens(t, page)
	if len(page.Header.Values("Set-Cookie")) != 0 {
		t.Errorf("cookies %v", page.Header.Values("Set-Cookie"))
	}
}

//security:5-client 5-content-type 5-origin 5-probe
func TestTokenSourceForStrangers(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	const body = `{"client_id":"messaging"}`
	p.Counts.Take()
	post := func(contentType, body string, headers ...string) *webtest.Page {
		return b.Do(b.RawRequest("POST", "/token-source", contentType, body, headers...))
	}
	for _, origin := range []string{
		shopOrigin, pageOrigin, "null", "", "*", "https://evil.example", "https://www.brand.example:443", "https://www.brand.example/", "http://www.brand.example",
		"https://WWW.brand.example", "https://www.brand.example.evil.example", "https://a.www.brand.example", p.Issuer, "https://www.brand.example, https://evil.example",
	} {
		page := post("application/json", body, "Origin", origin)
		wantWire(t, page, http.StatusForbidden, "access_denied")
		wantNoGrant(t, origin, page)
	}
	for _, contentType := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "text/plain; application/json", "application/jsonx"} {
		page := post(contentType, body, "Origin", messagingOrigin)
		wantWire(t, page, http.StatusForbidden, "access_denied")
		wantNoGrant(t, contentType, page)
	}
	for _, body := range []string{`{}`, `{"client_id":"nobody"}`, `{"client_id":"site"}`, `{"client_id":1}`, `{`, `[]`, `{"client_id":"messaging"`, strings.Repeat(" ", 10<<10)} {
		page := post("application/json", body, "Origin", messagingOrigin)
		wantWire(t, page, http.StatusForbidden, "access_denied")
		wantNoGrant(t, body, page)
	}
	request := b.RawRequest("POST", "/token-source", "application/json", body)
	request.Header["Origin"] = []string{messagingOrigin, messagingOrigin}
	wantWire(t, b.Do(request), http.StatusForbidden, "access_denied")
	noOrigin := b.Do(b.RawRequest("POST", "/token-source", "application/json", body))
	wantWire(t, noOrigin, http.StatusForbidden, "access_denied")
	wantWire(t, b.Do(b.RawRequest("POST", "/token-source?client_id=messaging", "application/json", body, "Origin", messagingOrigin)), http.StatusForbidden, "access_denied")
	wantCost(t, p, "strangers: the cookie is not even looked up", 0, 0)
	// A stranger learns nothing of who is signed in.
	if a, b := fromPage(t, b, "messaging", "https://evil.example"), fromPage(t, p.Browser(t), "messaging", "https://evil.example"); a.Status != b.Status || a.Body != b.Body {
		t.Error("the answer to a stranger depends on the session")
	}
}

//contract:2.4-xhr
//defect:3-cors
//security:5-preflight
func TestPreflights(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	for _, address := range []string{"/token-source", "/token", "/userinfo"} {
		for _, origin := range []string{messagingOrigin, shopOrigin, pageOrigin} { // the union
			page := b.Do(b.RawRequest("OPTIONS", address, "", "", "Origin", origin, "Access-Control-Request-Method", "POST"))
			h := page.Header
			if page.Status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != origin || h.Get("Vary") != "Origin" ||
				(h.Get("Access-Control-Allow-Credentials") == "true") != (address == "/token-source") {
				t.Errorf("%s from %s: status %d, %v", address, origin, page.Status, h)
			}
		}
		for _, origin := range []string{"https://evil.example", "null", ""} {
			page := b.Do(b.RawRequest("OPTIONS", address, "", "", "Origin", origin, "Access-Control-Request-Method", "POST"))
			if page.Status != http.StatusForbidden {
				t.Errorf("%s from %q: status %d", address, origin, page.Status)
			}
			wantNoGrant(t, address, page)
		}
	}
	for _, address := range []string{"/authorize", "/sign-in", "/end_session"} {
		page := b.Do(b.RawRequest("OPTIONS", address, "", "", "Origin", messagingOrigin, "Access-Control-Request-Method", "POST"))
		wantNoGrant(t, address, page)
	}
	for _, address := range []string{"/.well-known/openid-configuration", "/jwks.json", "/jwks/messaging.json"} {
		page := b.Do(b.RawRequest("GET", address, "", "", "Origin", "https://evil.example"))
		if page.Header.Get("Access-Control-Allow-Origin") != "*" || page.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %v", address, page.Header)
		}
	}
}

//defect:3-cors
func TestPagesMayReadTheirOwnClientsAnswers(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	redeemed := func(origin string) *webtest.Page {
		code := silent(t, b, challenged(codeRequest("client_id", "page", "redirect_uri", "https://page.brand.example/cb"))).Get("code")
		form := params("grant_type", "authorization_code", "client_id", "page", "redirect_uri", "https://page.brand.example/cb", "code", code, "code_verifier", verifier)
		return b.Do(b.Request("/token", form, "Origin", origin))
	}
	for _, origin := range []string{shopOrigin, "null", "https://evil.example"} {
		page := redeemed(origin)
		wantNoGrant(t, origin, page)
		wantNoGrant(t, origin, b.Do(b.Request("/userinfo", nil, "Origin", origin, "Authorization", "Bearer "+tokens(t, page).AccessToken)))
	}
	page := redeemed(pageOrigin)
	if h := page.Header; h.Get("Access-Control-Allow-Origin") != pageOrigin || h.Get("Access-Control-Allow-Credentials") != "" || h.Get("Vary") != "Origin" {
		t.Errorf("/token: %v", h)
	}
	page = b.Do(b.Request("/userinfo", nil, "Origin", pageOrigin, "Authorization", "Bearer "+tokens(t, page).AccessToken))
	if h := page.Header; page.Status != http.StatusOK || h.Get("Access-Control-Allow-Origin") != pageOrigin || h.Get("Access-Control-Allow-Credentials") != "" {
		t.Errorf("/userinfo: status %d, %v", page.Status, h)
	}
	wrong := b.Do(b.Request("/token", params("grant_type", "authorization_code", "client_id", "page", "code", "x", "redirect_uri", "x"), "Origin", pageOrigin))
	if wrong.Header.Get("Access-Control-Allow-Origin") != pageOrigin {
		t.Errorf("an error of /token: %v", wrong.Header)
	}
}

//security:5-script
func TestPageScriptKnowsNobody(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	page := b.Get("/token-source.js?client_id=messaging")
	if other := p.Browser(t).Get("/token-source.js?client_id=messaging"); page.Status != http.StatusOK || page.Body != other.Body {
		t.Errorf("status %d; the script depends on who is signed in", page.Status)
	}
	for _, personal := range []string{"melia", "138766AC", webtest.Query[string](p, "select sub from consumers where username = 'amelia'")} {
		if strings.Contains(page.Body, personal) {
			t.Errorf("the script holds %q", personal)
		}
	}
	for _, client := range []string{"site", "nobody", "", marker} {
		if page := b.Get("/token-source.js?client_id=" + params("", client).Encode()[1:]); page.Status != http.StatusNotFound || strings.Contains(page.Body, "zzmarkerzz") {
			t.Errorf("%q: status %d\n%s", client, page.Status, page.Body)
		}
	}
}

//security:5-flood
func TestTokenSourceHasALimitPerSession(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b, other := amelia(t, p), amelia(t, p)
	const limit = 60
	for range limit {
		tokens(t, fromPage(t, b, "messaging", messagingOrigin))
	}
	page := fromPage(t, b, "messaging", messagingOrigin)
	wantWire(t, page, http.StatusTooManyRequests, "temporarily_unavailable")
	if page.Header.Get("Retry-After") == "" || page.Header.Get("Access-Control-Allow-Origin") != messagingOrigin {
		t.Errorf("headers %v", page.Header)
	}
	tokens(t, fromPage(t, other, "messaging", messagingOrigin))
	p.Advance(61 * time.Second)
	tokens(t, fromPage(t, b, "messaging", messagingOrigin))
}
