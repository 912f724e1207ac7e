package brandfile

import (
	"net/url"
	"slices"
	"strings"

	"github.com/brandidp/idp/storage"
)

// assertionIssuers checks whose word a client may bring for who a consumer is, and
// for whom it may exchange that.
func (d *decoder) assertionIssuers(c *client, opts Options) {
	field := c.path + ".assertion_issuers"
	switch takes := c.TakesAssertions(); {
	case takes && len(c.AssertionIssuers) == 0:
		d.at(field, "is required with the grants token-exchange and jwt-bearer: whose assertions are to be believed")
	case !takes && len(c.AssertionIssuers) > 0:
		d.at(field, "needs "+storage.GrantTokenExchange+" or "+storage.GrantJWTBearer+" among grant_types")
	}
	for i, issuer := range c.AssertionIssuers {
		field := index(field, i)
		d.assertionIssuer(field+".issuer", issuer.Issuer, opts)
		if slices.ContainsFunc(c.AssertionIssuers[:i], func(other storage.AssertionIssuer) bool { return other.Issuer == issuer.Issuer }) {
			d.at(field+".issuer", "must not be given twice")
		}
		d.oneOf(field+".subject", issuer.Subject, storage.SubjectExternalID, storage.SubjectSub)
		if issuer.JWKS == nil {
			d.at(field+".jwks", "is required: the public keys that the issuer signs with")
			continue
		}
		d.verifies(field+".jwks", issuer.JWKS, "")
	}
	d.exchangeAudiences(c)
}

// assertionIssuer checks the iss of assertions. It is a URI, which no client_id is: so
// neither a client's assertion of itself nor a request object is taken for one.
func (d *decoder) assertionIssuer(field, issuer string, opts Options) {
	u, err := url.Parse(issuer)
	switch {
	case issuer == "":
		d.at(field, "is required: the iss of the assertions")
	case err != nil || u.Scheme == "" || len(issuer) > maxAudience || strings.ContainsFunc(issuer, func(r rune) bool { return r <= ' ' || r > '~' }):
		d.at(field, "must be a URI of at most 255 characters, such as https://www.brand.example")
	case issuer == opts.Issuer || strings.HasPrefix(issuer, opts.Issuer+"/"):
		d.at(field, "must not be an address of this provider, which takes no word of its own")
	}
}

// exchangeAudiences checks for whom ID tokens may be had by token exchange.
func (d *decoder) exchangeAudiences(c *client) {
	field := c.path + ".token_exchange_audiences"
	if len(c.TokenExchangeAudiences) > 0 && !slices.Contains(c.GrantTypes, storage.GrantTokenExchange) {
		d.at(field, "needs "+storage.GrantTokenExchange+" among grant_types")
	}
	for i, audience := range c.TokenExchangeAudiences {
		switch {
		case !clientIDPattern.MatchString(audience):
			d.at(index(field, i), "must be the client_id of a connector")
		case slices.Contains(c.TokenExchangeAudiences[:i], audience):
			d.at(index(field, i), "must not be given twice")
		}
	}
}
