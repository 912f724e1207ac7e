package op_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// basic is the value of an Authorization header.
func basic(credentials string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(credentials))
}

//contract:2.5-basic 2.5-error 2.5-form 2.5-invalid-client 2.5-post
//defect:3-www-authenticate 3-invalid-client 6-two-methods
func TestClientAuthentication(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, `
clients:
  - client_id: nocode
    client_secret: abcdefghijabcdefghijabcdefghijabcdefghij
    redirect_uris: [https://www.brand.example/cb]
    response_types: [id_token]
`)
	b := amelia(t, p)
	grant := params("grant_type", "authorization_code", "redirect_uri", siteCallback, "code", "x")
	const refused = http.StatusUnauthorized
	for name, test := range map[string]struct {
		header string
		form   url.Values
		status int
		code   string
	}{
		// A code that is none gets invalid_grant: the client has come past its authentication.
		"basic":           {basic("site:" + siteSecret), grant, 400, "invalid_grant"},
		"basic, encoded":  {basic("%73ite:" + siteSecret), grant, 400, "invalid_grant"},
		"basic with id":   {basic("site:" + siteSecret), with(grant, "client_id", "site"), 400, "invalid_grant"},
		"post":            {"", with(grant, "client_id", "post", "client_secret", postSecret), 400, "invalid_grant"},
		"connector basic": {basic("messaging-code:" + messagingSecret), grant, 400, "invalid_grant"},
		"connector post":  {"", with(grant, "client_id", "messaging-code", "client_secret", messagingSecret), 400, "invalid_grant"},
		"none":            {"", with(grant, "client_id", "page"), 400, "invalid_grant"},

		"wrong secret":               {basic("site:" + site2Secret), grant, refused, "invalid_client"},
		"no secret":                  {basic("site:"), grant, refused, "invalid_client"},
		"wrong secret by post":       {"", with(grant, "client_id", "post", "client_secret", siteSecret), refused, "invalid_client"},
		"unknown client":             {basic("nobody:" + siteSecret), grant, refused, "invalid_client"},
		"post for a basic client":    {"", with(grant, "client_id", "site", "client_secret", siteSecret), refused, "invalid_client"},
		"basic for a post client":    {basic("post:" + postSecret), grant, refused, "invalid_client"},
		"no credentials":             {"", with(grant, "client_id", "site"), refused, "invalid_client"},
		"public with a secret":       {"", with(grant, "client_id", "page", "client_secret", siteSecret), refused, "invalid_client"},
		"public by basic":            {basic("page:" + siteSecret), grant, refused, "invalid_client"},
		"public implicit connector":  {"", with(grant, "client_id", "messaging"), refused, "invalid_client"},
		"basic that is no base64":    {"Basic %%%", grant, refused, "invalid_client"},
		"basic without a colon":      {basic("site"), grant, refused, "invalid_client"},
		"basic with a bad escape":    {basic("si%te:" + siteSecret), grant, refused, "invalid_client"},
		"a secret with a bad escape": {basic("site:%zz" + siteSecret), grant, refused, "invalid_client"},
		"another scheme":             {"Bearer abc", with(grant, "client_id", "page"), refused, "invalid_client"},
		"assertion":                  {"", with(grant, "client_id", "site", "client_assertion", "a.b.c", "client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"), refused, "invalid_client"},
		"assertion of another type":  {"", with(grant, "client_assertion", "a.b.c", "client_assertion_type", "x\"\r\n"), refused, "invalid_client"},
		"both methods":               {basic("site:" + siteSecret), with(grant, "client_id", "site", "client_secret", siteSecret), 400, "invalid_request"},
		"both methods, no id twice":  {basic("site:" + siteSecret), with(grant, "client_secret", siteSecret), 400, "invalid_request"},
		"two clients":                {basic("site:" + siteSecret), with(grant, "client_id", "site2"), 400, "invalid_request"},
		"nothing":                    {"", grant, refused, "invalid_client"},
		"grant type of nobody":       {basic("site:" + siteSecret), with(grant, "grant_type", "password"), 400, "unsupported_grant_type"},
		"client credentials":         {basic("site:" + siteSecret), with(grant, "grant_type", "client_credentials"), 400, "unauthorized_client"},
		"refresh, not registered":    {basic("site:" + siteSecret), with(grant, "grant_type", "refresh_token", "refresh_token", "x"), 400, "unauthorized_client"},
		"stranger's refresh":         {basic("site:wrong"), with(grant, "grant_type", "refresh_token", "refresh_token", "x"), refused, "invalid_client"},
		"code, not registered":       {basic("nocode:" + siteSecret), grant, 400, "unauthorized_client"},
		"implicit is no grant here":  {basic("site:" + siteSecret), with(grant, "grant_type", "implicit"), 400, "unsupported_grant_type"},
		"no grant type":              {basic("site:" + siteSecret), with(grant, "grant_type", ""), 400, "invalid_request"},
		"no code but in capitals":    {basic("site:" + siteSecret), with(grant, "code", "", "Code", "x"), 400, "invalid_request"},
		"no address but in capitals": {basic("site:" + siteSecret), with(grant, "redirect_uri", "", "redirect_uRI", siteCallback), 400, "invalid_request"},
		"no code":                    {basic("site:" + siteSecret), with(grant, "code", ""), 400, "invalid_request"},
		"stranger with a bad grant":  {basic("site:wrong"), with(grant, "code", ""), refused, "invalid_client"},
		"stranger with another type": {basic("site:wrong"), with(grant, "redirect_uri", ""), refused, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			request := b.Request("/token", test.form)
			if test.header != "" {
				request.Header.Set("Authorization", test.header)
			}
			page := b.Do(request)
			wantWire(t, page, test.status, test.code)
			challenge := page.Header.Get("WWW-Authenticate")
			if (test.status == refused) != strings.HasPrefix(challenge, "Basic realm=") {
				t.Errorf("WWW-Authenticate %q", challenge)
			}
			if strings.ContainsAny(decode(t, page).Description, "\"\\\r\n\t") {
				t.Errorf("error_description %q", decode(t, page).Description)
			}
		})
	}
}

//defect:3-no-store 5-body
func TestTokenRequestsThatAreNone(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	const form = "application/x-www-form-urlencoded"
	body := params("grant_type", "authorization_code", "redirect_uri", siteCallback, "code", "x").Encode()
	for name, test := range map[string]struct {
		method, address, contentType, body string
		status                             int
	}{
		"JSON":                   {"POST", "/token", "application/json", `{"grant_type":"authorization_code"}`, 415},
		"multipart":              {"POST", "/token", "multipart/form-data; boundary=x", body, 415},
		"no content type":        {"POST", "/token", "", body, 415},
		"empty body":             {"POST", "/token", form, "", 415},
		"credentials in query":   {"POST", "/token?client_id=site&client_secret=" + siteSecret, form, body, 400},
		"code in query":          {"POST", "/token?code=x", form, body, 400},
		"repeated code":          {"POST", "/token", form, body + "&code=y", 400},
		"repeated grant type":    {"POST", "/token", form, body + "&grant_type=authorization_code", 400},
		"repeated unknown":       {"POST", "/token", form, body + "&extra=1&extra=2", 400},
		"bad escape":             {"POST", "/token", form, body + "&extra=%zz", 400},
		"not UTF-8":              {"POST", "/token", form, body + "&extra=%ff", 400},
		"NUL":                    {"POST", "/token", form, strings.Replace(body, "code=x", "code=%00", 1), 400},
		"semicolons":             {"POST", "/token", form, body + ";extra=1", 400},
		"1 MB":                   {"POST", "/token", form, body + "&extra=" + strings.Repeat("a", 1<<20), 413},
		"100,000 parameters":     {"POST", "/token", form, body + strings.Repeat("&a", 50_000), 400},
		"GET":                    {"GET", "/token", form, "", 405},
		"GET with a code":        {"GET", "/token?" + body, form, "", 405},
		"PUT":                    {"PUT", "/token", form, body, 405},
		"content type in quotes": {"POST", "/token", `"` + form + `"`, body, 415},
	} {
		t.Run(name, func(t *testing.T) {
			request := b.RawRequest(test.method, test.address, test.contentType, test.body, "Authorization", basic("site:"+siteSecret))
			page := b.Do(request)
			if page.Status != test.status {
				t.Fatalf("status %d, want %d\n%s", page.Status, test.status, page.Body)
			}
			if !strings.Contains(page.Header.Get("Cache-Control"), "no-store") {
				t.Errorf("Cache-Control %q", page.Header.Get("Cache-Control"))
			}
			if allow := page.Header.Get("Allow"); (test.status == 405) != strings.Contains(allow, "POST") {
				t.Errorf("Allow %q", allow)
			}
			if test.status != 405 && decode(t, page).Error != "invalid_request" {
				t.Errorf("error %q, want invalid_request", decode(t, page).Error)
			}
		})
	}
}

//defect:5-methods
func TestWrongMethodsAreToldTheRightOnes(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	for address, allowed := range map[string]string{
		"/.well-known/openid-configuration": "GET", "/jwks.json": "GET", "/jwks/site.json": "GET", "/authorize": "GET, POST",
		"/token": "POST", "/introspect": "POST", "/revoke": "POST", "/userinfo": "GET, POST", "/end_session": "GET, POST", "/token-source": "POST", "/sign-in": "POST",
		"/continue": "POST", "/consent": "POST", "/consents": "GET, POST", "/token-source.js": "GET", "/health/live": "GET", "/health/ready": "GET",
	} {
		for _, method := range []string{"GET", "POST", "PUT", "DELETE", "PATCH"} {
			if strings.Contains(allowed, method) {
				continue
			}
			page := b.Do(b.RawRequest(method, address, "", ""))
			got := strings.Split(page.Header.Get("Allow"), ", ")
			got = slices.DeleteFunc(got, func(m string) bool { return m == "HEAD" || m == "OPTIONS" })
			if page.Status != http.StatusMethodNotAllowed || strings.Join(got, ", ") != allowed {
				t.Errorf("%s %s: status %d, Allow %q; want 405, %q", method, address, page.Status, page.Header.Get("Allow"), allowed)
			}
		}
	}
	if page := b.Get("/nothing"); page.Status != http.StatusNotFound || page.Text("error") != "not_found" {
		t.Errorf("an address that is none: status %d", page.Status)
	}
}
