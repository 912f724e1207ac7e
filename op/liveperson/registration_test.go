package liveperson_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
)

func registration() liveperson.Registration {
	settings := &liveperson.ConversationalCloud{Variant: "rfc", AccountID: "12345678"}
	settings.SetDefaults()
	return liveperson.Registration{
		Settings: settings, ClientID: "messaging", CodeFlow: true, RedirectURIs: []string{liveperson.EmbeddedRedirectURI},
		WebOrigins: []string{"https://www.brand.example"}, Issuer: "https://id.brand.example",
		AuthorizationEndpoint: "https://id.brand.example/authorize", TokenEndpoint: "https://id.brand.example/token",
		JWKSEndpoint: "https://id.brand.example/jwks/messaging.json", PublicKey: "MIIB",
	}
}

func TestConnectorFields(t *testing.T) {
	t.Parallel()
	want := []liveperson.ConnectorField{
		{Name: "OAuth 2.0 Authentication Type", Value: "Code Flow"},
		{Name: "JWT issuer (iss)", Value: "https://id.brand.example"},
		{Name: "Authentication Endpoint", Value: "https://id.brand.example/authorize"},
		{Name: "Token Endpoint", Value: "https://id.brand.example/token"},
		{Name: "Client ID", Value: "messaging"},
		{Name: "JWKS Endpoint", Value: "https://id.brand.example/jwks/messaging.json"},
		{Name: "JWT Public Key", Value: "MIIB"},
		{Name: "JS Method Name", Value: "lpGetAuthenticationToken"},
		{Name: "JS Context", Value: "window"},
	}
	if diff := cmp.Diff(want, registration().ConnectorFields()); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	implicit := registration()
	implicit.CodeFlow, implicit.ImplicitFlow = false, true
	fields := implicit.ConnectorFields()
	if len(fields) != len(want)-1 || fields[0].Value != "Implicit" {
		t.Errorf("fields of the implicit flow: %v", fields)
	}
}

func TestRegistrationWarnings(t *testing.T) {
	t.Parallel()
	if warnings := registration().Warnings(); warnings != nil {
		t.Errorf("warnings: %q", warnings)
	}
	for want, change := range map[string]func(*liveperson.Registration){
		"account_id":             func(r *liveperson.Registration) { r.Settings.AccountID = "" },
		"implicit":               func(r *liveperson.Registration) { r.ImplicitFlow = true },
		"signing key":            func(r *liveperson.Registration) { r.PublicKey = "" },
		"https://liveperson.net": func(r *liveperson.Registration) { r.RedirectURIs = nil },
		"web_origins":            func(r *liveperson.Registration) { r.WebOrigins = nil },
		"not https":              func(r *liveperson.Registration) { r.Issuer = "http://localhost:8080" },
		"port 443":               func(r *liveperson.Registration) { r.Issuer = "https://id.brand.example:8443" },
	} {
		r := registration()
		change(&r)
		if warnings := r.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], want) {
			t.Errorf("%s: warnings %q", want, warnings)
		}
	}
}
