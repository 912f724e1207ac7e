package liveperson

import (
	"net/url"
	"slices"
)

// Registration is a client as Conversational Cloud has to know it: what its
// connector is configured by.
type Registration struct {
	Settings *ConversationalCloud
	ClientID string
	// CodeFlow and ImplicitFlow tell which flows the client may use.
	CodeFlow, ImplicitFlow   bool
	RedirectURIs, WebOrigins []string
	// Issuer, and the addresses of the endpoints.
	Issuer, AuthorizationEndpoint, TokenEndpoint string
	// JWKSEndpoint holds the keys of this client alone.
	JWKSEndpoint string
	// PublicKey is the key that signs for this client, in one line; "" if there
	// is none.
	PublicKey string
}

// ConnectorField is one field of the connector's form in Conversational Cloud.
type ConnectorField struct {
	Name  string `json:"name"` // as in the form
	Value string `json:"value"`
}

// ConnectorFields are the fields to fill in, in the order of the form. The
// client's secret is not known any more and is not among them.
func (r Registration) ConnectorFields() []ConnectorField {
	flow := "Implicit"
	if r.CodeFlow {
		flow = "Code Flow"
	}
	fields := []ConnectorField{
		{"OAuth 2.0 Authentication Type", flow},
		{"JWT issuer (iss)", r.Issuer},
		{"Authentication Endpoint", r.AuthorizationEndpoint},
	}
	if r.CodeFlow {
		fields = append(fields, ConnectorField{"Token Endpoint", r.TokenEndpoint})
	}
	return append(fields,
		ConnectorField{"Client ID", r.ClientID},
		ConnectorField{"JWKS Endpoint", r.JWKSEndpoint},
		ConnectorField{"JWT Public Key", r.PublicKey},
		ConnectorField{"JS Method Name", r.Settings.JSMethod},
		ConnectorField{"JS Context", r.Settings.JSContext},
	)
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
	warn(r.ImplicitFlow, "the implicit flow is allowed: a token then passes through the browser; the code flow is recommended")
	warn(r.PublicKey == "", "there is no active signing key: no ID token can be made")
	warn(r.CodeFlow && len(r.WebOrigins) > 0 && !slices.Contains(r.RedirectURIs, EmbeddedRedirectURI),
		"redirect_uris lacks "+EmbeddedRedirectURI+", which Conversational Cloud names for codes from the embedded window")
	warn(len(r.WebOrigins) == 0, "web_origins is empty: no page can get a token for the embedded window")
	issuer, err := url.Parse(r.Issuer)
	warn(err != nil || issuer.Scheme != "https" || issuer.Port() != "" && issuer.Port() != "443",
		"the issuer is not https on port 443, where Conversational Cloud expects its endpoints")
	return warnings
}
