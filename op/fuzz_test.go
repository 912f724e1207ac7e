package op_test

import (
	"crypto/rand"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// hostile are values that parsers stumble over.
var hostile = []string{
	"", " ", "\x00", "a\x00b", "\xff\xfe", "\xed\xa0\x80", "%", "%%", "%zz", "%00", "\r\nSet-Cookie: a=b", "\u202e\ufeff", "\u2028",
	strings.Repeat("9", 400), "-1", "1e309", "NaN", "0x10", "9223372036854775808", "null", "[]", "{}", `{"a":`, strings.Repeat("[", 10_000),
	strings.Repeat("a", 100_000), "' or 1=1 --", "$1", "{{.}}", marker, "../../etc/passwd", "a.b.c", "....", "eyJhbGciOiJub25lIn0.e30.",
	"https://evil.example", "//evil.example", "javascript:alert(1)", "id_token id_token", "code\tid_token", "openid\x00", "none none",
}

// checked sends a raw request and checks what holds for every answer: no fault
// of ours, no way to where nobody is registered, and no word of it reflected.
func checked(t *testing.T, p *webtest.Provider, b *webtest.Browser, request *http.Request) *webtest.Page {
	t.Helper()
	page := b.Do(request)
	if page.Status >= http.StatusInternalServerError {
		t.Errorf("status %d for %.300q %.300q\n%s", page.Status, request.URL, request.Header, page.Body)
	}
	if target := page.Target(); target != "" && !ofBrand(p, target) {
		t.Errorf("an open redirect to %.300q for %.300q", target, request.URL)
	}
	if strings.Contains(page.Body, "<script>zz") {
		t.Errorf("reflected for %.300q:\n%s", request.URL, page.Body)
	}
	return page
}

// ofBrand tells whether a client of the brand has registered an address.
func ofBrand(p *webtest.Provider, target string) bool {
	if strings.HasPrefix(target, p.Issuer+"/") {
		return true
	}
	bare, _, _ := strings.Cut(target, "#")
	bare, _, _ = strings.Cut(bare, "?")
	u, err := url.Parse(bare)
	if err != nil || u.User != nil {
		return false
	}
	if u.Scheme == "http" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "::1") && u.Path == "/cb" {
		return true
	}
	return slices.Contains([]string{
		window, "https://liveperson.net", siteCallback, "https://www.brand.example/cb2", "https://post.brand.example/cb",
		"https://hardened.brand.example/cb", carefulCallback, signingCallback, signingCallback + "2", strictCallback, "com.brand.app:/cb", "https://app.brand.example/cb", "https://page.brand.example/cb",
	}, bare)
}

// fuzzed starts a provider for a fuzz target, with clients beside those of brand,
// and gives a browser that is signed in. It keeps no log: a target's would fill the
// memory.
func fuzzed(f *testing.F, brands ...string) (*webtest.Provider, *webtest.Browser) {
	f.Helper()
	p := webtest.Start(f, func(o *web.Options) { o.Log = slog.New(slog.DiscardHandler) }, append([]string{brand}, brands...)...)
	return p, amelia(f, p)
}

// filled puts into an input what one provider alone knows, and a moment: inputs are
// handed to other processes, and kept. HINT is whatever else the target has.
func filled(p *webtest.Provider, input, hint string) string {
	now := p.Now().Unix()
	return strings.NewReplacer(
		"ISSUER", p.Issuer, "NOW", strconv.FormatInt(now, 10), "SOON", strconv.FormatInt(now+60, 10), "ONCE", rand.Text(), "HINT", hint,
	).Replace(input)
}

// rawQuery sets a query that net/http would not send as it is.
func rawQuery(b *webtest.Browser, address, query string) *http.Request {
	request := b.Request(address, nil)
	request.URL.RawQuery = strings.Map(func(r rune) rune {
		if r <= ' ' || r == 0x7f || r == '#' {
			return -1 // could not stand in a request line
		}
		return r
	}, query)
	return request
}

func FuzzAuthorize(f *testing.F) {
	p, b := fuzzed(f, refreshBrand)
	for _, seed := range []url.Values{codeRequest(), implicitRequest(), windowRequest(), challenged(codeRequest("client_id", "app", "redirect_uri", "com.brand.app:/cb"))} {
		f.Add(seed.Encode())
		for name := range seed {
			f.Add(with(seed, name, "").Encode())
			f.Add(seed.Encode() + "&" + name + "=" + url.QueryEscape(seed.Get(name)))
		}
	}
	f.Add(codeRequest().Encode() + strings.Repeat("&a=b", 100))
	f.Add("%")
	f.Add("&=&=;")
	f.Fuzz(func(t *testing.T, query string) {
		b := b.For(t)
		checked(t, p, b, rawQuery(b, "/authorize", query))
		checked(t, p, b, b.RawRequest("POST", "/authorize", "application/x-www-form-urlencoded", query))
	})
}

func FuzzAuthorizeParameter(f *testing.F) {
	p, b := fuzzed(f)
	for _, name := range []string{"state", "redirect_uri", "max_age", "id_token_hint", "ui_locales", "login_hint", "claims", "request"} {
		for _, value := range []string{"a", "\xff", marker, "\x00"} {
			f.Add(name, value)
		}
	}
	for _, value := range []string{
		`{"id_token":{"name":null,"email":{"essential":true},"sub":{"value":"x"},"acr":{"essential":true,"values":["loa1"]}}}`,
		`{"userinfo":{"address":{"value":{"country":"GB"}},"updated_at":{"values":[1,null,[],"\ud800"]},"":{}}}`,
	} {
		f.Add("claims", value)
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		b := b.For(t)
		for _, request := range []url.Values{codeRequest(), windowRequest(), implicitRequest("prompt", "none")} {
			page := checked(t, p, b, b.Request("/authorize?"+with(request, name, value).Encode(), nil))
			if name == "state" && value != "" && page.Status == http.StatusFound && page.Answer().Get("state") != value {
				t.Errorf("state %q came back as %q", value, page.Answer().Get("state"))
			}
		}
	})
}

// FuzzLegacyAddress: whatever a legacy window's query holds, the answer goes to
// just that address, nothing in it resembles an answer, and no window of another
// account is among those that get one.
func FuzzLegacyAddress(f *testing.F) {
	_, b := fuzzed(f, legacyBrand)
	for _, query := range []string{
		"", "a=1", "token=x", "a=1&a=2", "a=1;b", "%", "code", "st%61te=1", "#", "?", "lpUnifiedWindowConfig=%7B%22accountId%22%3A%2212345678%22%7D",
		"lpUnifiedWindowConfig=%7B%22accountId%22%3A%22666%22%7D", "x={|}'`^", `\"<>`, "\r\nx: y", "\xff",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		b := b.For(t)
		address := window + "?" + query
		page := b.Authorize(legacyRequest("redirect_uri", address))
		if page.Status >= http.StatusInternalServerError {
			t.Fatalf("status %d for %q", page.Status, query)
		}
		if page.Status != http.StatusFound {
			return
		}
		answer, found := strings.CutPrefix(page.Target(), address+"#")
		values, err := url.ParseQuery(query)
		if !found || err != nil || strings.Contains(query, "#") || !strings.HasPrefix(answer, "token=") {
			t.Fatalf("target %q for %q", page.Target(), query)
		}
		for _, name := range []string{"code", "token", "id_token", "access_token", "state", "error", "iss"} {
			if values.Has(name) {
				t.Errorf("an answer at an address with %s in its query", name)
			}
		}
		for name, all := range values {
			if len(all) > 1 {
				t.Errorf("an answer at an address with %q twice in its query", name)
			}
		}
		var config struct {
			AccountID any `json:"accountId"`
		}
		if json.Unmarshal([]byte(values.Get("lpUnifiedWindowConfig")), &config) == nil && config.AccountID != nil && config.AccountID != "12345678" {
			if number, ok := config.AccountID.(float64); !ok || number != 12345678 {
				t.Errorf("an answer to a window of account %v", config.AccountID)
			}
		}
	})
}

func FuzzToken(f *testing.F) {
	p, b := fuzzed(f, refreshBrand)
	good := params("grant_type", "authorization_code", "redirect_uri", siteCallback, "code", "x")
	f.Add("Basic c2l0ZTp4", "application/x-www-form-urlencoded", good.Encode())
	f.Add("", "application/x-www-form-urlencoded", with(good, "client_id", "page").Encode())
	f.Add("Basic", "application/json", "{}")
	f.Add(basic("messaging-code:"+messagingSecret), "application/json", `{"grant_type":"authorization_code","redirect_uri":"https://liveperson.net","code":"x"}`)
	f.Add(basic("messaging-code:"+messagingSecret), "application/json", `{"code":["x"],"code":"\ud800"}`)
	f.Add("Bearer \xff", "text/plain; =", "%")
	f.Add("", "application/x-www-form-urlencoded", refreshGrant(strings.Repeat("A", 112), "client_id", "mobile", "scope", "openid").Encode())
	f.Add(basic("delegating:"+portalSecret), "application/json", `{"grant_type":"refresh_token","refresh_token":"x"}`)
	f.Add(basic("site:"+siteSecret), "application/x-www-form-urlencoded", with(good, "code_verifier", "\x00").Encode())
	f.Fuzz(func(t *testing.T, authorization, contentType, body string) {
		b := b.For(t)
		request := b.RawRequest("POST", "/token", "application/x-www-form-urlencoded", body)
		request.Header["Authorization"] = []string{headerText(authorization)}
		request.Header["Content-Type"] = []string{headerText(contentType)}
		if page := checked(t, p, b, request); page.Status == http.StatusOK {
			t.Errorf("tokens for %q", body)
		}
	})
}

func FuzzTokenSource(f *testing.F) {
	p, b := fuzzed(f)
	f.Add(messagingOrigin, "application/json", `{"client_id":"messaging"}`)
	f.Add("null", "application/json; charset", `{"client_id":`)
	f.Fuzz(func(t *testing.T, origin, contentType, body string) {
		b := b.For(t)
		request := b.RawRequest("POST", "/token-source", "application/json", body)
		request.Header["Origin"], request.Header["Content-Type"] = []string{headerText(origin)}, []string{headerText(contentType)}
		page := checked(t, p, b, request)
		if page.Status == http.StatusOK && headerText(origin) != messagingOrigin && headerText(origin) != shopOrigin {
			t.Errorf("a token for %q", origin)
		}
	})
}

// headerText leaves out what net/http would not send, and spaces around.
func headerText(value string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, value), " \t")
}
