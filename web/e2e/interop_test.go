package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// goodbye is where the relying parties of partyClients want people sent after
// signing out.
const goodbye = "https://rp.example/goodbye"

// partyClients are for libraries that one tells where the browser has been sent:
// one for each way to prove who they are.
const partyClients = `
clients:
  - client_id: basic
    client_secret: ` + secret + `
    redirect_uris: [` + callback + `]
    post_logout_redirect_uris: [` + goodbye + `]
    response_types: [code, id_token, id_token token]
    grant_types: [authorization_code, implicit, refresh_token]
  - client_id: post
    client_secret: ` + secret + `
    token_endpoint_auth_method: client_secret_post
    redirect_uris: [` + callback + `]
    post_logout_redirect_uris: [` + goodbye + `]
    grant_types: [authorization_code, refresh_token]
  - client_id: public
    token_endpoint_auth_method: none
    redirect_uris: [` + callback + `]
    post_logout_redirect_uris: [` + goodbye + `]
    grant_types: [authorization_code, refresh_token]
`

// keysClient signs who it is by a key of its own, and wants signatures of other
// kinds than the usual from the provider. It gives the private key, too.
func keysClient(t *testing.T) (client string, key jose.JSONWebKey) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key = jose.JSONWebKey{Key: private, KeyID: "its own", Algorithm: string(jose.ES256), Use: "sig"}
	public, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{key.Public()}})
	if err != nil {
		t.Fatal(err)
	}
	return `
  - client_id: keys
    token_endpoint_auth_method: private_key_jwt
    jwks: ` + string(public) + `
    redirect_uris: [` + callback + `]
    post_logout_redirect_uris: [` + goodbye + `]
    grant_types: [authorization_code, refresh_token]
    id_token_signed_response_alg: EdDSA
    userinfo_signed_response_alg: RS256
`, key
}

// TestInterop is make interop: other people's relying parties, unmodified and set
// up as their documentation says, sign in, refresh and sign out at one provider.
func TestInterop(t *testing.T) {
	t.Parallel()
	s := serve(t, cheapHashing...)
	script := newScriptSite(t, s.Issuer)
	apache := startApache(t, s.Issuer)
	keys, key := keysClient(t)
	s.Apply(partyClients + keys + script.Client() + apache.Client() + amelia)

	t.Run("go-oidc", func(t *testing.T) {
		t.Parallel()
		goOIDC(t, s)
	})
	for _, module := range []string{"oauth4webapi", "openid-client"} {
		t.Run(module, func(t *testing.T) {
			t.Parallel()
			needModule(t, module)
			input, err := json.Marshal(map[string]any{
				"issuer": s.Issuer, "redirectURI": callback, "goodbye": goodbye, "secret": secret, "key": key,
				"username": "amelia", "password": ameliasPassword,
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), needNode(t), module+".mjs", string(input)).CombinedOutput()
			if err != nil || string(out) != "ok\n" {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
	t.Run("oidc-client-ts", func(t *testing.T) {
		t.Parallel()
		script.Test(t)
	})
	t.Run("mod_auth_openidc", func(t *testing.T) {
		t.Parallel()
		apache.Test(t)
	})
}
