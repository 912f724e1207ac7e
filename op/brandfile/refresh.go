package brandfile

import (
	"slices"

	"github.com/brandidp/idp/storage"
)

// refresh fills in what goes with the refresh_token grant and refuses what is of
// no use without it, or without which it is of no use.
func (d *decoder) refresh(c *client) {
	refreshes := slices.Contains(c.GrantTypes, storage.GrantRefreshToken)
	cc := c.ConversationalCloud
	const needsGrant = "needs refresh_token among grant_types"
	switch {
	case !refreshes:
		if c.signsIn() || c.TakesAssertions() {
			c.Scope = orDefault(c.Scope, defaultScope)
		}
		if c.RefreshTokenLifetime != 0 {
			d.at(c.path+".refresh_token_lifetime", needsGrant)
		}
		if cc != nil && cc.IDPDomains != nil {
			d.at(c.path+".conversational_cloud.idp_domains", needsGrant)
		}
		return
	case cc != nil:
		cc.SetDelegationDefaults()
	}
	c.Scope = orDefault(c.Scope, defaultScope+" offline_access")
	c.RefreshTokenLifetime = orDefault(c.RefreshTokenLifetime, defaultRefreshLifetime)
	if offline, plain := c.Refreshes(); !offline && !plain {
		d.at(c.path+".scope", "must contain offline_access with the grant refresh_token, or no refresh token would ever be given")
	}
}
