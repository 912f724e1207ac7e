// Package loopback knows the names that never leave the machine: what is said over
// http may be said there, and nowhere else. It owns that one question.
package loopback

import (
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
