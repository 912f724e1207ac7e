package standin

import (
	"fmt"

	"github.com/brandidp/idp/op/liveperson"
)

// AnonymousConnector is the id of the connector for consumers whom nobody
// vouches for. Every account has it.
const AnonymousConnector = "anonymous"

// Connector is one identity provider as the account has it configured.
type Connector struct {
	// ID is a number at Conversational Cloud; here any text that fits a path.
	ID string
	// CodeFlow: the brand hands over a code instead of an ID token.
	CodeFlow              bool
	Issuer                string
	AuthorizationEndpoint string
	TokenEndpoint         string // with CodeFlow alone
	ClientID              string
	ClientSecret          string // with CodeFlow alone
	JWKSEndpoint          string
	PublicKey             string // in one line, as it was pasted
	JSMethod, JSContext   string
}

// FillIn makes a connector of the fields of its form, as idp client show prints
// them for a client. The secret has a field of its own.
func FillIn(id, secret string, fields []liveperson.ConnectorField) (Connector, error) {
	connector := Connector{ID: id, ClientSecret: secret}
	for _, field := range fields {
		switch field.Name {
		case "OAuth 2.0 Authentication Type":
			connector.CodeFlow = field.Value == "Code Flow"
		case "JWT issuer (iss)":
			connector.Issuer = field.Value
		case "Authentication Endpoint":
			connector.AuthorizationEndpoint = field.Value
		case "Token Endpoint":
			connector.TokenEndpoint = field.Value
		case "Client ID":
			connector.ClientID = field.Value
		case "JWKS Endpoint":
			connector.JWKSEndpoint = field.Value
		case "JWT Public Key":
			connector.PublicKey = field.Value
		case "JS Method Name":
			connector.JSMethod = field.Value
		case "JS Context":
			connector.JSContext = field.Value
		default:
			return Connector{}, fmt.Errorf("connector %s: the form has no field %q", id, field.Name)
		}
	}
	return connector, nil
}
