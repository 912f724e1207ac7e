package outbound

import "net/netip"

// globalIPv6 is what is given out for the internet (RFC 4291 2.4). NAT64 and IPv4
// in IPv6, which lead to any IPv4 address whatever, lie outside of it.
var globalIPv6 = netip.MustParsePrefix("2000::/3")

// special are the networks that no public service has, of the IANA IPv4 and IPv6
// Special-Purpose Address Registries (RFC 6890).
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24",
	"203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
	"2001::/23", // Teredo and others of the IETF's protocols
	"2001:db8::/32",
	"2002::/16", // 6to4: leads to any IPv4 address
	"2620:4f:8000::/48", "3fff::/20",
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}

// public tells whether an address is one of the public internet.
func public(addr netip.Addr) bool {
	if !addr.IsValid() || addr.Zone() != "" || addr.Is4In6() || addr.Is6() && !globalIPv6.Contains(addr) {
		return false
	}
	for _, network := range special {
		if network.Contains(addr) {
			return false
		}
	}
	return true
}
