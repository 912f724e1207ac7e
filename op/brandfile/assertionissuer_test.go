package brandfile_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

func TestAssertionIssuers(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key := jwk(t, jose.JSONWebKey{Key: public, KeyID: "ed"})
	backend := func(lines ...string) string {
		return "clients:\n  - client_id: backend\n    client_secret: " + strings.Repeat("s", 40) + "\n    " + strings.Join(lines, "\n    ") + "\n"
	}
	grants := func(names ...string) string { return "grant_types: [" + strings.Join(names, ", ") + "]" }
	issuer := func(iss, subject string) string {
		fields := "jwks: {keys: [" + key + "]}"
		if iss != "" {
			fields += `, issuer: "` + iss + `"`
		}
		if subject != "" {
			fields += ", subject: " + subject
		}
		return "{" + fields + "}"
	}
	issuers := func(all ...string) string { return "assertion_issuers: [" + strings.Join(all, ", ") + "]" }
	const exchange, bearer = storage.GrantTokenExchange, storage.GrantJWTBearer
	good := issuer("https://www.brand.example", "external_id")
	for name, file := range map[string]string{
		"both":            backend(grants(exchange, bearer), issuers(good, issuer("urn:brand:app", "sub"))),
		"one of them":     backend(grants(bearer), issuers(good), "scope: openid email"),
		"with its own":    backend(grants(exchange, "client_credentials"), issuers(good), "scope: openid orders.read"),
		"with a sign-in":  client(grants("authorization_code", bearer), issuers(good)),
		"with audiences":  backend(grants(exchange), issuers(good), "token_exchange_audiences: [messaging]"),
		"without sign-in": backend(grants(bearer), issuers(good), "response_types: []"),
	} {
		if _, faults := parseFaults(file, options()); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
	const first = "5 clients[0].assertion_issuers[0]"
	for _, test := range []struct{ name, file, place, rule string }{
		{"nobody to believe", backend(grants(bearer)), "2 clients[0].assertion_issuers", "is required with the grants token-exchange and jwt-bearer: whose assertions are to be believed"},
		{"no grant", client(issuers(good)), "4 clients[0].assertion_issuers", "needs " + exchange + " or " + bearer + " among grant_types"},
		{"no issuer", backend(grants(bearer), issuers(issuer("", "sub"))), first + ".issuer", "is required: the iss of the assertions"},
		{"a client_id", backend(grants(bearer), issuers(issuer("backend", "sub"))), first + ".issuer", "must be a URI of at most 255 characters, such as https://www.brand.example"},
		{"a space", backend(grants(bearer), issuers(issuer("https://www.brand.example/a b", "sub"))), first + ".issuer", "must be a URI of at most 255 characters, such as https://www.brand.example"},
		{"the provider", backend(grants(bearer), issuers(issuer(options().Issuer, "sub"))), first + ".issuer", "must not be an address of this provider, which takes no word of its own"},
		{"below the provider", backend(grants(bearer), issuers(issuer(options().Issuer+"/x", "sub"))), first + ".issuer", "must not be an address of this provider, which takes no word of its own"},
		{"twice", backend(grants(bearer), issuers(good, good)), "5 clients[0].assertion_issuers[1].issuer", "must not be given twice"},
		{"no subject", backend(grants(bearer), issuers(issuer("urn:a", ""))), first + ".subject", "must be one of external_id, sub"},
		{"subject by e-mail", backend(grants(bearer), issuers(issuer("urn:a", "email"))), first + ".subject", "must be one of external_id, sub"},
		{"no keys", backend(grants(bearer), issuers("{issuer: 'urn:a', subject: sub}")), first + ".jwks", "is required: the public keys that the issuer signs with"},
		{"none of them", backend(grants(bearer), issuers("{issuer: 'urn:a', subject: sub, jwks: {keys: []}}")), first + ".jwks.keys", "must have 1 to 16 keys"},
		{"a private key", backend(grants(bearer), issuers("{issuer: 'urn:a', subject: sub, jwks: {keys: ["+jwk(t, jose.JSONWebKey{Key: private})+"]}}")), first + ".jwks.keys[0].d", "is part of a private key, which only the client may have: give the public key alone"},
		{"no secret to have", client(grants("authorization_code", bearer), issuers(good), "token_endpoint_auth_method: none"), "4 clients[0].grant_types[1]", bearer + " needs a client with credentials, not token_endpoint_auth_method none"},
		{"audiences of nothing", backend(grants(bearer), issuers(good), "token_exchange_audiences: [messaging]"), "6 clients[0].token_exchange_audiences", "needs " + exchange + " among grant_types"},
		{"no client_id", backend(grants(exchange), issuers(good), "token_exchange_audiences: [https://a.example]"), "6 clients[0].token_exchange_audiences[0]", "must be the client_id of a connector"},
		{"an audience twice", backend(grants(exchange), issuers(good), "token_exchange_audiences: [a, a]"), "6 clients[0].token_exchange_audiences[1]", "must not be given twice"},
		{"words of its own", backend(grants(exchange), issuers(good), "scope: openid orders.read"), "6 clients[0].scope", "must be of openid, profile, email, address, phone, offline_access, each once, with single spaces between"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			places, faults := parseFaults(test.file, options())
			if len(places) == 0 || places[0] != test.place || faults[0].Rule != test.rule {
				t.Errorf("got %v; want %s: %s", faults, test.place, test.rule)
			}
		})
	}
}

func TestExchangeAudiencesAreConnectors(t *testing.T) {
	t.Parallel()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	const connector = "  - {client_id: messaging, redirect_uris: [https://rp.example/cb], conversational_cloud: {variant: rfc}}\n"
	backend := "  - {client_id: backend, grant_types: [" + storage.GrantTokenExchange + "], token_exchange_audiences: [messaging], " +
		"assertion_issuers: [{issuer: 'urn:a', subject: sub, jwks: {keys: [" + jwk(t, jose.JSONWebKey{Key: public}) + "]}}]}\n"
	for name, test := range map[string]struct {
		before, file string
		accepted     bool
	}{
		"in one file":   {"", backend + connector, true},
		"there already": {connector, backend, true},
		"no such":       {"", backend, false},
		"no connector":  {"  - {client_id: messaging, redirect_uris: [https://rp.example/cb]}\n", backend, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := openStore(t)
			if test.before != "" {
				apply(t, store, "clients:\n"+test.before, brandfile.Changes{})
			}
			_, err := brandfile.Plan(t.Context(), store, parse(t, "clients:\n"+test.file), brandfile.Changes{})
			const want = "clients[0].token_exchange_audiences[0]: must be the client_id of a connector, in this file or registered already"
			if test.accepted != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
				t.Error(err)
			}
		})
	}
}
