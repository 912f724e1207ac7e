package brandfile

import (
	"slices"
	"strings"
)

// logout reads and checks where a client's browsers go after a sign-out, and where
// the client is told of one, and where the brand signs people in and out itself.
func (d *decoder) logout(c *client, entry clientEntry, opts Options) {
	c.ClientURI, c.PostLogoutRedirectURIs = entry.ClientURI, entry.PostLogoutRedirectURIs
	c.BackchannelLogoutURI, c.BackchannelLogoutSessionRequired = entry.BackchannelLogoutURI, entry.BackchannelLogoutSessionRequired
	for i, address := range c.PostLogoutRedirectURIs {
		field := index(c.path+".post_logout_redirect_uris", i)
		if rule := redirectRule(address, c.ApplicationType == typeNative, opts.onLoopback()); rule != "" {
			d.at(field, rule)
		}
		if slices.Contains(c.PostLogoutRedirectURIs[:i], address) {
			d.at(field, "must not be given twice")
		}
	}
	c.LoginURL, c.LogoutURL = entry.LoginURL, entry.LogoutURL
	// None is an address of an application: people look at them, and this provider
	// calls the second.
	for _, web := range []struct{ field, address string }{
		{".client_uri", c.ClientURI}, {".backchannel_logout_uri", c.BackchannelLogoutURI}, {".login_url", c.LoginURL}, {".logout_url", c.LogoutURL},
	} {
		if web.address == "" {
			continue
		}
		rule := redirectRule(web.address, false, opts.onLoopback())
		if strings.HasPrefix(rule, "must be https;") {
			rule = "must be https; http on loopback is for an issuer on loopback"
		}
		if rule != "" {
			d.at(c.path+web.field, rule)
		}
	}
	if c.BackchannelLogoutSessionRequired && c.BackchannelLogoutURI == "" {
		d.at(c.path+".backchannel_logout_session_required", "must not be given without backchannel_logout_uri")
	}
}
