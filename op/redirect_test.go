package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// marker is in every hostile value, to be looked for in the answer.
const marker = `"><script>zzmarkerzz`

//contract:2.3-registered
//defect:3-unknown-client 6-unescaped
//security:16-program 16-markup 18-unregistered
func TestUnregisteredAddressesGetAnErrorPage(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for _, address := range []string{
		"https://www.brand.example/cb/", "https://www.brand.example/cB", "https://WWW.brand.example/cb", "HTTPS://www.brand.example/cb",
		"https://www.brand.example:443/cb", "https://www.brand.example/cb#", "https://www.brand.example/cb#x", "https://www.brand.example/cb?",
		"https://www.brand.example/cb?a=1", "https://www.brand.example/cb?b=%2F&a=1", "https://www.brand.example/cb?a=1&b=%2f",
		"https://www.brand.example/cb?a=1&b=/", "https://www.brand.example//cb", "https://www.brand.example/./cb", "https://www.brand.example/x/../cb",
		"https://www.brand.example/%63b", "https://www.brand.example/cb%20", " https://www.brand.example/cb", "https://www.brand.example/cb ",
		"https://www.brand.example\t/cb", "https://www.brand.example@evil.example/cb", "https://evil.example#@www.brand.example/cb",
		"https://user@www.brand.example/cb", "https://www.brand.example.evil.example/cb", "https://www.brand.example/cb\r\nLocation: x",
		"http://www.brand.example/cb", "//www.brand.example/cb", "/cb", "javascript:alert(1)//", "data:text/html,x", "https:\\\\www.brand.example\\cb",
		"https://www.brand.example/cb" + marker, "https://www.brand.example/cb2", "https://www.brand.example./cb", "https://liveperson.net",
	} {
		for _, request := range []url.Values{codeRequest(), implicitRequest(), codeRequest("prompt", "none")} {
			page := b.Authorize(with(request, "redirect_uri", address, "state", marker))
			wantErrorPage(t, page, http.StatusBadRequest, "invalid_request")
			if strings.Contains(page.Body, "zzmarkerzz") {
				t.Errorf("%q is reflected:\n%s", address, page.Body)
			}
		}
	}
	wantErrorPage(t, b.Authorize(codeRequest("redirect_uri", "")), http.StatusBadRequest, "invalid_request")
	for _, client := range []string{"", "nobody", "SITE", "site ", "site\x00", marker} {
		page := b.Authorize(codeRequest("client_id", client, "state", marker))
		wantErrorPage(t, page, http.StatusBadRequest, "invalid_request")
		if strings.Contains(page.Body, "zzmarkerzz") {
			t.Errorf("client_id %q is reflected", client)
		}
	}
}

//security:6-loopback
func TestLoopbackAddressesOfApplicationsMatchAnyPort(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := p.Browser(t)
	app := challenged(codeRequest("client_id", "app"))
	for _, address := range []string{
		"http://127.0.0.1/cb", "http://127.0.0.1:1/cb", "http://127.0.0.1:65535/cb", "http://[::1]/cb", "http://[::1]:50123/cb", "com.brand.app:/cb",
	} {
		wantSignIn(t, b.Authorize(with(app, "redirect_uri", address)))
	}
	for _, address := range []string{
		"https://127.0.0.1:5000/cb", "http://localhost:5000/cb", "http://127.0.0.2:5000/cb", "http://127.0.0.1:5000/cb/", "http://127.0.0.1:5000/CB",
		"http://127.0.0.1:/cb", "http://127.0.0.1:x/cb", "http://127.0.0.1:123456/cb", "http://127.0.0.1:5000", "http://127.0.0.1:5000/cb?x",
		"http://127.0.0.1:5000/cb#x", "http://user@127.0.0.1:5000/cb", "http://127.0.0.1:5000@evil.example/cb", "http://127.0.0.1.evil.example/cb",
		"http://127.0.0.1:5000.evil.example/cb", "http://[::1]:5000@evil.example/cb", "http://[::2]:5000/cb", "https://app.brand.example:8443/cb",
		"com.brand.app://cb", "COM.brand.app:/cb", "com.brand.app:/cb2", "http://127.0.0.1:65536/cb", "http://127.0.0.1:0/cb",
	} {
		page := b.Authorize(with(app, "redirect_uri", address))
		if page.Status != http.StatusBadRequest || page.Text("error") != "invalid_request" {
			t.Errorf("%s: status %d, want the error page", address, page.Status)
		}
	}
	for _, address := range []string{"https://www.brand.example:444/cb", "http://127.0.0.1/cb"} {
		wantErrorPage(t, b.Authorize(codeRequest("redirect_uri", address)), http.StatusBadRequest, "invalid_request")
	}
}

//defect:2-unknown-type
//security:11-size 18-twice
func TestFaultsThatNeverRedirect(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	good := codeRequest().Encode()
	for name, test := range map[string]struct{ query, code string }{
		"client_id twice":             {good + "&client_id=site", "invalid_request"},
		"redirect_uri twice":          {good + "&redirect_uri=" + url.QueryEscape(siteCallback), "invalid_request"},
		"redirect_uri twice, another": {good + "&redirect_uri=https://evil.example", "invalid_request"},
		"response_type twice":         {good + "&response_type=code", "invalid_request"},
		"response_mode twice":         {good + "&response_mode=query&response_mode=query", "invalid_request"},
		"state twice":                 {good + "&state=st", "invalid_request"},
		"response_type missing":       {codeRequest("response_type", "").Encode(), "invalid_request"},
		"response_type empty":         {codeRequest("response_type", "").Encode() + "&response_type=", "invalid_request"},
		"response_type unknown":       {codeRequest("response_type", "token").Encode(), "unsupported_response_type"},
		"response_type of one word":   {codeRequest("response_type", "code code").Encode(), "unsupported_response_type"},
		"response_type none":          {codeRequest("response_type", "none").Encode(), "unsupported_response_type"},
		"response_mode unknown":       {codeRequest("response_mode", "web_message").Encode(), "invalid_request"},
		"form_post to an application": {challenged(codeRequest("client_id", "app", "redirect_uri", "com.brand.app:/cb", "response_mode", "form_post")).Encode(), "invalid_request"},
		"form_post to IPv6":           {challenged(codeRequest("client_id", "app", "redirect_uri", "http://[::1]:5000/cb", "response_mode", "form_post")).Encode(), "invalid_request"},
		"form_post of two lines":      {codeRequest("response_mode", "form_post", "state", "a\nb").Encode(), "invalid_request"},
		"state not UTF-8":             {codeRequest("state", "\xff").Encode(), "invalid_request"},
		"state with NUL":              {codeRequest("state", "a\x00b").Encode(), "invalid_request"},
		"redirect_uri with NUL":       {codeRequest("redirect_uri", siteCallback+"\x00").Encode(), "invalid_request"},
		"bad escape":                  {good + "&x=%zz", "invalid_request"},
		"semicolon":                   {good + ";x=1", "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			wantErrorPage(t, b.Get("/authorize?"+test.query), http.StatusBadRequest, test.code)
			body := b.Do(b.RawRequest("POST", "/authorize", "application/x-www-form-urlencoded", test.query))
			wantErrorPage(t, body, http.StatusBadRequest, test.code)
		})
	}
	wantErrorPage(t, b.Authorize(codeRequest("state", strings.Repeat("s", 17<<10))), http.StatusRequestURITooLong, "invalid_request")
	wantErrorPage(t, b.Post("/authorize", codeRequest("state", strings.Repeat("s", 17<<10))), http.StatusRequestURITooLong, "invalid_request")
	wantErrorPage(t, b.Get("/authorize?"+good+"&x="+strings.Repeat("a", 70<<10)), http.StatusRequestURITooLong, "invalid_request")
	wantErrorPage(t, b.Post("/authorize", codeRequest("x", strings.Repeat("a", 1<<20))), http.StatusRequestEntityTooLarge, "invalid_request")
	wantErrorPage(t, b.Post("/authorize?x=1", codeRequest()), http.StatusBadRequest, "invalid_request")
	wantErrorPage(t, b.Do(b.RawRequest("POST", "/authorize", "application/json", "{}")), http.StatusUnsupportedMediaType, "invalid_request")
	wantErrorPage(t, b.Post("/authorize", url.Values{}), http.StatusBadRequest, "invalid_request")
}

//contract:2.3-error 2.3-error-query
//defect:2-nonce 6-errors
func TestFaultsThatGoToTheAddress(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for name, test := range map[string]struct {
		request url.Values
		code    string
	}{
		"scope without openid":     {codeRequest("scope", "profile"), "invalid_scope"},
		"no scope":                 {codeRequest("scope", ""), "invalid_scope"},
		"prompt unknown":           {codeRequest("prompt", "create"), "invalid_request"},
		"prompt none with another": {codeRequest("prompt", "none login"), "invalid_request"},
		"max_age not a number":     {codeRequest("max_age", "soon"), "invalid_request"},
		"max_age negative":         {codeRequest("max_age", "-1"), "invalid_request"},
		"max_age huge":             {codeRequest("max_age", strings.Repeat("9", 400)), "invalid_request"},
		"request":                  {codeRequest("request", "a.b.c"), "request_not_supported"},
		"request_uri":              {codeRequest("request_uri", "https://www.brand.example/r"), "request_uri_not_supported"},
		"registration":             {codeRequest("registration", "{}"), "registration_not_supported"},
		"nonce too long":           {codeRequest("nonce", strings.Repeat("n", 1025)), "invalid_request"},
		"hint that is none":        {codeRequest("id_token_hint", "a.b.c"), "invalid_request"},
		"not UTF-8 elsewhere":      {codeRequest("login_hint", "\xff"), "invalid_request"},
		"NUL elsewhere":            {codeRequest("nonce", "a\x00"), "invalid_request"},
		"response type of others":  {params("client_id", "post", "redirect_uri", "https://post.brand.example/cb", "response_type", "id_token", "scope", "openid", "nonce", "n", "state", "st"), "unauthorized_client"},
		"implicit without a nonce": {implicitRequest("nonce", ""), "invalid_request"},
		"tokens in the query":      {implicitRequest("response_mode", "query"), "invalid_request"},
		"both tokens in the query": {implicitRequest("response_type", "id_token token", "response_mode", "query"), "invalid_request"},
	} {
		t.Run(name, func(t *testing.T) {
			page := b.Authorize(test.request)
			wantError(t, page, test.code)
			address, answer, _ := strings.Cut(page.Target(), "#")
			if test.request.Get("response_type") == "code" {
				address, answer, _ = strings.Cut(page.Target(), "?")
			}
			if address != test.request.Get("redirect_uri") || answer == "" {
				t.Errorf("target %s", page.Target())
			}
			got := page.Answer()
			if got.Get("state") != "st" || got.Get("iss") != p.Issuer || got.Get("error_description") == "" || len(got) != 4 {
				t.Errorf("answer %v", got)
			}
		})
	}
	wantError(t, b.Get("/authorize?"+codeRequest().Encode()+"&nonce=twice"), "invalid_request")
	wantError(t, b.Get("/authorize?"+codeRequest().Encode()+"&extra=1&extra=2"), "invalid_request")
}

// TestStateComesBackByteForByte sends what Conversational Cloud's window might
// put into state, by each way through the provider.
//
//contract:2.2-state-size 2.3-state-unchanged
func TestStateComesBackByteForByte(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for name, state := range map[string]string{
		"signs":      `a+b %2B %20 %zz & = # ? ; / \ ' " < > { } [ ] ~ * ( ) !`,
		"unicode":    "žluťoučký 🦄 שלום \u2028 \u00a0 \ufeff",
		"controls":   "tab\t line\n return\r bell\a delete\x7f escape\x1b",
		"one byte":   "0",
		"spaces":     "  x  ",
		"8 KB":       strings.Repeat(`{"lp":"+%"}`, 750),
		"8 KB of <":  strings.Repeat("<", 8<<10),
		"16 KB of 1": strings.Repeat("\x01", 16<<10),
		"16 KB of ž": strings.Repeat("ž", 8<<10),
		"looks like": "x&iss=https://evil.example&code=evil#id_token=evil",
	} {
		t.Run(name, func(t *testing.T) {
			check := func(way string, page *webtest.Page, wanted string) {
				t.Helper()
				answer := page.Answer()
				if answer.Get("state") != state || answer.Get(wanted) == "" || answer.Get("iss") != p.Issuer || strings.Contains(page.Target(), "+") {
					t.Errorf("%s: state %.80q, target %.200q", way, answer.Get("state"), page.Target())
				}
			}
			check("code", b.Authorize(codeRequest("state", state)), "code")
			check("id_token", b.Authorize(implicitRequest("state", state)), "id_token")
			check("POST", b.Post("/authorize", codeRequest("state", state)), "code")
			check("error", b.Authorize(codeRequest("state", state, "scope", "x")), "error")
			check("address with a query", b.Authorize(codeRequest("state", state, "redirect_uri", siteCallback+"?a=1&b=%2F")), "code")
			check("longest", p.Browser(t).Authorize(implicitRequest("state", state, "acr_values", strings.Repeat("<", 1024),
				"nonce", strings.Repeat("<", 1024), "login_hint", strings.Repeat("\x01", 1024))).SignIn("amelia", ameliasPassword), "id_token")
			check("sign-in", p.Browser(t).Authorize(implicitRequest("state", state)).SignIn("amelia", ameliasPassword), "id_token")
		})
	}
	if answer := silent(t, b, codeRequest("state", "")); answer.Has("state") {
		t.Error("state, though none was sent")
	}
	page := b.Get("/authorize?" + codeRequest("state", "").Encode() + "&state=")
	if answer := page.Answer(); !answer.Has("state") || answer.Get("state") != "" {
		t.Errorf("an empty state: %v", answer)
	}
}

//contract:2.3-code 2.3-fragment 2.3-query 2.3-redirect
//security:16-referrer
func TestAnswersGoWhereTheResponseModeSays(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	for name, test := range map[string]struct {
		request url.Values
		prefix  string
	}{
		"code":                {codeRequest(), siteCallback + "?code="},
		"code, query":         {codeRequest("response_mode", "query"), siteCallback + "?code="},
		"code, fragment":      {codeRequest("response_mode", "fragment"), siteCallback + "#code="},
		"error, fragment":     {codeRequest("response_mode", "fragment", "prompt", "x"), siteCallback + "#error="},
		"id_token":            {implicitRequest(), siteCallback + "#id_token="},
		"id_token, fragment":  {implicitRequest("response_mode", "fragment"), siteCallback + "#id_token="},
		"both":                {implicitRequest("response_type", "token id_token"), siteCallback + "#access_token="},
		"error of id_token":   {implicitRequest("prompt", "x"), siteCallback + "#error="},
		"query for a token":   {implicitRequest("response_mode", "query"), siteCallback + "#error="},
		"registered query":    {codeRequest("redirect_uri", siteCallback+"?a=1&b=%2F"), siteCallback + "?a=1&b=%2F&code="},
		"fragment over query": {implicitRequest("redirect_uri", siteCallback+"?a=1&b=%2F"), siteCallback + "?a=1&b=%2F#id_token="},
	} {
		page := b.Authorize(test.request)
		if page.Status != http.StatusFound || !strings.HasPrefix(page.Target(), test.prefix) {
			t.Errorf("%s: status %d, target %s", name, page.Status, page.Target())
		}
		if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: Cache-Control %q, Referrer-Policy %q", name, page.Header.Get("Cache-Control"), page.Header.Get("Referrer-Policy"))
		}
	}
}
