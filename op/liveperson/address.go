package liveperson

import (
	"net/url"
	"slices"
	"strings"
)

// cloudHost stands, with the hosts below it, for Conversational Cloud itself in
// redirect addresses: for its label and the callbacks of its services.
// Conversation windows are served from elsewhere.
const cloudHost = "liveperson.net"

// IsLabel reports whether a redirect address is only a label of the embedded
// flow, such as [EmbeddedRedirectURI]: what Conversational Cloud repeats at the
// token endpoint. Nobody is there to receive a token.
func IsLabel(address string) bool {
	u, err := url.Parse(address)

	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && strings.EqualFold(u.Hostname(), cloudHost)
}

// IsWindow reports whether a connector's redirect address is that of the
// external conversation window: a web address that is neither LivePerson's label
// or service nor on one of the brand's own pages, whose origins are given. A
// legacy connector's window is the one that comes with a query of its own.
func IsWindow(address string, origins []string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" {
		return false
	}

	host := strings.ToLower(u.Hostname())

	return host != cloudHost && !strings.HasSuffix(host, "."+cloudHost) && !onPage(u, origins)
}

// PageAddress is the redirect address that Conversational Cloud names for a code
// when the page handed none over with it: [EmbeddedRedirectURI] if the connector
// registered it, else the first registered one that is a label or on a page of
// the brand; "" if there is none. A legacy connector names it for codes of the
// external window, too.
func PageAddress(registered, origins []string) string {
	if slices.Contains(registered, EmbeddedRedirectURI) {
		return EmbeddedRedirectURI
	}

	for _, address := range registered {
		if u, err := url.Parse(address); err == nil && (IsLabel(address) || onPage(u, origins)) {
			return address
		}
	}

	return ""
}

// onPage reports whether an address is at one of the origins, which are written
// as browsers send them.
func onPage(u *url.URL, origins []string) bool {
	host := strings.ToLower(u.Host)
	if port := map[string]string{"https": ":443", "http": ":80"}[u.Scheme]; port != "" {
		host = strings.TrimSuffix(host, port)
	}

	return slices.Contains(origins, u.Scheme+"://"+host)
}
