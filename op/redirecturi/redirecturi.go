// Package redirecturi holds the rule for the queries of redirect addresses,
// which is the same where an address is registered and where one is asked for.
// It knows nothing of clients and imports nothing else of this module.
package redirecturi

import (
	"net/url"
	"slices"
	"strings"
)

// responseParameters are those that the provider adds to a redirect address.
var responseParameters = []string{
	"code", "token", "id_token", "access_token", "state", "error", "iss",
	"error_description", "error_uri", "token_type", "expires_in", "session_state",
}

// QueryRule returns the rule that the query of a redirect address breaks, or "".
// It keeps out response parameters, and two of a name, since with them it is
// open which one the relying party reads. It never repeats the query.
func QueryRule(query string) string {
	values, err := url.ParseQuery(query)
	if err != nil {
		return "must have a query that can be read"
	}
	for name, all := range values {
		if slices.Contains(responseParameters, name) {
			return "must not have a parameter of the response in its query: " + strings.Join(responseParameters, ", ")
		}
		if len(all) > 1 {
			return "must not have a parameter twice in its query"
		}
	}
	return ""
}
