package webtest_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

// A private key is found in each form that it may be written in, and its public half is
// not taken for it.
func TestPrivateKeyIsFound(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, pair := range []struct{ private, public any }{{rsaKey, &rsaKey.PublicKey}, {ecKey, &ecKey.PublicKey}, {edKey, public}} {
		der, err := x509.MarshalPKCS8PrivateKey(pair.private)
		if err != nil {
			t.Fatal(err)
		}
		key, err := webtest.NewPrivateKey(der)
		if err != nil {
			t.Fatal(err)
		}
		jwk, err := json.Marshal(jose.JSONWebKey{Key: pair.private})
		if err != nil {
			t.Fatal(err)
		}
		block := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		quoted, err := json.Marshal(block)
		if err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{
			"DER": string(der), "hexadecimal": hex.EncodeToString(der), "base64": base64.StdEncoding.EncodeToString(der), "JWK": string(jwk),
			"PEM": block, "PEM in JSON": string(quoted), "base64 of two bytes before it": base64.URLEncoding.EncodeToString(append([]byte("ab"), der...)),
		} {
			if !key.In([]byte("before " + text + " behind")) {
				t.Errorf("%T: not found in %s", pair.private, name)
			}
		}
		other, err := json.Marshal(jose.JSONWebKey{Key: pair.public})
		if err != nil {
			t.Fatal(err)
		}
		if key.In(other) {
			t.Errorf("%T: the public half is taken for it", pair.private)
		}
	}
}
