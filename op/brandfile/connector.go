package brandfile

import (
	"net/url"
	"slices"
	"strings"

	"github.com/brandidp/idp/op/liveperson"
)

// connector checks a connector's settings and what goes with them, so that none
// is accepted that could not work.
func (d *decoder) connector(c *client, opts Options) {
	cc := c.ConversationalCloud
	if cc == nil {
		return
	}
	cc.SetDefaults()
	field := c.path + ".conversational_cloud"
	d.all(field, cc.Validate())
	for i, name := range cc.Audience {
		if name == opts.Issuer || strings.HasPrefix(name, opts.Issuer+"/") {
			d.at(index(field+".audience", i), "must not be an address of this provider: an ID token is not for it")
		}
	}
	d.windowFlow(c)
	codeFlow := slices.ContainsFunc(c.ResponseTypes, func(t string) bool { return slices.Contains(grantsOf[t], grantCode) })
	if cc.Legacy() && c.RequirePKCE {
		d.at(c.path+".require_pkce", "must not be true with variant legacy, which has no PKCE; use variant rfc")
	}
	if cc.TokenParameter == "code" && codeFlow {
		d.at(field+".token_parameter", "must not be code for a client with the response type code: nobody could tell a token from a code")
	}
	if cc.CodeRetry && !codeFlow {
		d.at(field+".code_retry", "needs the response type code")
	}
	if cc.ResponsePlacement == liveperson.PlacementFormPost {
		for i, address := range c.RedirectURIs {
			if u, err := url.Parse(address); err == nil && u.Scheme != "https" && u.Scheme != "http" {
				d.at(index(c.path+".redirect_uris", i), "must be https with response_placement form_post: no form can be sent to an application")
			}
		}
	}
}

// windowFlow checks that a conversation window can ask for something, and get it: it
// asks for a code or an ID token alone, never for a mixture.
func (d *decoder) windowFlow(c *client) {
	implicit := c.Allows("id_token")
	refused := func(responseType string) bool {
		return grantsOf[responseType] == nil || responseType == "token" && !c.ConversationalCloud.Legacy()
	}
	switch noPages := len(c.WebOrigins) == 0; {
	case len(c.ResponseTypes) == 0 || slices.ContainsFunc(c.ResponseTypes, refused): // which is said already
	case c.Allows("code"):
	case !implicit && c.ConversationalCloud.Legacy():
		d.at(c.path+".response_types", "must have code, id_token or token: a conversation window asks for one of them alone")
	case !implicit:
		d.at(c.path+".response_types", "must have code or id_token: a conversation window asks for one of them alone")
	case noPages && len(c.RedirectURIs) > 0 && !slices.ContainsFunc(c.RedirectURIs, notLabel):
		d.at(c.path+".redirect_uris", "must have the address of the external window, or web_origins the origin of a page: no ID token goes to "+liveperson.EmbeddedRedirectURI)
	}
}

func notLabel(address string) bool { return !liveperson.IsLabel(address) }
