package liveperson

import (
	"html"
	"net/url"
	"slices"
)

// Registration is a client as Conversational Cloud has to know it: what its
// connector is configured by.
type Registration struct {
	Settings *ConversationalCloud
	ClientID string
	// ClientName is the client's name for people, "" if it has none.
	ClientName string
	// CodeFlow and ImplicitFlow tell which flows the client may use.
	CodeFlow, ImplicitFlow bool
	// RequirePKCE: a code is bound to a code_challenge, or not given.
	RequirePKCE              bool
	RedirectURIs, WebOrigins []string
	// Scope is what the client may ask for.
	Scope string
	// RefreshTokens: the client gets them, which consumer delegation needs.
	RefreshTokens bool
	// Issuer, and the addresses of the endpoints.
	Issuer, AuthorizationEndpoint, TokenEndpoint string
	// JWKSEndpoint holds the keys of this client alone.
	JWKSEndpoint string
	// PageScript is the address of the script for the brand's pages.
	PageScript string
	// PublicKey is the key that signs for this client, in one line; "" if there
	// is none.
	PublicKey string
}

// ConnectorField is one field of the connector's form in Conversational Cloud,
// "Consumer Identity Provider".
type ConnectorField struct {
	Name string `json:"name"` // as in the form
	// Value is ready to be pasted, or what to choose; "" is not to be filled in
	// from here, and Note says what to do.
	Value string `json:"value"`
	Note  string `json:"note,omitempty"`
	// Choice: the field is chosen or ticked, not pasted into.
	Choice bool `json:"choice,omitempty"`
}

// The names of the form's fields.
const (
	FieldFlow                  = "OAuth 2.0 Authentication Type"
	FieldPKCE                  = "Authorisation Code Flow With PKCE"
	FieldDisplayName           = "Issuer Display Name"
	FieldIssuer                = "JWT issuer (iss)"
	FieldAuthorizationEndpoint = "Authentication Endpoint"
	FieldTokenEndpoint         = "Token Endpoint"
	FieldClientID              = "Client ID"
	FieldClientSecret          = "Client Secret"
	FieldCertificateType       = "Choose IDP Certificate Type"
	FieldPublicKey             = "JWT Public Key"
	FieldJWKSEndpoint          = "JWKS Endpoint"
	FieldJSMethod              = "JS Method Name"
	FieldJSContext             = "JS Context"
)

// The values of FieldFlow.
const (
	FlowImplicit = "Implicit"
	FlowCode     = "Code Flow"
)

const leaveEmpty = "leave empty: it is for Code Flow alone"

// ConnectorFields are all fields of the form, in its order. The client's secret
// is not known any more and never among them.
func (r Registration) ConnectorFields() []ConnectorField {
	flow := ConnectorField{Name: FieldFlow, Value: FlowImplicit, Choice: true}
	pkce := ConnectorField{Name: FieldPKCE, Note: "leave unticked: it is for Code Flow alone", Choice: true}
	token := ConnectorField{Name: FieldTokenEndpoint, Note: leaveEmpty}
	secret := ConnectorField{Name: FieldClientSecret, Note: leaveEmpty}
	if r.CodeFlow {
		flow.Value = FlowCode
		pkce.Value, pkce.Note = "unticked", "or ticked, if the page method or the app hands the code_challenge on: the provider verifies each that it is given"
		switch {
		case r.Settings.Legacy():
			pkce.Note = "leave it so: connectors of the older kind have no PKCE"
		case r.RequirePKCE:
			pkce.Value, pkce.Note = "ticked", "the client demands it (require_pkce)"
		}
		token = ConnectorField{Name: FieldTokenEndpoint, Value: r.TokenEndpoint}
		secret.Note = "paste the secret that was shown when it was made; it is not kept in a form that can be read"
	}
	if r.CodeFlow && r.ImplicitFlow {
		flow.Note = "the client may use " + FlowImplicit + ", too; Code Flow keeps tokens out of the browser"
	}
	name := r.ClientName
	if name == "" {
		name = r.ClientID
	}
	certificate := ConnectorField{
		Name: FieldCertificateType, Value: FieldJWKSEndpoint, Choice: true,
		Note: "new keys are then found without another visit to this form; say so to the provider by idp_certificate_type: jwks_endpoint",
	}
	key := ConnectorField{Name: FieldPublicKey, Value: r.PublicKey, Note: "only if you choose it instead: one line; when the key changes, it has to be pasted anew"}
	switch r.Settings.IDPCertificateType {
	case CertificateJWKS:
		certificate.Note = "new keys are then found without another visit to this form"
	case CertificatePublicKey:
		certificate.Value, certificate.Note = FieldPublicKey, "as idp_certificate_type says; with "+FieldJWKSEndpoint+" new keys were found without another visit to this form"
		key.Note = "one line; when the key changes, it has to be pasted anew"
	}
	if r.PublicKey == "" {
		key.Note = "there is no active signing key"
	}
	return []ConnectorField{
		flow,
		pkce,
		{Name: FieldDisplayName, Value: name, Note: "any name; mobile apps may choose the connector by it"},
		{Name: FieldIssuer, Value: r.Issuer},
		{Name: FieldAuthorizationEndpoint, Value: r.AuthorizationEndpoint},
		token,
		{Name: FieldClientID, Value: r.ClientID},
		secret,
		certificate,
		key,
		{Name: FieldJWKSEndpoint, Value: r.JWKSEndpoint, Note: "the keys of this client alone"},
		{Name: FieldJSMethod, Value: r.Settings.JSMethod},
		{Name: FieldJSContext, Value: r.Settings.JSContext},
	}
}

// PageTag is the tag for the brand's pages: it defines the connector's JS method
// and the identity function.
func (r Registration) PageTag() string {
	return `<script src="` + html.EscapeString(r.PageScript) + `"></script>`
}

// Notes are sentences about what the connector needs beside its form.
func (r Registration) Notes() []string {
	notes := []string{
		"The connector has to be of the kind \"OAuth 2 RFC\", which has no field in the form. One that was made before May 2018 has to be switched to it by LivePerson's support.",
	}
	if r.Settings.Variant != VariantRFC {
		notes[0] = "The connector is of the older kind \"openID\", which has no field in the form. " +
			"It works so now; better is to have LivePerson's support switch it to \"OAuth 2 RFC\", and to set conversational_cloud.variant to rfc at that moment."
	}
	if r.Settings.EncryptionKey != nil {
		notes = append(notes, "ID tokens are encrypted for the key that LivePerson gave. Encryption has no field in the form: LivePerson's support switches it on.")
	}
	notes = append(notes, r.Settings.idTokenNotes(r.ClientID)...)
	return append(notes, r.delegationNotes()...)
}

// Warnings are sentences about what works less well, or less safely, than it
// could.
func (r Registration) Warnings() []string {
	var warnings []string
	warn := func(yes bool, sentence string) {
		if yes {
			warnings = append(warnings, sentence)
		}
	}
	warn(r.Settings.AccountID == "",
		"conversational_cloud.account_id is not set: a conversation window of any LivePerson account can have a signed-in browser answer to it")
	warn(r.RefreshTokens && r.Settings.AccountID == "",
		"conversational_cloud.account_id is not set: no callback of consumer delegation is registered, since their addresses have it")
	warn(r.DelegationLink() != "" && slices.Equal(r.Settings.IDPDomains, DefaultIDPDomains),
		"conversational_cloud.idp_domains is not set: the host in the bot's link of consumer delegation is a guess; "+domainAPI(r.Settings.AccountID)+" names your account's")
	warn(r.ImplicitFlow, "the implicit flow is allowed: a token then passes through the browser; the code flow is recommended")
	warn(r.PublicKey == "", "there is no active signing key: no ID token can be made")
	warn(r.CodeFlow && len(r.WebOrigins) > 0 && !slices.Contains(r.RedirectURIs, EmbeddedRedirectURI),
		"redirect_uris lacks "+EmbeddedRedirectURI+", which Conversational Cloud names for codes from the embedded window")
	warn(!slices.ContainsFunc(r.RedirectURIs, func(address string) bool { return !IsLabel(address) }),
		"redirect_uris has no address of the external window, which gets nothing then")
	warn(len(r.WebOrigins) == 0, "web_origins is empty: no page can get a token for the embedded window")
	warnings = append(warnings, r.Settings.relaxations(r.CodeFlow)...)
	warnings = append(warnings, r.Settings.idTokenWarnings(r.ClientID)...)
	issuer, err := url.Parse(r.Issuer)
	warn(err != nil || issuer.Scheme != "https" || issuer.Port() != "" && issuer.Port() != "443",
		"the issuer is not https on port 443, where Conversational Cloud expects its endpoints")
	return warnings
}
