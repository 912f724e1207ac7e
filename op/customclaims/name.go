package customclaims

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/brandidp/idp/storage"
)

// namePattern is that of a name, which may be a URI (RFC 7519 4.2).
var namePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_.:/-]{0,127}$`)

// protocolClaims are those that say what a token is, whom it is for and how
// somebody signed in: of RFC 7519, of OpenID Connect Core 2 and 5.6, of its
// specifications for signing out, of the tokens that OAuth builds on JWTs, and of
// LivePerson.
var protocolClaims = []string{
	"iss", "sub", "aud", "exp", "iat", "nbf", "jti",
	"auth_time", "nonce", "acr", "amr", "azp", "at_hash", "c_hash", "s_hash", "sub_jwk", "_claim_names", "_claim_sources",
	"sid", "events", "sub_id", "cnf", "act", "may_act", "scope", "client_id", "active", "token_type",
	"lp_sdes", "lp.ext",
}

// standardClaims are those of OpenID Connect Core 5.1.
var standardClaims = func() []string {
	names := []string{"updated_at"}
	for field := range reflect.TypeFor[storage.Claims]().Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}()

// NameRule returns the rule that the name of a claim breaks, or "". Case makes no
// difference to what is taken, since it makes none to some who read JSON.
func NameRule(name string) string {
	lower := strings.ToLower(name)
	switch {
	case slices.Contains(protocolClaims, lower):
		return "must not be a claim of the protocol, which only the provider says"
	case slices.Contains(standardClaims, lower):
		return "must not be a standard claim: it is told as claims of the consumer have it"
	case !namePattern.MatchString(name):
		return "must be 1 to 128 letters, digits, _, ., :, / and -, beginning with a letter"
	}
	return ""
}
