package liveperson

import (
	"regexp"
	"slices"
	"strings"
)

// The variants of a connector, which differ in how the external window asks.
const (
	// VariantRFC is "OAuth 2 RFC", which new connectors have.
	VariantRFC = "rfc"
	// VariantLegacy is "openID", which connectors from before May 2018 have until
	// LivePerson's support switches them: the window's address carries its
	// configuration as a query, response_type is token, scope may be absent, and
	// a code of the window is redeemed with the page's redirect address.
	VariantLegacy = "legacy"
)

// Where an authorization response goes.
const (
	PlacementFragment = "fragment"
	PlacementFormPost = "form_post"
	PlacementQuery    = "query" // legacy connectors only
)

// Where a connector has the public key from that it verifies ID tokens with.
const (
	CertificatePublicKey = "jwt_public_key" // it was pasted, as one line
	CertificateJWKS      = "jwks_endpoint"  // it reads the key set of its client
)

// The defaults of a connector's settings.
const (
	DefaultJSMethod          = "lpGetAuthenticationToken"
	DefaultJSContext         = "window"
	DefaultResponsePlacement = PlacementFragment
	DefaultTokenParameter    = "id_token"
	// DefaultLegacyTokenParameter is that of VariantLegacy.
	DefaultLegacyTokenParameter = "token"
)

// ConversationalCloud is the part of a client that makes it a connector of
// Conversational Cloud: how the connector there is configured.
type ConversationalCloud struct {
	// Variant is VariantRFC or VariantLegacy.
	Variant string `json:"variant"`
	// JSMethod is the name of the method that the conversation window calls on the
	// brand's page for a token; dotted names reach into JSContext.
	JSMethod string `json:"js_method"`
	// JSContext is the object that has JSMethod.
	JSContext string `json:"js_context"`
	// AccountID is the account whose windows may ask, "" for any, which lets a
	// window of somebody else's account have a signed-in browser answer to it.
	AccountID string `json:"account_id,omitempty"`
	// ResponsePlacement is where a token goes: PlacementFragment; PlacementFormPost,
	// then codes, too; or PlacementQuery, which a legacy connector alone may have.
	// Codes otherwise go into the query.
	ResponsePlacement string `json:"response_placement"`
	// TokenParameter is the response parameter that holds the ID token: "id_token",
	// "token" or "code".
	TokenParameter string `json:"token_parameter"`
	// CodeRetry has a code that was redeemed be answered once more, with the same
	// access token, if its client asks again within seconds: the response may have
	// been lost. Only codes that are bound to a code_challenge are.
	CodeRetry bool `json:"code_retry,omitempty"`
	// IDPDomains are the hosts of Conversational Cloud's service "idp" whose callbacks
	// get codes for consumer delegation, without scheme or path. Nil for a client that
	// gets no refresh tokens.
	IDPDomains []string `json:"idp_domains,omitempty"`
	// EncryptionKey is the key that ID tokens are encrypted for, nil if they are
	// only signed. Validate leaves it to those who know keys.
	EncryptionKey *EncryptionKey `json:"encryption_key,omitempty"`

	// Audience is what ID tokens name as aud, nil for the client id alone. With
	// anything else azp is the client id (OpenID Connect Core 2).
	Audience []string `json:"audience,omitempty"`
	// ACR is what ID tokens say as acr: "" what the session has, which for a
	// password is ACRAuthenticated; ACRNone nothing.
	ACR string `json:"acr,omitempty"`
	// IATBackdating is how far iat lies before an ID token's making, from 0 to
	// MaxIATBackdating, nil for DefaultIATBackdating. It never lies before
	// auth_time.
	IATBackdating *Seconds `json:"iat_backdating,omitempty"`
	// PhoneNumber is how Conversational Cloud reads the claim phone_number:
	// PhoneNumberPhone or PhoneNumberIMEI, "" for the first.
	PhoneNumber string `json:"phone_number,omitempty"`
	// IDPCertificateType is what the connector's form says of where it has our public
	// key from: CertificatePublicKey or CertificateJWKS, "" if nobody has said.
	IDPCertificateType string `json:"idp_certificate_type,omitempty"`
}

// Legacy tells a connector of VariantLegacy. It is false for nil.
func (c *ConversationalCloud) Legacy() bool { return c != nil && c.Variant == VariantLegacy }

// HoldsPastedKey tells a connector that has to be counted on to hold a public key
// which somebody has pasted: one that is not known to read the key set. It is false
// for nil.
func (c *ConversationalCloud) HoldsPastedKey() bool {
	return c != nil && c.IDPCertificateType != CertificateJWKS
}

// relaxations are sentences about what the settings allow that no ordinary
// client may do. codeFlow tells that the client gets codes.
func (c *ConversationalCloud) relaxations(codeFlow bool) []string {
	var sentences []string

	if c.Legacy() {
		sentences = append(sentences,
			"variant legacy: a window's redirect address is admitted with any query, not byte for byte",
			"variant legacy: an answer that goes into the query is joined with & to the query that a window's address came with, whatever is in it",
			"variant legacy: response_type token is answered with an ID token, and a request without scope means openid",
		)
	}

	if c.Legacy() && codeFlow {
		sentences = append(sentences, "variant legacy: a code of the window may be redeemed with the page's redirect address instead of its own")
	}

	if c.ResponsePlacement == PlacementQuery {
		sentences = append(sentences,
			"response_placement query: tokens stand in addresses, and so in logs, histories and Referer headers; use fragment if the connector takes it")
	}

	if c.CodeRetry {
		sentences = append(sentences,
			"code_retry: a code that is bound to a code_challenge is answered a second time for some seconds after it was used")
	}

	return sentences
}

// SetDefaults fills in what is left out. Variant has no default.
func (c *ConversationalCloud) SetDefaults() {
	tokenParameter := DefaultTokenParameter
	if c.Legacy() {
		tokenParameter = DefaultLegacyTokenParameter
	}

	for _, setting := range []struct {
		field *string
		value string
	}{
		{&c.JSMethod, DefaultJSMethod},
		{&c.JSContext, DefaultJSContext},
		{&c.ResponsePlacement, DefaultResponsePlacement},
		{&c.TokenParameter, tokenParameter},
	} {
		if *setting.field == "" {
			*setting.field = setting.value
		}
	}
}

// SetDelegationDefaults fills in what is left out for a client that gets refresh
// tokens.
func (c *ConversationalCloud) SetDelegationDefaults() {
	if c.IDPDomains == nil {
		c.IDPDomains = slices.Clone(DefaultIDPDomains)
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
	case VariantRFC, VariantLegacy:
	case "":
		faults.add("variant", "is required; it must be rfc or legacy")
	default:
		faults.add("variant", "must be rfc or legacy")
	}

	faults.name("js_method", c.JSMethod)
	faults.name("js_context", c.JSContext)

	if c.AccountID != "" && !accountPattern.MatchString(c.AccountID) {
		faults.add("account_id", "must be 1 to 64 letters, digits, - or _")
	}

	switch c.ResponsePlacement {
	case PlacementFragment, PlacementFormPost:
	case PlacementQuery:
		if !c.Legacy() {
			faults.add("response_placement", "query is for variant legacy; use fragment or form_post")
		}
	default:
		faults.add("response_placement", "must be fragment or form_post; with variant legacy also query")
	}

	switch c.TokenParameter {
	case "id_token", "token", "code":
	default:
		faults.add("token_parameter", "must be id_token, token or code")
	}

	if c.CodeRetry && c.Legacy() {
		faults.add("code_retry", "is for variant rfc: only a code with a code_challenge is answered again, and legacy connectors have no PKCE")
	}

	faults.oneOf("idp_certificate_type", c.IDPCertificateType, []string{CertificatePublicKey, CertificateJWKS})
	faults.domains("idp_domains", c.IDPDomains)
	faults.idToken(c)

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
