package op_test

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web/webtest"
)

// TestHostileValues puts each hostile value into each parameter of each request.
//
//security:16-markup
func TestHostileValues(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	names := []string{
		"client_id", "redirect_uri", "response_type", "response_mode", "scope", "state", "nonce", "prompt", "max_age", "login_hint", "ui_locales",
		"acr_values", "display", "code_challenge", "code_challenge_method", "id_token_hint", "request", "request_uri", "registration", "claims", "\xff", marker,
	}
	for _, value := range hostile {
		for _, name := range names {
			for _, request := range []url.Values{codeRequest(), windowRequest("prompt", "none")} {
				page := checked(t, p, b, b.Request("/authorize", with(request, name, value)))
				if value != "" && page.Status == http.StatusFound && page.Answer().Get("state") != request.Get("state") && name != "state" {
					t.Errorf("%s=%.40q: state %q", name, value, page.Answer().Get("state"))
				}
			}
		}
		for _, name := range []string{"grant_type", "code", "redirect_uri", "code_verifier", "client_id", "client_secret", "scope", "resource"} {
			form := params("grant_type", "authorization_code", "redirect_uri", siteCallback, "code", "x")
			if page := checked(t, p, b, b.Request("/token", with(form, name, value), "Authorization", basic("site:"+siteSecret))); page.Status == http.StatusOK {
				t.Errorf("tokens for %s=%.40q", name, value)
			}
		}
		checked(t, p, b, b.Request("/userinfo", params("access_token", value)))
		checked(t, p, b, b.Request("/userinfo", nil, "Authorization", "Bearer "+headerText(value)))
		checked(t, p, b, b.Request("/end_session", params("id_token_hint", value, "proof", value, "ui_locales", value)))
		checked(t, p, b, b.Request("/token-source.js?client_id="+url.QueryEscape(value), nil))
		checked(t, p, b, b.Request("/jwks/"+url.PathEscape(value)+".json", nil))
		checked(t, p, b, b.Request("/"+url.PathEscape(value), nil))
		for _, cookie := range []string{"idp_session", "idp_binding", "idp_device"} {
			request := b.Request("/authorize?"+codeRequest().Encode(), nil)
			request.Header.Set("Cookie", cookie+"="+headerText(value))
			checked(t, p, p.Browser(t), request)
		}
	}
}

// raw sends bytes as they are, and gives the status of the answer.
func raw(t *testing.T, p *webtest.Provider, request string) int {
	t.Helper()
	u, err := url.Parse(p.Address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.DialTimeout("tcp", u.Host, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close() //nolint:errcheck // answered
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = conn.Write([]byte(request)) // the server may have had enough before the end
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	_ = response.Body.Close()
	return response.StatusCode
}

func TestBrokenHTTP(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	const head = " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
	form := head + "Content-Type: application/x-www-form-urlencoded\r\n"
	for name, test := range map[string]string{
		"NUL in the path":         "GET /authorize\x00" + head + "\r\n",
		"bad escape in the path":  "GET /%zz" + head + "\r\n",
		"bad escape in the query": "GET /authorize?client_id=%zz" + head + "\r\n",
		"header without a colon":  "GET /authorize" + head + "x\r\n\r\n",
		"NUL in a header":         "GET /authorize" + head + "Cookie: idp_session=\x00\r\n\r\n",
		"2 MB of headers":         "GET /authorize" + head + "X: " + strings.Repeat("a", 2<<20) + "\r\n\r\n",
		"2 MB of query":           "GET /authorize?x=" + strings.Repeat("a", 2<<20) + head + "\r\n",
		"negative length":         "POST /token" + form + "Content-Length: -1\r\n\r\n",
		"length that is none":     "POST /token" + form + "Content-Length: 99999999999999999999\r\n\r\n",
		"two lengths":             "POST /token" + form + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
		"bad chunk":               "POST /token" + form + "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
		"huge body announced":     "POST /token" + form + "Content-Length: 1000000000\r\n\r\n" + strings.Repeat("a", 256<<10),
		"no host":                 "GET /authorize HTTP/1.1\r\n\r\n",
		"two hosts":               "GET /authorize" + head + "Host: evil.example\r\n\r\n",
		"HTTP/9.9":                "GET /authorize HTTP/9.9\r\nHost: localhost\r\n\r\n",
	} {
		if status := raw(t, p, test); status < 400 || status > 499 && status != http.StatusHTTPVersionNotSupported {
			t.Errorf("%s: status %d, want 4xx", name, status)
		}
	}
}

// TestPathsLeadNowhereElse: a path that net/http tidies up stays here.
//
//security:18-paths
func TestPathsLeadNowhereElse(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	for _, path := range []string{"//evil.example", "//evil.example/..", "/\\evil.example", "/.//evil.example", "/x/..//evil.example/", "/%2f/evil.example", "/authorize/../%2fevil.example"} {
		request := b.Request("/", nil)
		request.URL.Opaque = path
		page := b.Do(request)
		if target := page.Header.Get("Location"); page.Status >= 500 || strings.HasPrefix(target, "//") || strings.HasPrefix(target, "/\\") || strings.Contains(target, "://") {
			t.Errorf("%s: status %d, Location %q", path, page.Status, target)
		}
	}
}

//defect:5-body
//security:11-size
func TestManyAndLargeParametersAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	var many bytes.Buffer
	for i := range 12_000 {
		fmt.Fprintf(&many, "&p%d=", i)
	}
	for name, request := range map[string]*http.Request{
		"100,000 parameters":      b.RawRequest("POST", "/authorize", "application/x-www-form-urlencoded", codeRequest().Encode()+strings.Repeat("&a", 100_000)),
		"the same 50,000 times":   b.RawRequest("POST", "/authorize", "application/x-www-form-urlencoded", codeRequest().Encode()+strings.Repeat("&a", 50_000)),
		"12,000 different":        b.RawRequest("POST", "/authorize", "application/x-www-form-urlencoded", codeRequest().Encode()+many.String()),
		"1 MB at the token":       b.Request("/token", params("code", strings.Repeat("a", 1<<20))),
		"1 MB at userinfo":        b.Request("/userinfo", params("access_token", strings.Repeat("a", 1<<20))),
		"1 MB at sign-out":        b.Request("/end_session", params("proof", strings.Repeat("a", 1<<20))),
		"1 MB at the page script": b.RawRequest("POST", "/token-source", "application/json", strings.Repeat(" ", 1<<20), "Origin", messagingOrigin),
	} {
		start := time.Now()
		page := b.Do(request)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: answered after %v", name, took)
		}
		if page.Status < 400 || page.Status > 499 {
			if page.Status != http.StatusFound && page.Status != http.StatusSeeOther || page.Answer().Get("error") == "" {
				t.Errorf("%s: status %d", name, page.Status)
			}
		}
	}
}

// TestNothingSecretIsLogged goes every way, right and wrong, and then looks for
// what must not be in the log.
//
//defect:5-log
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	const state, nonce, hint = "secret-state-value", "secret-nonce-value", "hinted-person@brand.example"
	request := challenged(codeRequest("state", state, "nonce", nonce, "login_hint", hint))
	page := b.Authorize(request)
	page.SignIn("amelia", "mistyped-password-value")
	page.SignIn("unknown-person-value", "mistyped-password-value")
	code := page.SignIn("amelia", ameliasPassword).Answer().Get("code")
	secrets := []string{
		ameliasPassword, "mistyped-password-value", "unknown-person-value", state, nonce, hint, verifier, challengeOf(verifier), code,
		siteSecret, site2Secret, postSecret, "melia", "Pond", "138766AC", "-400.99", "hostile-value",
	}
	redeem(b, code)
	wrong := redeemAs(b, "site", "wrong-client-secret-value", params("grant_type", "authorization_code", "code", code))
	wantWire(t, wrong, http.StatusUnauthorized, "invalid_client")
	token := tokens(t, redeem(b, code, "code_verifier", verifier))
	redeem(b, code, "code_verifier", verifier)
	answer := silent(t, b, implicitRequest("response_type", "id_token token", "state", state))
	secrets = append(secrets, "wrong-client-secret-value", token.AccessToken, token.IDToken, answer.Get("access_token"), answer.Get("id_token"))
	userinfo(b, token.AccessToken)
	userinfo(b, "bad-access-token-value")
	b.Get("/userinfo?access_token=" + answer.Get("access_token"))
	silent(t, b, windowRequest())
	b.Authorize(codeRequest("id_token_hint", token.IDToken[:100], "state", state))
	b.Authorize(codeRequest("redirect_uri", "https://hostile-value.example", "state", state))
	b.Authorize(codeRequest("client_id", "hostile-value"))
	b.Get("/hostile-value/" + code)
	b.Get("/jwks/hostile-value.json")
	b.Authorize(windowRequest("state", `{"lpUnifiedWindowConfig":{"accountId":"hostile-value"}}`))
	b.Post("/token", params("grant_type", "hostile-value", "client_secret", siteSecret))
	b.Post("/token", params("grant_type", "authorization_code", "client_assertion", "hostile-value"))
	b.Post("/sign-in", params("ticket", "hostile-value", "username", "hostile-value"))
	fromPage(t, b, "hostile-value", "https://hostile-value.example")
	tokens(t, fromPage(t, b, "messaging", messagingOrigin))
	for _, cookie := range []string{"idp_session", "idp_binding", "idp_device"} {
		secrets = append(secrets, b.Cookie(cookie))
	}
	b.Get("/end_session").Submit("sign-out", nil)
	p.Exec("alter table sessions rename to sessions_away") // a fault of ours
	wantError(t, b.Do(b.Request("/authorize?"+codeRequest("state", state).Encode(), nil, "Cookie", "idp_session="+strings.Repeat("A", 43))), "server_error")
	wantErrorPage(t, b.Authorize(codeRequest()).SignIn("amelia", ameliasPassword), http.StatusInternalServerError, "server_error")

	logged := p.Log.String()
	for _, secret := range append(secrets, "bad-access-token-value") {
		if secret == "" || strings.Contains(logged, secret) {
			t.Errorf("the log holds %q:\n%s", secret, logged)
		}
	}
	if !strings.Contains(logged, "request_id=") || !strings.Contains(logged, "invalid_client") {
		t.Errorf("the log does not tell what happened:\n%s", logged)
	}
}
