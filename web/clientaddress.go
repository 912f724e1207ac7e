package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// clientAddress gives the function that tells from which network address a
// request comes. X-Forwarded-For is read from its end, and only as far as the
// proxies that wrote it are trusted; a client can write what it likes into the
// rest.
func clientAddress(trusted []netip.Prefix) func(*http.Request) netip.Addr {
	isTrusted := func(addr netip.Addr) bool {
		return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
	}
	return func(r *http.Request) netip.Addr {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil {
			return netip.Addr{}
		}
		addr := peer.Addr()
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for i := len(hops) - 1; i >= 0 && isTrusted(addr); i-- {
			hop, err := parseHop(strings.TrimSpace(hops[i]))
			if err != nil {
				break
			}
			addr = hop
		}
		return addr
	}
}

// parseHop reads an address as proxies write it: bare, or with a port.
func parseHop(hop string) (netip.Addr, error) {
	if addr, err := netip.ParseAddr(hop); err == nil {
		return addr, nil
	}
	withPort, err := netip.ParseAddrPort(hop)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("read X-Forwarded-For: %w", err)
	}
	return withPort.Addr(), nil
}
