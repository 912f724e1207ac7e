package liveperson

import (
	"regexp"
	"slices"
	"strings"
)

// VariantRFC is the connector variant "OAuth 2 RFC", which new connectors have.
const VariantRFC = "rfc"

// The defaults of a connector's settings.
const (
	DefaultJSMethod          = "lpGetAuthenticationToken"
	DefaultJSContext         = "window"
	DefaultResponsePlacement = "fragment"
	DefaultTokenParameter    = "id_token"
)

// ConversationalCloud is the part of a client that makes it a connector of
// Conversational Cloud: how the connector there is configured.
type ConversationalCloud struct {
	// Variant is VariantRFC.
	Variant string `json:"variant"`
	// JSMethod is the name of the method that the conversation window calls on the
	// brand's page for a token; dotted names reach into JSContext.
	JSMethod string `json:"js_method"`
	// JSContext is the object that has JSMethod.
	JSContext string `json:"js_context"`
	// AccountID is the account whose windows may ask, "" for any, which lets a
	// window of somebody else's account have a signed-in browser answer to it.
	AccountID string `json:"account_id,omitempty"`
	// ResponsePlacement is where a token goes: "fragment".
	ResponsePlacement string `json:"response_placement"`
	// TokenParameter is the response parameter that holds the ID token: "id_token".
	TokenParameter string `json:"token_parameter"`
	// EncryptionKey is the key that ID tokens are encrypted for, nil if they are
	// only signed. Validate leaves it to those who know keys.
	EncryptionKey *EncryptionKey `json:"encryption_key,omitempty"`
}

// SetDefaults fills in what is left out. Variant has no default.
func (c *ConversationalCloud) SetDefaults() {
	for _, setting := range []struct {
		field *string
		value string
	}{
		{&c.JSMethod, DefaultJSMethod},
		{&c.JSContext, DefaultJSContext},
		{&c.ResponsePlacement, DefaultResponsePlacement},
		{&c.TokenParameter, DefaultTokenParameter},
	} {
		if *setting.field == "" {
			*setting.field = setting.value
		}
	}
}

var (
	// The page script writes these names into JavaScript, so that nothing but
	// dotted ASCII identifiers may pass.
	namePattern    = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$]{0,63}(\.[A-Za-z_$][A-Za-z0-9_$]{0,63}){0,7}$`)
	accountPattern = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
)

// Validate returns every fault, in the order of the fields, or nil. Defaults
// must have been set.
func (c *ConversationalCloud) Validate() []FieldError {
	var faults faults

	switch c.Variant {
	case VariantRFC:
	case "legacy":
		faults.add("variant", "legacy connectors are not supported by this release; use rfc")
	case "":
		faults.add("variant", "is required; it must be rfc")
	default:
		faults.add("variant", "must be rfc")
	}

	faults.name("js_method", c.JSMethod)
	faults.name("js_context", c.JSContext)

	if c.AccountID != "" && !accountPattern.MatchString(c.AccountID) {
		faults.add("account_id", "must be 1 to 64 letters, digits, - or _")
	}

	switch c.ResponsePlacement {
	case DefaultResponsePlacement:
	case "form_post":
		faults.add("response_placement", "form_post is not supported by this release; use fragment")
	case "query":
		faults.add("response_placement", "query is for legacy connectors, which are not supported by this release; use fragment")
	default:
		faults.add("response_placement", "must be fragment")
	}

	switch c.TokenParameter {
	case DefaultTokenParameter:
	case "token":
		faults.add("token_parameter", "token is for legacy connectors, which are not supported by this release; use id_token")
	default:
		faults.add("token_parameter", "must be id_token")
	}

	return faults
}

// name notes a JavaScript name that is not of dotted identifiers, or that
// reaches into what every object inherits.
func (f *faults) name(field, value string) {
	if !namePattern.MatchString(value) {
		f.add(field, "must be JavaScript names of ASCII letters, digits, _ and $, joined by dots")

		return
	}

	inherited := []string{"__proto__", "prototype", "constructor"}
	if slices.ContainsFunc(strings.Split(value, "."), func(part string) bool { return slices.Contains(inherited, part) }) {
		f.add(field, "must not use "+strings.Join(inherited, ", "))
	}
}
