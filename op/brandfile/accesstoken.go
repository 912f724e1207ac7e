package brandfile

import (
	"slices"
	"strings"

	"github.com/brandidp/idp/storage"
)

// maxAudience is the length of the longest audience, in characters.
const maxAudience = 255

// accessToken checks what access tokens look like, and what comes of them. A
// connector's stay as Conversational Cloud knows them.
func (d *decoder) accessToken(c *client) {
	if c.AccessTokenFormat != "" {
		d.oneOf(c.path+".access_token_format", c.AccessTokenFormat, "opaque", storage.AccessTokenJWT)
	}
	if c.AccessTokenFormat == "opaque" {
		c.AccessTokenFormat = "" // as it is kept
	}
	if aud := c.AccessTokenAudience; len(aud) > maxAudience || strings.ContainsFunc(aud, func(r rune) bool { return r <= ' ' || r > '~' }) {
		d.at(c.path+".access_token_audience", "must be 1 to 255 visible ASCII characters")
	}
	if c.UserinfoSignedResponseAlg != "" {
		d.oneOf(c.path+".userinfo_signed_response_alg", c.UserinfoSignedResponseAlg, "RS256")
	}
	if c.Introspection && c.Public() {
		d.at(c.path+".introspection", "needs a client with credentials, not token_endpoint_auth_method none")
	}
	if c.ConversationalCloud == nil {
		return
	}
	const notCloud = "is not for Conversational Cloud: leave it out"
	for field, given := range map[string]bool{
		"access_token_format": c.AccessTokenFormat != "", "access_token_audience": c.AccessTokenAudience != "",
		"userinfo_signed_response_alg": c.UserinfoSignedResponseAlg != "", "introspection": c.Introspection,
	} {
		if given {
			d.at(c.path+"."+field, notCloud)
		}
	}
}

// scope checks what a client may ask for (RFC 6749 3.3): what speaks of somebody
// who signs in, and, with the grant client_credentials, words of the client's own.
func (d *decoder) scope(c *client) {
	own, forConsumers := slices.Contains(c.GrantTypes, storage.GrantClientCredentials), c.signsIn() || c.TakesAssertions()
	rule := "must be of " + strings.Join(storage.SignInScopes, ", ") + ", each once, with single spaces between"
	switch {
	case own && forConsumers:
		rule += "; words of the client's own are of the characters of RFC 6749 3.3"
	case own:
		rule = "must be of words of the client's own in the characters of RFC 6749 3.3, each once, with single spaces between; those of OpenID Connect need a response type"
	case !forConsumers:
		rule = "needs a response type, or the grant client_credentials"
	}
	if c.Scope == "" && !forConsumers {
		return
	}
	field := c.path + ".scope"
	values := strings.Split(c.Scope, " ")
	for i, value := range values {
		valid := own && isScope(value)
		if slices.Contains(storage.SignInScopes, value) {
			valid = forConsumers
		}
		if !valid || slices.Contains(values[:i], value) {
			d.at(field, rule)
			return
		}
	}
	if forConsumers && !slices.Contains(values, "openid") {
		d.at(field, "must contain openid")
	}
}

// isScope tells a scope-token of RFC 6749 3.3.
func isScope(value string) bool {
	return value != "" && !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' })
}
