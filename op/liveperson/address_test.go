package liveperson_test

import (
	"testing"

	"github.com/brandidp/idp/op/liveperson"
)

func TestIsWindow(t *testing.T) {
	t.Parallel()

	origins := []string{"https://www.brand.example", "http://localhost:3000"}

	for address, want := range map[string]bool{
		"https://lpcdn.lpsnmedia.net/le_unified_window/index.html":       true,
		"https://lpcdn.lpsnmedia.net/le_unified_window/9.3.0/index.html": true,
		"https://lpcdn.lpsnmedia.net/le_unified_window/index.html?a=1":   true,
		"http://localhost:4000/window":                                   true,
		"https://brand.example/cb":                                       true,
		"https://liveperson.net":                                         false,
		"https://liveperson.net/cb":                                      false,
		"https://LIVEPERSON.net:443/":                                    false,
		"https://va.idp.liveperson.net/callback/12345678/redirectCode":   false,
		"https://notliveperson.net/window":                               true,
		"https://www.brand.example/cb":                                   false,
		"https://WWW.brand.example:443/cb":                               false,
		"https://www.brand.example:8443/cb":                              true,
		"http://localhost:3000/cb":                                       false,
		"com.brand.app:/cb":                                              false,
		"https://lpcdn.lpsnmedia.net\x7f/le_unified_window/index.html":   false,
		"": false,
	} {
		if got := liveperson.IsWindow(address, origins); got != want {
			t.Errorf("IsWindow(%s) = %v", address, got)
		}
	}
}

//security:3-token
func TestIsLabel(t *testing.T) {
	t.Parallel()

	for address, want := range map[string]bool{
		"https://liveperson.net":               true,
		"https://liveperson.net/cb":            true,
		"https://LivePerson.net:443/cb?a":      true,
		"https://va.idp.liveperson.net/cb":     false,
		"https://liveperson.net.evil.example/": false,
		"com.brand.app://liveperson.net":       false,
		"https://liveperson.net\x7f":           false,
	} {
		if got := liveperson.IsLabel(address); got != want {
			t.Errorf("IsLabel(%s) = %v", address, got)
		}
	}
}

func TestPageAddress(t *testing.T) {
	t.Parallel()

	const (
		window = "https://lpcdn.lpsnmedia.net/le_unified_window/index.html"
		page   = "https://www.brand.example/cb"
		other  = "https://liveperson.net/cb"
	)

	for want, registered := range map[string][]string{
		"":                             {window, "com.brand.app:/cb"},
		page:                           {window, page, other},
		other:                          {window, other, page},
		liveperson.EmbeddedRedirectURI: {window, page, liveperson.EmbeddedRedirectURI},
	} {
		if got := liveperson.PageAddress(registered, []string{"https://www.brand.example"}); got != want {
			t.Errorf("PageAddress(%v) = %q, want %q", registered, got, want)
		}
	}
}
