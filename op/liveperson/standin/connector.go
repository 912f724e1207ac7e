package standin

import (
	"fmt"

	"github.com/brandidp/idp/op/liveperson"
)

// AnonymousConnector is the id of the connector for consumers whom nobody
// vouches for. Every account has it.
const AnonymousConnector = "anonymous"

// DefaultConnector stands for the preferred connector where an id is asked for.
const DefaultConnector = "default"

// Keys is where a connector has the keys that it verifies tokens with: the
// form's "Choose IDP Certificate Type". Its values are those of
// jwtValidationType.
type Keys string

// The two kinds. The zero value means KeysJWKS.
const (
	// KeysJWKS: from the JWKS endpoint, by kid. A key that was pasted as well is
	// held against the token, too, which the real one does not do.
	KeysJWKS Keys = "JWKS_ENDPOINT"
	// KeysPasted: the pasted key alone. No kid is needed.
	KeysPasted Keys = "PUBLIC_JWT_KEY"
)

// TokenRequest is how a connector puts its token requests, in which the sources
// disagree.
type TokenRequest string

// The forms of a token request. The zero value means TokenRequestBasic.
const (
	// TokenRequestBasic: a form, client id and secret in the Authorization header.
	TokenRequestBasic TokenRequest = "client_secret_basic"
	// TokenRequestPost: a form with client_id and client_secret.
	TokenRequestPost TokenRequest = "client_secret_post"
	// TokenRequestJSON: as TokenRequestBasic with a body of JSON.
	TokenRequestJSON TokenRequest = "json"
)

// Connector is one identity provider as the account has it configured.
type Connector struct {
	// ID is a number at Conversational Cloud; here any text that fits a path.
	ID string
	// Preferred: it is meant where DefaultConnector stands. Without any such, the
	// first connector is.
	Preferred bool
	// DisplayName is the name by which an app chooses it (issuerDisplayName).
	DisplayName string
	// CodeFlow: the brand hands over a code instead of an ID token.
	CodeFlow bool
	// PKCE: codes are bound to a challenge of the cloud's; with CodeFlow alone.
	PKCE bool
	// Legacy: it is of the older kind "openID", not "OAuth 2 RFC" (rfcCompliance).
	Legacy                bool
	Issuer                string
	AuthorizationEndpoint string
	TokenEndpoint         string // with CodeFlow alone
	TokenRequest          TokenRequest
	// EncodedCodes: a code goes to the token endpoint percent-encoded once more
	// than its form needs, as by a client that takes it from an address as it
	// stands.
	EncodedCodes bool
	ClientID     string
	ClientSecret string // with CodeFlow alone
	Keys         Keys
	JWKSEndpoint string
	// PublicKey is in one line, as it was pasted, or liveperson.DelegationKey.
	PublicKey           string
	JSMethod, JSContext string
	// PhoneNumber is what the claim phone_number is taken for, in which the
	// documentation disagrees: liveperson.PhoneNumberPhone, which "" means, or
	// liveperson.PhoneNumberIMEI.
	PhoneNumber string
	// Audience is what aud has to name, "" for ClientID.
	Audience string
	// Delegation: the brand's tokens are kept for bots and services while a
	// conversation is active; with CodeFlow alone.
	Delegation bool
}

// proves tells whether codes are bound to a challenge.
func (c Connector) proves() bool { return c.PKCE && c.CodeFlow }

// FillIn makes a connector of the fields of its form, as idp connector
// settings prints them for a client. What has no field in the form, such as
// Legacy and the secret's value, is for the caller.
func FillIn(id, secret string, fields []liveperson.ConnectorField) (Connector, error) {
	connector := Connector{ID: id, ClientSecret: secret}
	for _, field := range fields {
		switch field.Name {
		case liveperson.FieldFlow:
			connector.CodeFlow = field.Value == liveperson.FlowCode
		case liveperson.FieldPKCE:
			connector.PKCE = field.Value == "ticked"
		case liveperson.FieldDisplayName:
			connector.DisplayName = field.Value
		case liveperson.FieldIssuer:
			connector.Issuer = field.Value
		case liveperson.FieldAuthorizationEndpoint:
			connector.AuthorizationEndpoint = field.Value
		case liveperson.FieldTokenEndpoint:
			connector.TokenEndpoint = field.Value
		case liveperson.FieldClientID:
			connector.ClientID = field.Value
		case liveperson.FieldCertificateType:
			connector.Keys = KeysJWKS
			if field.Value == liveperson.FieldPublicKey {
				connector.Keys = KeysPasted
			}
		case liveperson.FieldJWKSEndpoint:
			connector.JWKSEndpoint = field.Value
		case liveperson.FieldPublicKey:
			connector.PublicKey = field.Value
		case liveperson.FieldJSMethod:
			connector.JSMethod = field.Value
		case liveperson.FieldJSContext:
			connector.JSContext = field.Value
		case liveperson.FieldClientSecret: // comes apart from the form
		default:
			return Connector{}, fmt.Errorf("connector %s: the form has no field %q", id, field.Name)
		}
	}
	return connector, nil
}

// connectorDocument is a connector as Conversational Cloud publishes it, to
// everybody: its secret alone is not there.
type connectorDocument struct {
	ID            string                `json:"id"`
	Deleted       bool                  `json:"deleted"`
	Name          string                `json:"name"`
	Description   string                `json:"description"`
	Type          int                   `json:"type"` // 1: implicit flow, 2: code flow
	Configuration connectorSettingsJSON `json:"configuration"`
}

// connectorSettingsJSON has the names and the order that public captures show.
type connectorSettingsJSON struct {
	Keys                  Keys     `json:"jwtValidationType"`
	PublicKey             *string  `json:"jwtPublicKey"`
	JWKSEndpoint          *string  `json:"jwksEndpoint"`
	AuthorizationEndpoint string   `json:"authorizationEndpoint"`
	TokenEndpoint         *string  `json:"tokenEndpoint"`
	ClientID              string   `json:"clientId"`
	ClientSecret          *string  `json:"clientSecret"` // always null
	Issuer                string   `json:"issuer"`
	DisplayName           string   `json:"issuerDisplayName"`
	JSMethod              string   `json:"jsMethodName"`
	JSContext             string   `json:"jsContext"`
	RFC                   bool     `json:"rfcCompliance"`
	Preferred             bool     `json:"preferred"`
	ACRValues             []string `json:"acrValues"`
	PKCE                  bool     `json:"pkceEnabled"`
}

// document is the connector's public part.
func (c Connector) document() connectorDocument {
	kind, keys := 1, c.Keys
	if c.CodeFlow {
		kind = 2
	}
	if keys == "" {
		keys = KeysJWKS
	}
	return connectorDocument{
		ID: c.ID, Name: c.DisplayName, Type: kind,
		Configuration: connectorSettingsJSON{
			Keys: keys, PublicKey: orNull(c.PublicKey), JWKSEndpoint: orNull(c.JWKSEndpoint), AuthorizationEndpoint: c.AuthorizationEndpoint,
			TokenEndpoint: orNull(c.TokenEndpoint), ClientID: c.ClientID, Issuer: c.Issuer, DisplayName: c.DisplayName,
			JSMethod: c.JSMethod, JSContext: c.JSContext, RFC: !c.Legacy, Preferred: c.Preferred, ACRValues: []string{liveperson.ACRAuthenticated}, PKCE: c.PKCE,
		},
	}
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
