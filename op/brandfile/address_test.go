package brandfile_test

import (
	"strings"
	"testing"

	"github.com/brandidp/idp/op/brandfile"
)

const loopbackIssuer = "http://localhost:8080"

//security:7-registered-query
func TestRedirectURIs(t *testing.T) {
	t.Parallel()
	// Where an address is accepted: "w" for web, "n" for native applications, and
	// in capitals with an issuer on loopback.
	for address, want := range map[string]string{
		"https://rp.example/cb":                 "wnWN",
		"https://rp.example":                    "wnWN",
		"https://rp.example:8443/cb?a=1&b=2":    "wnWN",
		"https://RP.example/cb":                 "wnWN",
		"https://[2001:db8::1]/cb":              "wnWN",
		"https://liveperson.net":                "wnWN",
		"http://rp.example/cb":                  "",
		"http://localhost/cb":                   "nWN",
		"http://brand.localhost:3000/cb":        "nWN",
		"http://127.0.0.1:3000/cb":              "nWN",
		"http://127.9.9.9/cb":                   "nWN",
		"http://[::1]:3000/cb":                  "nWN",
		"http://127.0.0.1.rp.example/cb":        "",
		"http://localhost.rp.example/cb":        "",
		"http://[::ffff:127.0.0.1]/cb":          "",
		"http://0.0.0.0/cb":                     "",
		"com.brand.app:/cb":                     "nN",
		"com.brand.app://cb":                    "nN",
		"brandapp:/cb":                          "",
		"javascript:alert(1)":                   "",
		"data:text/html,x":                      "",
		"urn:ietf:wg:oauth:2.0:oob":             "",
		"//rp.example/cb":                       "",
		"/cb":                                   "",
		"cb":                                    "",
		"https://":                              "",
		"https:///cb":                           "",
		"https://:443/cb":                       "",
		"https:rp.example/cb":                   "",
		"https://rp.example:/cb":                "",
		"https://rp.example:0/cb":               "",
		"https://rp.example:65536/cb":           "",
		"https://*.rp.example/cb":               "",
		"https://rp.example%00/cb":              "",
		"https://rp..example/cb":                "",
		"https://user@rp.example/cb":            "",
		"https://user:pass@rp.example/cb":       "",
		"https://rp.example/cb#":                "",
		"https://rp.example/cb#a":               "",
		`https://rp.example\@evil.example/`:     "",
		`https://rp.example/\..`:                "",
		"https://rp.example/c b":                "",
		"https://rp.example/<cb>":               "",
		"https://rp.exämple/cb":                 "",
		"https://rp.example/%zz":                "",
		"https://rp.example/cb?code=1":          "",
		"https://rp.example/cb?a&st%61te=1":     "",
		"https://rp.example/cb?iss":             "",
		"https://rp.example/cb?id_token=":       "",
		"https://rp.example/cb?a=1&a=2":         "",
		"https://rp.example/cb?a=1;b=2":         "",
		"https://" + strings.Repeat("a", 2048):  "",
		" https://rp.example/cb":                "",
		"https://rp.example/cb\u200b":           "",
		"https://rp.example/le_unified_window/": "wnWN",
	} {
		got := ""
		for _, surroundings := range []struct{ mark, kind, issuer string }{
			{"w", "web", issuer}, {"n", "native", issuer}, {"W", "web", loopbackIssuer}, {"N", "native", loopbackIssuer},
		} {
			file := clientOf("application_type: "+surroundings.kind, "redirect_uris: ['"+address+"']")
			if _, faults := brandfile.Parse("f", []byte(file), brandfile.Options{Issuer: surroundings.issuer}); faults == nil {
				got += surroundings.mark
			}
		}
		if got != want {
			t.Errorf("%s is accepted for %q, want %q", address, got, want)
		}
	}
}

//security:4-wildcard 5-origins
func TestWebOrigins(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"https://www.brand.example":      "pl",
		"https://www.brand.example:8443": "pl",
		"https://[2001:db8::1]":          "pl",
		"http://localhost:3000":          "l",
		"http://brand.localhost":         "l",
		"http://www.brand.example":       "",
		"null":                           "",
		"'*'":                            "",
		"https://*.brand.example":        "",
		"https://www.brand.example/":     "",
		"https://www.brand.example/a":    "",
		"https://www.brand.example?":     "",
		"https://www.brand.example:443":  "",
		"https://www.brand.example:":     "",
		"https://www.brand.example:08":   "",
		"https://WWW.brand.example":      "",
		"HTTPS://www.brand.example":      "",
		"https://u@www.brand.example":    "",
		"https://bränd.example":          "",
		"com.brand.app://a":              "",
		"www.brand.example":              "",
		"file://":                        "",
	} {
		got := ""
		for _, at := range []struct{ mark, issuer string }{{"p", issuer}, {"l", loopbackIssuer}} {
			_, faults := brandfile.Parse("f", []byte(client("web_origins: ['"+origin+"']")), brandfile.Options{Issuer: at.issuer})
			if faults == nil {
				got += at.mark
			}
		}
		if got != want {
			t.Errorf("%s is accepted for %q, want %q", origin, got, want)
		}
	}
}
