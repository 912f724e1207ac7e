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

// FillIn makes a connector of the fields of its form, as idp connector
// settings prints them for a client. The secret has a field of its own.
func FillIn(id, secret string, fields []liveperson.ConnectorField) (Connector, error) {
	connector := Connector{ID: id, ClientSecret: secret}
	for _, field := range fields {
		switch field.Name {
		case liveperson.FieldFlow:
			connector.CodeFlow = field.Value == liveperson.FlowCode
		case liveperson.FieldIssuer:
			connector.Issuer = field.Value
		case liveperson.FieldAuthorizationEndpoint:
			connector.AuthorizationEndpoint = field.Value
		case liveperson.FieldTokenEndpoint:
			connector.TokenEndpoint = field.Value
		case liveperson.FieldClientID:
			connector.ClientID = field.Value
		case liveperson.FieldJWKSEndpoint:
			connector.JWKSEndpoint = field.Value
		case liveperson.FieldPublicKey:
			connector.PublicKey = field.Value
		case liveperson.FieldJSMethod:
			connector.JSMethod = field.Value
		case liveperson.FieldJSContext:
			connector.JSContext = field.Value
		case liveperson.FieldPKCE, liveperson.FieldDisplayName, liveperson.FieldClientSecret, liveperson.FieldCertificateType:
			// The secret comes apart from the form, both kinds of keys are held against a
			// token, and the rest changes nothing here.
		default:
			return Connector{}, fmt.Errorf("connector %s: the form has no field %q", id, field.Name)
		}
	}
	return connector, nil
}
