package op

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/brandidp/idp/storage"
)

// redirectURIAllowed compares an address with those registered, byte for byte
// (RFC 9700 2.1). The one exception: a loopback address of a native application
// matches any port (RFC 8252 7.3) and nothing else about it is relaxed.
func redirectURIAllowed(client *storage.Client, address string) bool {
	if slices.Contains(client.RedirectURIs, address) {
		return true
	}
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
	if !client.Public() {
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
