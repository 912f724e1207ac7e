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
// rest. A trusted proxy that has written nothing, or what is no address, leaves none: it is
// not the proxy's own, which may be let in where the client is not. A proxy that calls
// itself, or for a program beside it, says so by writing its own.
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
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",") // one, and no address, for none
		for i := len(hops) - 1; i >= 0 && isTrusted(addr); i-- {
			if addr, err = parseHop(strings.TrimSpace(hops[i])); err != nil {
				return netip.Addr{}
			}
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
