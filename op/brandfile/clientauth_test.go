package brandfile_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

func TestClientsOfTheTokenEndpoint(t *testing.T) {
	t.Parallel()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	set := "jwks: {keys: [" + jwk(t, jose.JSONWebKey{Key: p256.Public(), KeyID: "ec"}) + "]}"
	const (
		keyed   = "token_endpoint_auth_method: private_key_jwt"
		machine = "grant_types: [client_credentials]"
		cloud   = "conversational_cloud: {variant: rfc}"
		public  = "token_endpoint_auth_method: none"
	)
	for name, file := range map[string]string{
		"private_key_jwt":     client(keyed, set),
		"with its settings":   client(keyed, set, "token_endpoint_auth_signing_alg: ES256", "token_endpoint_auth_audience: issuer"),
		"two algorithms":      client(keyed, set, "token_endpoint_auth_signing_alg: ES256", "request_object_signing_alg: ES256"),
		"a machine":           clientOf(machine),
		"a machine, scope":    clientOf(machine, "scope: orders.read urn:x:stock"),
		"a machine with keys": clientOf(machine, keyed, set),
		"said twice":          clientOf(machine, "response_types: []", "redirect_uris: []"),
		"both":                client("grant_types: [authorization_code, client_credentials]", "scope: openid orders.read"),
		"an API":              clientOf("grant_types: []", "introspection: true"),
		"an API and machine":  clientOf(machine, "introspection: true"),
		"an API that signs":   client("introspection: true"),
		"JWT":                 client("access_token_format: jwt", "access_token_audience: https://api.brand.example", "userinfo_signed_response_alg: RS256"),
		"opaque":              client("access_token_format: opaque"),
	} {
		if _, faults := parseFaults(file, options()); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
	const needsMethod = "needs token_endpoint_auth_method private_key_jwt"
	for _, test := range []struct{ name, file, place, rule string }{
		{"no keys", client(keyed), "2 clients[0].jwks", "is required with token_endpoint_auth_method private_key_jwt"},
		{"a secret", client(keyed, set, "client_secret: "+strings.Repeat(hunter2, 5)), "6 clients[0].client_secret", "must not be given with token_endpoint_auth_method private_key_jwt"},
		{"no key for it", client(keyed, set, "token_endpoint_auth_signing_alg: RS256"), "5 clients[0].jwks", "must have a key for RS256"},
		{"no such algorithm", client(keyed, set, "token_endpoint_auth_signing_alg: HS256"), "6 clients[0].token_endpoint_auth_signing_alg", "must be one of RS256, PS256, ES256, EdDSA"},
		{"algorithm for nothing", client(set, "token_endpoint_auth_signing_alg: ES256"), "5 clients[0].token_endpoint_auth_signing_alg", needsMethod},
		{"audience for nothing", client("token_endpoint_auth_audience: issuer"), "4 clients[0].token_endpoint_auth_audience", needsMethod},
		{"no such audience", client(keyed, set, "token_endpoint_auth_audience: any"), "6 clients[0].token_endpoint_auth_audience", "must be issuer"},
		{"a connector with keys", client(keyed, cloud), "4 clients[0].token_endpoint_auth_method", "must not be private_key_jwt for Conversational Cloud, which sends a secret; use client_secret_basic"},
		{"a public machine", clientOf(machine, public), "3 clients[0].grant_types[0]", "client_credentials needs a client with credentials, not token_endpoint_auth_method none"},
		{"a connector as machine", client("grant_types: [authorization_code, client_credentials]", cloud), "4 clients[0].grant_types[1]", "client_credentials is not for Conversational Cloud, which speaks for consumers"},
		{"a connector alone", clientOf(machine, cloud), "3 clients[0].grant_types[0]", "client_credentials is not for Conversational Cloud, which speaks for consumers"},
		{"addresses for nothing", client(machine), "3 clients[0].redirect_uris", "must be left out without response_types: nothing is sent there"},
		{"nothing to do", clientOf("response_types: []"), "3 clients[0].response_types", "must not be empty, but for a client with introspection, or with the grant client_credentials, token-exchange or jwt-bearer"},
		{"openid of a machine", clientOf(machine, "scope: openid"), "4 clients[0].scope", "must be of words of the client's own in the characters of RFC 6749 3.3, each once, with single spaces between; those of OpenID Connect need a response type"},
		{"scope of an API", clientOf("grant_types: []", "introspection: true", "scope: orders"), "5 clients[0].scope", "needs a response type, or the grant client_credentials"},
		{"own words without the grant", client("scope: openid orders"), "4 clients[0].scope", "must be of openid, profile, email, address, phone, offline_access, each once, with single spaces between"},
		{"a quote in a word", client("grant_types: [authorization_code, client_credentials]", `scope: 'openid a"b'`), "5 clients[0].scope", "must be of openid, profile, email, address, phone, offline_access, each once, with single spaces between; words of the client's own are of the characters of RFC 6749 3.3"},
		{"a word twice", clientOf(machine, "scope: a a"), "4 clients[0].scope", "must be of words of the client's own in the characters of RFC 6749 3.3, each once, with single spaces between; those of OpenID Connect need a response type"},
		{"no openid", client("grant_types: [authorization_code, client_credentials]", "scope: orders"), "5 clients[0].scope", "must contain openid"},
		{"a public API", clientOf("grant_types: []", "introspection: true", public), "4 clients[0].introspection", "needs a client with credentials, not token_endpoint_auth_method none"},
		{"another format", client("access_token_format: paseto"), "4 clients[0].access_token_format", "must be one of opaque, jwt"},
		{"spaces in an audience", client("access_token_audience: a b"), "4 clients[0].access_token_audience", "must be 1 to 255 visible ASCII characters"},
		{"a long audience", client("access_token_audience: " + strings.Repeat("a", 256)), "4 clients[0].access_token_audience", "must be 1 to 255 visible ASCII characters"},
		{"another algorithm", client("userinfo_signed_response_alg: none"), "4 clients[0].userinfo_signed_response_alg", "must be RS256"},
		{"a connector's access tokens", client(cloud, "access_token_format: jwt"), "5 clients[0].access_token_format", "is not for Conversational Cloud: leave it out"},
		{"a connector's UserInfo", client(cloud, "userinfo_signed_response_alg: RS256"), "5 clients[0].userinfo_signed_response_alg", "is not for Conversational Cloud: leave it out"},
		{"a connector that introspects", client(cloud, "introspection: true"), "5 clients[0].introspection", "is not for Conversational Cloud: leave it out"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			places, faults := parseFaults(test.file, options())
			if len(places) != 1 || places[0] != test.place || faults[0].Rule != test.rule {
				t.Errorf("got %v; want %s: %s", faults, test.place, test.rule)
			}
			if len(faults) > 0 && strings.Contains(faults.Error(), hunter2) {
				t.Errorf("a message repeats the file:\n%v", faults)
			}
		})
	}
}

// Who authenticates by a secret gets one, and the defaults of who signs nobody in
// change nothing the second time.
func TestSecretsOfMachines(t *testing.T) {
	t.Parallel()
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	store, err := storage.Open(t.Context(), storage.Options{URL: storagetest.New(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	for name, test := range map[string]struct {
		file string
		made int
	}{
		"machine": {clientOf("grant_types: [client_credentials]"), 1},
		"API":     {clientOf("grant_types: []", "introspection: true", "access_token_format: opaque"), 1},
		"keyed":   {clientOf("grant_types: [client_credentials]", "token_endpoint_auth_method: private_key_jwt", "jwks: {keys: ["+jwk(t, jose.JSONWebKey{Key: p256.Public()})+"]}"), 0},
	} {
		file, faults := brandfile.Parse("brand.yaml", []byte(strings.Replace(test.file, "client_id: rp", "client_id: "+name, 1)), options())
		if len(faults) > 0 {
			t.Fatal(faults)
		}
		result, err := brandfile.Apply(t.Context(), store, file, brandfile.Changes{}, brandfile.Makers{Rand: rand.Reader})
		if err != nil || len(result.Secrets) != test.made {
			t.Errorf("%s: secrets %v, %v", name, result, err)
		}
		diff, err := brandfile.Plan(t.Context(), store, file, brandfile.Changes{})
		if err != nil || !diff.Empty() {
			t.Errorf("%s: a second time %v, %v", name, diff, err)
		}
	}
}
