package brandfile

import (
	"slices"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// signsIn tells whether a client signs people in: one that does not only asks for
// tokens of its own, or about tokens.
func (c *client) signsIn() bool { return len(c.ResponseTypes) > 0 }

// clientAuth checks what goes with the method private_key_jwt.
func (d *decoder) clientAuth(c *client) {
	signs := c.TokenEndpointAuthMethod == storage.AuthPrivateKeyJWT
	const needsMethod = "needs token_endpoint_auth_method private_key_jwt"
	if c.TokenEndpointAuthAudience != "" {
		d.oneOf(c.path+".token_endpoint_auth_audience", c.TokenEndpointAuthAudience, "issuer")
		if !signs {
			d.at(c.path+".token_endpoint_auth_audience", needsMethod)
		}
	}
	switch alg := c.TokenEndpointAuthSigningAlg; {
	case alg != "" && !signs:
		d.at(c.path+".token_endpoint_auth_signing_alg", needsMethod)
	case alg != "" && !slices.Contains(keys.Algs, alg):
		d.oneOf(c.path+".token_endpoint_auth_signing_alg", alg, keys.Algs...)
	case signs && c.ConversationalCloud != nil:
		d.at(c.path+".token_endpoint_auth_method", "must not be private_key_jwt for Conversational Cloud, which sends a secret; use client_secret_basic")
	case signs && c.JWKS == nil:
		d.at(c.path+".jwks", "is required with token_endpoint_auth_method private_key_jwt")
	}
}

// withoutSignIn checks a client that has no response types.
func (d *decoder) withoutSignIn(c *client) {
	if !c.Introspection && !c.TakesAssertions() && !slices.Contains(c.GrantTypes, storage.GrantClientCredentials) {
		d.at(c.path+".response_types", "must not be empty, but for a client with introspection, or with the grant client_credentials, token-exchange or jwt-bearer")
		return
	}
	if len(c.RedirectURIs) > 0 {
		d.at(c.path+".redirect_uris", "must be left out without response_types: nothing is sent there")
	}
	c.RedirectURIs = []string{}
}
