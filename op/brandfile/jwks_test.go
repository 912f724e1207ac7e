package brandfile_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

func TestKeysOfAClient(t *testing.T) {
	t.Parallel()
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec := func(change func(*jose.JSONWebKey)) string {
		key := jose.JSONWebKey{Key: p256.Public(), KeyID: "ec"}
		change(&key)
		return jwk(t, key)
	}
	good := ec(func(k *jose.JSONWebKey) { k.Use, k.Algorithm = "sig", "ES256" })
	ed := jwk(t, jose.JSONWebKey{Key: edPublic, KeyID: "ed", Algorithm: "EdDSA"})
	set := func(keys string, lines ...string) string {
		return client(append([]string{"jwks: {keys: [" + keys + "]}"}, lines...)...)
	}
	for name, file := range map[string]string{
		"one": set(good), "two": set(good + ", " + ed), "RSA": set(jwk(t, jose.JSONWebKey{Key: cloudKey().Public()}), "request_object_signing_alg: PS256"),
		"an algorithm": set(good+", "+ed, "request_object_signing_alg: EdDSA"),
	} {
		if _, faults := parseFaults(file, options()); len(faults) > 0 {
			t.Errorf("%s: %v", name, faults)
		}
	}
	const first = "4 clients[0].jwks.keys[0]"
	for _, test := range []struct{ name, file, place, rule string }{
		{"none", set(""), "4 clients[0].jwks.keys", "must have 1 to 16 keys"},
		{"no set", client("jwks: {}"), "4 clients[0].jwks.keys", "must have 1 to 16 keys"},
		{"too many", set(strings.Repeat(good+",", 17)), "4 clients[0].jwks.keys", "must have 1 to 16 keys"},
		{"a private key", set(jwk(t, jose.JSONWebKey{Key: p256})), first + ".d", "is part of a private key, which only the client may have: give the public key alone"},
		{"a private key of Ed25519", set(jwk(t, jose.JSONWebKey{Key: edPrivate})), first + ".d", "is part of a private key, which only the client may have: give the public key alone"},
		{"a secret", set("{kty: oct, k: hunter2}"), first + ".k", "is a secret shared with the client: give a public key"},
		{"no key", set("{kty: EC}"), first, "must be a public key by RFC 7517: kty RSA with n and e, EC with crv, x and y, or OKP with crv and x"},
		{"a short key", set(jwk(t, jose.JSONWebKey{Key: small.Public()})), first, "must be an RSA key of 2048 to 8192 bits"},
		{"another curve", set(jwk(t, jose.JSONWebKey{Key: p384.Public()})), first, "must have crv P-256"},
		{"to encrypt for", set(ec(func(k *jose.JSONWebKey) { k.Use = "enc" })), first, "must have use sig, or none"},
		{"of other operations", set(strings.TrimSuffix(good, "}") + `, "key_ops": ["deriveKey"]}`), first, "must have verify among key_ops, or none"},
		{"another algorithm", set(ec(func(k *jose.JSONWebKey) { k.Algorithm = "RS256" })), first, "must have an alg of RS256, PS256, ES256, EdDSA that fits the key, or none"},
		{"the same kid", set(good + ", " + good), "4 clients[0].jwks.keys[1].kid", "must tell the key from the others"},
		{"no key for it", set(good, "request_object_signing_alg: RS256"), "4 clients[0].jwks", "must have a key for RS256"},
		{"no such algorithm", set(good, "request_object_signing_alg: none"), "5 clients[0].request_object_signing_alg", "must be one of RS256, PS256, ES256, EdDSA"},
		{"no keys", client("request_object_signing_alg: RS256"), "4 clients[0].request_object_signing_alg", "needs jwks, the keys to verify with"},
		{"by reference", client("jwks_uri: https://rp.example/jwks"), "4 clients[0].jwks_uri", "is not supported by this release: give a client's keys as jwks; the key that a connector's ID tokens are encrypted for belongs into conversational_cloud.encryption_key"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			places, faults := parseFaults(test.file, options())
			if len(places) == 0 || places[0] != test.place || faults[0].Rule != test.rule {
				t.Errorf("got %v; want %s: %s", faults, test.place, test.rule)
			}
			if strings.Contains(faults.Error(), hunter2) {
				t.Errorf("a message repeats the file:\n%v", faults)
			}
		})
	}
}
