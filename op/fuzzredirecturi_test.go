package op

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// fuzzedClients are one of each kind that addresses are compared for differently.
var fuzzedClients = []*storage.Client{
	{RedirectURIs: []string{"https://www.brand.example/cb", "https://www.brand.example/cb?a=1&b=%2F"}, ApplicationType: "web"},
	{RedirectURIs: []string{"http://127.0.0.1:8080/cb", "http://localhost/cb"}, ApplicationType: "web"},
	{RedirectURIs: []string{
		"com.brand.app:/cb", "http://127.0.0.1/cb", "http://[::1]:8000/cb?a=%2f", "http://127.0.0.1", "http://localhost/cb", "https://app.brand.example/cb",
	}, ApplicationType: "native"},
	{
		RedirectURIs: []string{
			"https://lpcdn.lpsnmedia.net/le_unified_window/index.html", "https://lpcdn.lpsnmedia.net/old/index.html?v=1", "https://liveperson.net",
			"https://va.idp.liveperson.net/x", "https://shop.brand.example/cb",
		},
		WebOrigins: []string{"https://shop.brand.example"}, ApplicationType: "web",
		ConversationalCloud: &liveperson.ConversationalCloud{Variant: liveperson.VariantLegacy},
	},
	{
		RedirectURIs: []string{"https://lpcdn.lpsnmedia.net/le_unified_window/index.html", "https://liveperson.net"},
		GrantTypes:   []string{storage.GrantRefreshToken}, ApplicationType: "web",
		ConversationalCloud: &liveperson.ConversationalCloud{
			Variant: liveperson.VariantRFC, AccountID: "12345678", IDPDomains: []string{"va.idp.liveperson.net"},
		},
	},
}

// FuzzRedirectURI holds the comparison of redirect addresses against another
// reading of its rule. An input is an edit of a registered address, so that each
// is a near miss; one that replaces all of it is any address.
func FuzzRedirectURI(f *testing.F) {
	f.Add(uint8(0), uint8(0), uint16(0), uint16(0), "")
	for _, size := range []int{0, 1} { // the longest, and one more
		f.Add(uint8(3), uint8(0), uint16(1000), uint16(0), "?"+strings.Repeat("a", maxRedirectURI-1-len(fuzzedClients[3].RedirectURIs[0])+size))
	}
	for i, client := range fuzzedClients {
		for k, address := range client.RedirectURIs {
			end := uint16(len(address))
			for _, put := range []string{
				"/", "?", "?a=1", "?st%61te=1", "?a=1&a=2", "?a;b", "?a=%zz", "?=&=", "?x={|}'`^", "?a#x", "?a b", "?a\xff", "#", "#x", " ", "\x00", "\xff", "&c", "%20", "/../evil", "@evil.example",
				":443", ".evil.example",
			} {
				f.Add(uint8(i), uint8(k), end, uint16(0), put)
			}
			f.Add(uint8(i), uint8(k), end-1, uint16(1), "B")
			for _, at := range []string{"127.0.0.1", "[::1]", "example", "net"} {
				if start := strings.Index(address, at); start >= 0 {
					for _, put := range []string{":1", ":0", ":080", ":65536", ":", "@evil.example", ":1@evil.example", ".", ".evil.example"} {
						f.Add(uint8(i), uint8(k), uint16(start+len(at)), uint16(0), put)
					}
					f.Add(uint8(i), uint8(k), uint16(0), uint16(start), "")
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, client, registered uint8, start, length uint16, put string) {
		c := fuzzedClients[int(client)%len(fuzzedClients)]
		address := edited(c.RedirectURIs[int(registered)%len(c.RedirectURIs)], int(start), int(length), put)
		for i, c := range fuzzedClients { // whose the address may not be
			fault := checkRedirectURI(c, address)
			if got, want := fault == nil, mayRedirect(c, address); got != want {
				t.Errorf("client %d: %.300q is admitted: %t, want %t", i, address, got, want)
			}
			if fault != nil && fault.Status/100 != 4 {
				t.Errorf("client %d: status %d for %.300q", i, fault.Status, address)
			}
		}
	})
}

// edited is text with length bytes from start on, as far as there are any, replaced.
func edited(text string, start, length int, put string) string {
	start = min(start, len(text))
	return text[:start] + put + text[min(start+length, len(text)):]
}

// mayRedirect is the rule, told another way: an address is one that is registered;
// or that of a native application with another port; or a legacy window with a query.
func mayRedirect(c *storage.Client, address string) bool {
	for _, registered := range slices.Concat(c.RedirectURIs, c.Callbacks()) {
		if registered == address ||
			c.ApplicationType == "native" && sameButPort(registered, address) ||
			c.ConversationalCloud.Legacy() && windowWithQuery(c, registered, address) {
			return true
		}
	}
	return false
}

// sameButPort puts the port of one address into the other.
func sameButPort(registered, address string) bool {
	r, err := url.Parse(registered)
	if err != nil || r.Hostname() != "127.0.0.1" && r.Hostname() != "::1" {
		return false
	}
	a, err := url.Parse(address)
	if err != nil || strings.Contains(address, "#") {
		return false
	}
	if port, err := strconv.Atoi(a.Port()); a.Port() != "" && (err != nil || port < 1 || port > 65535) {
		return false
	}
	bare := strings.TrimSuffix(r.Host, ":"+r.Port())
	host := bare
	if a.Port() != "" {
		host += ":" + a.Port()
	}
	return "http://"+host+strings.TrimPrefix(registered, "http://"+r.Host) == address
}

var (
	windowQuery = regexp.MustCompile(`\A[!$-:=?-\[\]^-~]*\z`) // no ";" either, at which readers disagree
	ofTheCloud  = regexp.MustCompile(`(\A|\.)liveperson\.net\z`)
	badEscape   = regexp.MustCompile(`%([^0-9A-Fa-f]|[0-9A-Fa-f][^0-9A-Fa-f]|.?\z)`)
)

// windowWithQuery adds the query of an address to the window that is registered.
func windowWithQuery(c *storage.Client, registered, address string) bool {
	query, found := strings.CutPrefix(address, registered+"?")
	if !found || strings.Contains(registered, "?") || len(address) > 16384 || !windowQuery.MatchString(query) || badEscape.MatchString(query) {
		return false
	}
	u, err := url.Parse(registered)
	if err != nil || ofTheCloud.MatchString(u.Host) || slices.Contains(c.WebOrigins, "https://"+u.Host) {
		return false
	}
	answered := strings.Fields("code token id_token access_token state error iss error_description error_uri token_type expires_in session_state")
	seen := map[string]bool{}
	for parameter := range strings.SplitSeq(query, "&") {
		if parameter == "" {
			continue
		}
		name, _, _ := strings.Cut(parameter, "=")
		name, err := url.PathUnescape(strings.ReplaceAll(name, "+", " "))
		if err != nil || seen[name] || slices.Contains(answered, name) {
			return false
		}
		seen[name] = true
	}
	return true
}
