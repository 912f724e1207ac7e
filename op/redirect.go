package op

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/redirecturi"
	"github.com/brandidp/idp/storage"
)

// checkRedirectURI compares an address with those registered, byte for byte
// (RFC 9700 2.1). Two exceptions: a loopback address of a native application
// matches any port (RFC 8252 7.3), and a legacy connector's window comes with a
// query of its own. Nothing else about either is relaxed.
func checkRedirectURI(client *storage.Client, address string) *Error {
	if slices.Contains(client.RedirectURIs, address) || slices.Contains(client.Callbacks(), address) || onOtherPort(client, address) {
		return nil
	}
	window, query, found := strings.Cut(address, "?")
	if !found || !client.ConversationalCloud.Legacy() || !slices.Contains(client.RedirectURIs, window) ||
		!liveperson.IsWindow(window, client.WebOrigins) {
		return invalidRequest("redirect_uri is not registered for this client, byte for byte")
	}
	switch {
	case len(address) > maxRedirectURI:
		return &Error{Code: "invalid_request", Description: "redirect_uri is longer than 16 KB", Status: http.StatusRequestURITooLong}
	case strings.ContainsFunc(query, notInQuery):
		return invalidRequest("redirect_uri must be of the characters that browsers leave in a query")
	}
	if rule := redirecturi.QueryRule(query); rule != "" {
		return invalidRequest("redirect_uri " + rule)
	}
	return nil
}

// notInQuery tells a character that browsers encode in a query (URL Standard,
// special-query percent-encode set), that ends it, or that they might repair.
func notInQuery(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"#<>\`, r) }

// windowsBehind gives the addresses for whose codes a token request may name
// another: a legacy connector names the page's address where its window was the
// one that got the code. It is that pair alone.
func windowsBehind(client *storage.Client, address string) []string {
	if !client.ConversationalCloud.Legacy() || address != liveperson.PageAddress(client.RedirectURIs, client.WebOrigins) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(client.RedirectURIs), func(registered string) bool {
		return !liveperson.IsWindow(registered, client.WebOrigins)
	})
}

// onOtherPort tells a native application's registered loopback address with
// another port (RFC 8252 7.3).
func onOtherPort(client *storage.Client, address string) bool {
	if client.ApplicationType != "native" {
		return false
	}
	bare, ok := withoutLoopbackPort(address)
	if !ok {
		return false
	}
	return slices.ContainsFunc(client.RedirectURIs, func(registered string) bool {
		other, ok := withoutLoopbackPort(registered)
		return ok && other == bare
	})
}

// withoutLoopbackPort takes the port out of an http address on a loopback IP,
// leaving every other byte as it is.
func withoutLoopbackPort(address string) (string, bool) {
	for _, prefix := range []string{"http://127.0.0.1", "http://[::1]"} {
		rest, ok := strings.CutPrefix(address, prefix)
		if !ok {
			continue
		}
		if digits, isPort := strings.CutPrefix(rest, ":"); isPort {
			end := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' })
			if end < 0 {
				end = len(digits)
			}
			if port, err := strconv.ParseUint(digits[:end], 10, 16); err != nil || port == 0 {
				return "", false
			}
			rest = digits[end:]
		}
		if rest == "" || rest[0] == '/' || rest[0] == '?' {
			return prefix + rest, true
		}
	}
	return "", false
}

// ownedByApplication tells an address that any application on the device could
// have claimed: a scheme of its own, or loopback (RFC 8252 8.6).
func ownedByApplication(client *storage.Client, address string) bool {
	if !client.Public() || address == "" { // no address: the token source answers a web origin
		return false
	}
	u, err := url.Parse(address)
	if err != nil {
		return true
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return true
	}
	_, loopback := withoutLoopbackPort(address)
	return client.ApplicationType == "native" && (loopback || u.Hostname() == "localhost")
}
