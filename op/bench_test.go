package op_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

// The benchmarks call the handler itself, so what they show beside the database
// is the provider's own work. make bench measures the whole.

// BenchmarkSignature is what an ID token cannot be cheaper than.
func BenchmarkSignature(b *testing.B) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		b.Fatal(err)
	}
	digest := sha256.Sum256([]byte("payload"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:]); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAuthorizeIDToken(b *testing.B) {
	benchmark(b, http.StatusFound, func(issuer string) *http.Request {
		return httptest.NewRequest(http.MethodGet, issuer+"/authorize?"+params("client_id", "messaging", "response_type", "id_token",
			"scope", "openid", "redirect_uri", window, "state", `{"lpUnifiedWindowConfig":{"accountId":"12345678","lang":"en-US"}}`).Encode(), nil)
	})
}

func BenchmarkAuthorizeCode(b *testing.B) {
	benchmark(b, http.StatusFound, func(issuer string) *http.Request {
		return httptest.NewRequest(http.MethodGet, issuer+"/authorize?"+params("client_id", "messaging-code", "response_type", "code",
			"scope", "openid", "redirect_uri", window, "state", `{"lpUnifiedWindowConfig":{"accountId":"12345678","lang":"en-US"}}`).Encode(), nil)
	})
}

func BenchmarkJWKS(b *testing.B) {
	benchmark(b, http.StatusOK, func(issuer string) *http.Request {
		return httptest.NewRequest(http.MethodGet, issuer+"/jwks.json", nil)
	})
}

func BenchmarkDiscovery(b *testing.B) {
	benchmark(b, http.StatusOK, func(issuer string) *http.Request {
		return httptest.NewRequest(http.MethodGet, issuer+"/.well-known/openid-configuration", nil)
	})
}

// benchmark sends a request time and again from a browser that is signed in.
func benchmark(b *testing.B, status int, request func(issuer string) *http.Request) {
	b.Helper()
	p := webtest.Start(b, nil, brand)
	jar := ameliasCookies(b, p)
	handler := p.Server.Handler()
	b.ReportAllocs()
	for b.Loop() {
		r := request(p.Issuer)
		for _, cookie := range jar {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		if handler.ServeHTTP(w, r); w.Code != status {
			b.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
}

// ameliasCookies gives the cookies of a browser in which Amelia is signed in.
func ameliasCookies(b *testing.B, p *webtest.Provider) []*http.Cookie {
	b.Helper()
	browser := p.Browser(b)
	page := browser.Authorize(params("client_id", "messaging", "response_type", "id_token", "scope", "openid", "redirect_uri", window))
	if page.SignIn("amelia", ameliasPassword).Answer().Get("id_token") == "" {
		b.Fatal("nobody is signed in")
	}
	issuer, err := url.Parse(p.Issuer)
	if err != nil {
		b.Fatal(err)
	}
	jar, ok := browser.Client.Jar.(*cookiejar.Jar)
	if !ok {
		b.Fatalf("a jar of type %T", browser.Client.Jar)
	}
	return jar.Cookies(issuer)
}
