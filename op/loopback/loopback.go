// Package loopback knows the names that never leave the machine: what is said over
// http may be said there, and nowhere else. It owns that one question, and what
// follows from it for proxies.
package loopback

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// Host tells whether a host, without a port and brackets, is on loopback: localhost,
// *.localhost, 127.0.0.0/8 and ::1. Nothing is resolved.
func Host(host string) bool {
	host = strings.ToLower(host)
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	// An address with a zone or of IPv4 in IPv6 is written in another way.
	return err == nil && addr.IsLoopback() && addr.Zone() == "" && !addr.Is4In6()
}

// URL tells whether the host of an address is on loopback.
func URL(address string) bool {
	u, err := url.Parse(address)
	return err == nil && Host(u.Hostname())
}

// Proxy is that of the environment ([http.ProxyFromEnvironment]) for https, which a
// proxy passes on unread, and none for http: a proxy reads all of it, and *.localhost
// is not exempt in net/http.
func Proxy(request *http.Request) (*url.URL, error) {
	if request.URL.Scheme != "https" {
		return nil, nil //nolint:nilnil // as net/http has it
	}
	return http.ProxyFromEnvironment(request) //nolint:wrapcheck // in its place
}
