package brandfile

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/brandidp/idp/op/loopback"
	"github.com/brandidp/idp/op/redirecturi"
)

// maxAddress is the length of the longest address, in bytes.
const maxAddress = 2048

var (
	// uriPattern has the characters of RFC 3986 but "#": what browsers repair on
	// the way, such as a backslash, is not an address to compare bytes with.
	uriPattern = regexp.MustCompile(`^[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+$`)
	// hostPattern leaves out what only looks like one host: wildcards, escapes.
	hostPattern = regexp.MustCompile(`^([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])$`)
)

func (d *decoder) redirectURIs(c *client, opts Options) {
	if len(c.RedirectURIs) == 0 && c.signsIn() {
		d.at(c.path+".redirect_uris", "must name at least one address")
	}
	for i, address := range c.RedirectURIs {
		field := index(c.path+".redirect_uris", i)
		if rule := redirectRule(address, c.ApplicationType == typeNative, opts.onLoopback()); rule != "" {
			d.at(field, rule)
		}
		if slices.Contains(c.RedirectURIs[:i], address) {
			d.at(field, "must not be given twice")
		}
	}
}

// redirectRule returns the rule that a redirect address breaks, or "".
func redirectRule(address string, native, issuerOnLoopback bool) string {
	if len(address) > maxAddress {
		return "must be at most 2048 characters long"
	}
	if strings.Contains(address, "#") {
		return "must not have a fragment"
	}
	u, err := url.Parse(address)
	if err != nil || !u.IsAbs() || !uriPattern.MatchString(address) {
		return "must be an absolute address in the characters of RFC 3986"
	}
	if u.User != nil {
		return "must not have a user name or password"
	}
	if rule := schemeRule(u, native, issuerOnLoopback); rule != "" {
		return rule
	}
	return redirecturi.QueryRule(u.RawQuery)
}

// schemeRule holds schemes and hosts to what is allowed for the application.
func schemeRule(u *url.URL, native, issuerOnLoopback bool) string {
	switch u.Scheme {
	case "https", "http":
		if u.Opaque != "" || !hostPattern.MatchString(strings.TrimSuffix(u.Host, ":"+u.Port())) || !validPort(u) {
			return "must have a host without wildcards and, if any, a port of 1 to 65535"
		}
		if u.Scheme == "https" || loopback.Host(u.Hostname()) && (native || issuerOnLoopback) {
			return ""
		}
		if loopback.Host(u.Hostname()) {
			return "must be https; http on loopback is for application_type native, or an issuer on loopback"
		}
		return "must be https"
	}
	if !native {
		return "must be https; a scheme of an application's own is for application_type native"
	}
	// RFC 8252 7.1 and 8.4; it also keeps out javascript, data and their like.
	if !strings.Contains(u.Scheme, ".") {
		return "must have a scheme that is a domain name of the application's, backwards, such as com.brand.app"
	}
	return ""
}

func (d *decoder) webOrigins(c *client, opts Options) {
	for i, origin := range c.WebOrigins {
		field := index(c.path+".web_origins", i)
		if rule := originRule(origin, opts.onLoopback()); rule != "" {
			d.at(field, rule)
		}
		if slices.Contains(c.WebOrigins[:i], origin) {
			d.at(field, "must not be given twice")
		}
	}
}

// originRule returns the rule that an origin breaks, or "". It is compared with
// what browsers send, so it has to be written as they do.
func originRule(origin string, issuerOnLoopback bool) string {
	const exact = "must be an exact origin as browsers send it, such as https://www.brand.example: " +
		"lower case, no path, no default port, no wildcard, not null"
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || len(origin) > maxAddress {
		return exact
	}
	host := strings.TrimSuffix(u.Host, ":"+u.Port())
	defaultPort := map[string]string{"https": "443", "http": "80"}[u.Scheme]
	if origin != u.Scheme+"://"+u.Host || strings.ToLower(origin) != origin || !hostPattern.MatchString(host) ||
		!validPort(u) || u.Port() == defaultPort || strings.HasPrefix(u.Port(), "0") {
		return exact
	}
	if u.Scheme == "http" && (!issuerOnLoopback || !loopback.Host(u.Hostname())) {
		return "must be https; http on loopback is for an issuer on loopback"
	}
	return ""
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
