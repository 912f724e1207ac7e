package liveperson_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
)

const windowAddress = "https://lpcdn.lpsnmedia.net/le_unified_window/index.html"

func registration() liveperson.Registration {
	settings := &liveperson.ConversationalCloud{Variant: "rfc", AccountID: "12345678"}
	settings.SetDefaults()
	return liveperson.Registration{
		Settings: settings, ClientID: "messaging", CodeFlow: true, RedirectURIs: []string{windowAddress, liveperson.EmbeddedRedirectURI},
		WebOrigins: []string{"https://www.brand.example"}, Issuer: "https://id.brand.example",
		AuthorizationEndpoint: "https://id.brand.example/authorize", TokenEndpoint: "https://id.brand.example/token",
		JWKSEndpoint: "https://id.brand.example/jwks/messaging.json", PublicKey: "MIIB",
	}
}

//contract:1.6-choice 1.6-no-discovery 2.6-form 4-display-name 5.2-empty 5.2-fields
func TestConnectorFields(t *testing.T) {
	t.Parallel()
	values := func(r liveperson.Registration) [][2]string {
		var all [][2]string
		for _, field := range r.ConnectorFields() {
			if field.Value == "" && field.Note == "" {
				t.Errorf("%s says nothing", field.Name)
			}
			all = append(all, [2]string{field.Name, field.Value})
		}
		return all
	}
	want := [][2]string{
		{"OAuth 2.0 Authentication Type", "Code Flow"},
		{"Authorisation Code Flow With PKCE", "unticked"},
		{"Issuer Display Name", "messaging"},
		{"JWT issuer (iss)", "https://id.brand.example"},
		{"Authentication Endpoint", "https://id.brand.example/authorize"},
		{"Token Endpoint", "https://id.brand.example/token"},
		{"Client ID", "messaging"},
		{"Client Secret", ""},
		{"Choose IDP Certificate Type", "JWKS Endpoint"},
		{"JWT Public Key", "MIIB"},
		{"JWKS Endpoint", "https://id.brand.example/jwks/messaging.json"},
		{"JS Method Name", "lpGetAuthenticationToken"},
		{"JS Context", "window"},
	}
	if diff := cmp.Diff(want, values(registration())); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
	pasting := registration()
	settings := *pasting.Settings
	settings.IDPCertificateType, pasting.Settings = liveperson.CertificatePublicKey, &settings
	if fields := values(pasting); fields[8][1] != "JWT Public Key" {
		t.Errorf("a connector that holds a pasted key: %q", fields[8])
	}
	strict := registration()
	strict.RequirePKCE, strict.ClientName = true, "Messaging"
	want[1][1], want[2][1] = "ticked", "Messaging"
	if diff := cmp.Diff(want, values(strict)); diff != "" {
		t.Errorf("fields with PKCE (-want +got):\n%s", diff)
	}
	implicit := registration()
	implicit.CodeFlow, implicit.ImplicitFlow, implicit.PublicKey = false, true, ""
	want[0][1], want[1][1], want[2][1], want[5][1], want[9][1] = "Implicit", "", "messaging", "", ""
	if diff := cmp.Diff(want, values(implicit)); diff != "" {
		t.Errorf("fields of the implicit flow (-want +got):\n%s", diff)
	}
	legacy := registration()
	legacy.Settings.Variant = "legacy"
	if pkce := legacy.ConnectorFields()[1]; pkce.Value != "unticked" || strings.Contains(pkce.Note, "ticked") {
		t.Errorf("PKCE of a legacy connector: %+v", pkce)
	}
	both := registration()
	both.ImplicitFlow = true
	if first := both.ConnectorFields()[0]; first.Value != "Code Flow" || !strings.Contains(first.Note, "Implicit") {
		t.Errorf("with both flows: %+v", first)
	}
}

func TestPageTag(t *testing.T) {
	t.Parallel()
	r := registration()
	r.PageScript = `https://id.brand.example/a"&b/token-source.js?client_id=messaging`
	if got, want := r.PageTag(), `<script src="https://id.brand.example/a&#34;&amp;b/token-source.js?client_id=messaging"></script>`; got != want {
		t.Errorf("got %s", got)
	}
}

//contract:5.2-encryption 5.3-rfc
func TestRegistrationNotes(t *testing.T) {
	t.Parallel()
	r := registration()
	if notes := r.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "OAuth 2 RFC") {
		t.Errorf("notes: %q", notes)
	}
	r.Settings.Variant = "legacy"
	if notes := r.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "openID") {
		t.Errorf("notes of a legacy connector: %q", notes)
	}
	r.Settings.EncryptionKey = &liveperson.EncryptionKey{}
	if notes := r.Notes(); len(notes) != 2 || !strings.Contains(notes[1], "encrypted") {
		t.Errorf("notes of an encrypting client: %q", notes)
	}
}

// What ID tokens say otherwise than by default is noted, and nothing else.
func TestRegistrationNotesWhatIDTokensSay(t *testing.T) {
	t.Parallel()
	seconds := liveperson.Seconds(30)
	for want, change := range map[string]func(*liveperson.ConversationalCloud){
		"name acc:12345678, messaging as aud": func(c *liveperson.ConversationalCloud) { c.Audience = []string{"acc:12345678", "messaging"} },
		"say urn:brand:strong as acr":         func(c *liveperson.ConversationalCloud) { c.ACR = "urn:brand:strong" },
		"have no acr":                         func(c *liveperson.ConversationalCloud) { c.ACR = liveperson.ACRNone },
		"lies 30s before":                     func(c *liveperson.ConversationalCloud) { c.IATBackdating = &seconds },
		"is the IMEI":                         func(c *liveperson.ConversationalCloud) { c.PhoneNumber = liveperson.PhoneNumberIMEI },
	} {
		r := registration()
		r.ClientID = "messaging"
		change(r.Settings)
		if notes := r.Notes(); len(notes) != 2 || !strings.Contains(notes[1], want) {
			t.Errorf("%s: notes %q", want, notes)
		}
	}
	r := registration()
	r.ClientID, r.Settings.Audience, r.Settings.PhoneNumber = "messaging", []string{"messaging"}, liveperson.PhoneNumberPhone
	if notes := r.Notes(); len(notes) != 1 {
		t.Errorf("the defaults, written out: %q", notes)
	}
}

//contract:1.6-https 5.1-https
//security:1-unset
func TestRegistrationWarnings(t *testing.T) {
	t.Parallel()
	if warnings := registration().Warnings(); warnings != nil {
		t.Errorf("warnings: %q", warnings)
	}
	for want, change := range map[string]func(*liveperson.Registration){
		"account_id":                        func(r *liveperson.Registration) { r.Settings.AccountID = "" },
		"implicit":                          func(r *liveperson.Registration) { r.ImplicitFlow = true },
		"signing key":                       func(r *liveperson.Registration) { r.PublicKey = "" },
		"https://liveperson.net":            func(r *liveperson.Registration) { r.RedirectURIs = []string{windowAddress} },
		"no address of the external window": func(r *liveperson.Registration) { r.RedirectURIs = []string{liveperson.EmbeddedRedirectURI} },
		"response_placement":                func(r *liveperson.Registration) { r.Settings.ResponsePlacement = "query" },
		"code_retry":                        func(r *liveperson.Registration) { r.Settings.CodeRetry = true },
		"web_origins":                       func(r *liveperson.Registration) { r.WebOrigins = nil },
		"not https":                         func(r *liveperson.Registration) { r.Issuer = "http://localhost:8080" },
		"audience":                          func(r *liveperson.Registration) { r.Settings.Audience = []string{"acc:12345678"} },
		"acr of ID tokens":                  func(r *liveperson.Registration) { r.Settings.ACR = "urn:brand:strong" },
		"documents":                         func(r *liveperson.Registration) { r.Settings.ACR = liveperson.ACRNone },
		"from the future":                   func(r *liveperson.Registration) { r.Settings.IATBackdating = new(liveperson.Seconds) },
		"idp_domains is not set":            func(r *liveperson.Registration) { r.RefreshTokens = true; r.Settings.SetDelegationDefaults() },
		"port 443":                          func(r *liveperson.Registration) { r.Issuer = "https://id.brand.example:8443" },
	} {
		r := registration()
		change(&r)
		if warnings := r.Warnings(); len(warnings) != 1 || !strings.Contains(warnings[0], want) {
			t.Errorf("%s: warnings %q", want, warnings)
		}
	}
}

// Each relaxation of a legacy connector is told.
//
//contract:2.1-told
func TestRegistrationWarnsOfLegacy(t *testing.T) {
	t.Parallel()
	r := registration()
	r.Settings.Variant, r.Settings.ResponsePlacement = "legacy", "query"
	all := strings.Join(r.Warnings(), "\n")
	for _, want := range []string{"admitted with any query", "joined with &", "page's redirect address", "response_type token", "without scope", "response_placement query"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning of %s:\n%s", want, all)
		}
	}
	r.CodeFlow, r.ImplicitFlow = false, true
	if all := strings.Join(r.Warnings(), "\n"); strings.Contains(all, "redeemed") || !strings.Contains(all, "joined with &") {
		t.Errorf("of a connector that gets no codes:\n%s", all)
	}
}
