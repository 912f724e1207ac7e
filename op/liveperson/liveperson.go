// Package liveperson holds what only LivePerson's Conversational Cloud needs of
// a provider, as plain types and checks: the custom claims of lp_sdes, the
// settings of a connector, and the check of the account that a conversation
// window was opened for.
//
// It owns those shapes and rules. It must never know about HTTP, storage or
// keys, and imports nothing else of this module.
package liveperson

// ConsumerTokenLimit is the length, in characters, that Conversational Cloud's
// published schema allows its own consumer token, which carries lp_sdes again,
// encrypted and in hexadecimal: large Personal or Customer Info can overflow it.
// No limit for the brand's own token is documented, so this is for warnings,
// never for refusals.
const ConsumerTokenLimit = 2048

// EmbeddedRedirectURI is the redirect address that Conversational Cloud names at
// the token endpoint when the page handed it a code without one of its own. It
// is a label: no browser is sent there with a token.
const EmbeddedRedirectURI = "https://liveperson.net"

// FieldError is one fault of a value: where it is and the rule it breaks. It
// never repeats the value, which may be personal data.
type FieldError struct {
	// Field is the path below the checked value, with JSON names and indexes from
	// zero, such as "contacts[0].phoneType".
	Field string
	// Rule says what is allowed.
	Rule string
}

// Error implements error.
func (e FieldError) Error() string { return e.Field + ": " + e.Rule }
