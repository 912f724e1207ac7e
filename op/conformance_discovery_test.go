package op_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/language"

	"github.com/brandidp/idp/web/webtest"
)

//contract:1.6-base64url 1.6-discovery 1.6-members
func TestDiscovery(t *testing.T) {
	t.Parallel()
	discoveryVerification(t)
}

// metadata are the members of IANA's registry of authorization server metadata that
// may be announced here; the suite warns of others.
const metadata = " issuer authorization_endpoint token_endpoint userinfo_endpoint introspection_endpoint revocation_endpoint jwks_uri end_session_endpoint " +
	"device_authorization_endpoint backchannel_logout_supported backchannel_logout_session_supported scopes_supported response_types_supported " +
	"response_modes_supported grant_types_supported acr_values_supported subject_types_supported id_token_signing_alg_values_supported " +
	"id_token_encryption_alg_values_supported id_token_encryption_enc_values_supported userinfo_signing_alg_values_supported " +
	"token_endpoint_auth_methods_supported token_endpoint_auth_signing_alg_values_supported introspection_endpoint_auth_methods_supported " +
	"introspection_endpoint_auth_signing_alg_values_supported revocation_endpoint_auth_methods_supported " +
	"revocation_endpoint_auth_signing_alg_values_supported display_values_supported claim_types_supported claims_supported ui_locales_supported " +
	"code_challenge_methods_supported prompt_values_supported request_object_signing_alg_values_supported claims_parameter_supported " +
	"request_parameter_supported request_uri_parameter_supported authorization_response_iss_parameter_supported "

// discoveryVerification is the module of Config OP.
func discoveryVerification(t *testing.T) {
	t.Helper()
	p := webtest.Start(t, overTLS, brand)
	b := p.Browser(t)
	page := b.Get("/.well-known/openid-configuration")
	var document map[string]any
	if err := json.Unmarshal([]byte(page.Body), &document); err != nil || page.Status != http.StatusOK || page.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("status %d, %v", page.Status, err)
	}
	if document["issuer"] != p.Issuer {
		t.Errorf("issuer %v", document["issuer"])
	}
	for name, value := range document {
		if !strings.Contains(metadata, " "+name+" ") {
			t.Errorf("%s is not in the registry", name)
		}
		address, _ := value.(string)
		if (strings.HasSuffix(name, "_endpoint") || name == "jwks_uri") && (!strings.HasPrefix(address, p.Issuer+"/") || !strings.HasPrefix(address, "https://")) {
			t.Errorf("%s %v", name, value)
		}
		if list, is := value.([]any); is && len(list) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	for name, value := range map[string]string{
		"response_types_supported": "code id_token token", "subject_types_supported": "public", "id_token_signing_alg_values_supported": "RS256",
		"scopes_supported": "openid", "claims_supported": "sub", "grant_types_supported": "authorization_code",
		"request_object_signing_alg_values_supported": "RS256", "code_challenge_methods_supported": "S256", "response_modes_supported": "form_post", "ui_locales_supported": "he",
	} {
		if list, _ := document[name].([]any); !slices.Contains(list, any(value)) {
			t.Errorf("%s %v, want %s in it", name, document[name], value)
		}
	}
	locales, _ := document["ui_locales_supported"].([]any)
	for _, locale := range locales {
		if tag, err := language.Parse(locale.(string)); err != nil || tag.String() != locale {
			t.Errorf("ui_locales_supported has %v, whose canonical form is %v: %v", locale, tag, err)
		}
	}
	for name, want := range map[string]bool{
		"request_parameter_supported": true, "request_uri_parameter_supported": false, "claims_parameter_supported": true,
		"authorization_response_iss_parameter_supported": true,
	} {
		if document[name] != want {
			t.Errorf("%s %v", name, document[name])
		}
	}
	if list, _ := document["id_token_signing_alg_values_supported"].([]any); slices.Contains(list, any("none")) {
		t.Error("unsigned ID tokens are announced")
	}
	for _, absent := range []string{"registration_endpoint", "pushed_authorization_request_endpoint"} {
		if document[absent] != nil {
			t.Errorf("%s is announced and not served", absent)
		}
	}
	publishedKeys(t, b, document["jwks_uri"].(string))
}

// publishedKeys are all of use, and public.
func publishedKeys(t *testing.T, b *webtest.Browser, address string) {
	t.Helper()
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if err := json.Unmarshal([]byte(b.Get(address).Body), &set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("jwks: %v", err)
	}
	kids := map[any]bool{}
	for _, key := range set.Keys {
		if key["kid"] == "" || kids[key["kid"]] || key["kty"] != "RSA" || key["use"] != "sig" || key["alg"] != "RS256" || len(key) != 6 {
			t.Errorf("key %v", key)
		}
		kids[key["kid"]] = true
		modulus, err := base64.RawURLEncoding.DecodeString(key["n"].(string)) // RFC 7518 6.3.1.1
		if err != nil || len(modulus) != 256 || key["e"] != "AQAB" {
			t.Errorf("n of %d bytes: %v; e %v", len(modulus), err, key["e"])
		}
	}
}
