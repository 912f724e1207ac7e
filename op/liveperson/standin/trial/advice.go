package trial

import "strings"

// advices are what to do about an error of the protocol. The first that fits
// counts.
var advices = []struct{ code, description, advice string }{
	{
		"invalid_request", "redirect_uri is not registered",
		"add " + windowAddress + " to redirect_uris of the client, for the external window, and run idp apply",
	},
	{
		"invalid_request", "client_id names no client",
		"the provider that is up knows other clients than this command: see that both have the same database (database.url, data_dir)",
	},
	{"invalid_request", "window of another account", "see that conversational_cloud.account_id is the account's number"},
	{"invalid_request", "code_challenge", "tick \"Authorisation Code Flow With PKCE\" in the connector's form, or take require_pkce from the client"},
	{"unauthorized_client", "response_type", "add what the window asks for, id_token or code, to response_types of the client, and run idp apply"},
	{"invalid_client", "", "the secret is not the client's: it was shown once, when it was made. Put one of your own into the client (client_secret_file), run idp apply, and paste it into the connector's form"},
	{"invalid_scope", "", "add openid to scope of the client and run idp apply"},
	{"invalid_grant", "", "the code was used, has expired, or is bound to another redirect address than Conversational Cloud names: look at redirect_uris of the client"},
	{"login_required", "", "the provider does not know its own session again: see that cookies pass the proxy in front of it"},
	{"access_denied", "may not ask for tokens", "see that web_origins of the client has the page's origin, and that the proxy passes Origin and Content-Type on"},
	{"temporarily_unavailable", "", "the provider, or its database, cannot answer now: see /health/ready and its log"},
	{"server_error", "", "the provider has failed: its log says more"},
}

// adviceFor says what to do about an error code, "" if nothing is known.
func adviceFor(code, description string) string {
	for _, known := range advices {
		if code == known.code && strings.Contains(description, known.description) {
			return known.advice
		}
	}
	return ""
}

// adviceIn says what to do about what the stand-in says of a token endpoint.
func adviceIn(reason string) string {
	for _, known := range advices {
		if known.description == "" && strings.Contains(reason, known.code) {
			return known.advice
		}
	}
	return "look at the answer of the token endpoint"
}

// adviceForCheck says what to do about a check of the cloud's that failed.
func adviceForCheck(check Check) string {
	switch check.Name {
	case "code":
		return adviceIn(check.Found)
	case "kid", "signature", "pasted":
		return "the provider signs with other keys than this command's database has: see that both have the same one"
	case "iss":
		return "the issuer of the connector's form must be the provider's, letter by letter"
	case "iat", "exp":
		return "set this machine's clock and the provider's (NTP)"
	case "identity":
		return "the browser is signed in as somebody else than --consumer names"
	default:
		return "idp token preview shows what the provider puts into the token, and idp token inspect judges it field by field"
	}
}
