package keys_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
)

// private is the relying party's key.
var private = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

var ends = time.Date(2027, 7, 1, 12, 0, 0, 0, time.UTC)

func spki(t *testing.T, key any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// certificate is a self-signed certificate of a key, which ends at ends.
func certificate(t *testing.T, key crypto.Signer) []byte {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func oneLine(der []byte) string { return base64.StdEncoding.EncodeToString(der) }

// jwkOf writes a key as a JWK, with changes.
func jwkOf(t *testing.T, key any, changes ...func(*liveperson.JWK)) *liveperson.JWK {
	t.Helper()
	document, err := json.Marshal(jose.JSONWebKey{Key: key})
	if err != nil {
		t.Fatal(err)
	}
	var jwk liveperson.JWK
	if err := json.Unmarshal(document, &jwk); err != nil {
		t.Fatal(err)
	}
	for _, change := range changes {
		change(&jwk)
	}
	return &jwk
}

//contract:1.7-recipient
func TestReadRecipientInEveryForm(t *testing.T) {
	t.Parallel()
	key := private()
	public, cert := spki(t, key.Public()), certificate(t, key)
	folded := strings.Join([]string{oneLine(public)[:64], oneLine(public)[64:]}, "\n  ") + "\n"
	for name, test := range map[string]struct {
		given liveperson.EncryptionKey
		kid   string
		der   []byte
	}{
		"PEM, public key":          {liveperson.EncryptionKey{PEM: pemOf("PUBLIC KEY", public), Kid: "lpsso2026"}, "lpsso2026", public},
		"PEM, between blank lines": {liveperson.EncryptionKey{PEM: "\n" + pemOf("PUBLIC KEY", public) + "\n\n"}, "", public},
		"PEM, certificate":         {liveperson.EncryptionKey{PEM: pemOf("CERTIFICATE", cert)}, "", cert},
		"certificate, PEM":         {liveperson.EncryptionKey{Certificate: pemOf("CERTIFICATE", cert)}, "", cert},
		"certificate, base64":      {liveperson.EncryptionKey{Certificate: oneLine(cert), Kid: "lpsso2026"}, "lpsso2026", cert},
		"base64, public key":       {liveperson.EncryptionKey{Base64: oneLine(public)}, "", public},
		"base64, certificate":      {liveperson.EncryptionKey{Base64: oneLine(cert)}, "", cert},
		"base64, in several lines": {liveperson.EncryptionKey{Base64: folded}, "", public},
		"JWK":                      {liveperson.EncryptionKey{JWK: jwkOf(t, key.Public())}, "", public},
		"JWK with its kid": {liveperson.EncryptionKey{JWK: jwkOf(t, key.Public(), func(k *liveperson.JWK) {
			k.Kid, k.Use, k.Alg, k.KeyOps = "k1", "enc", "RSA-OAEP-256", []string{"wrapKey"}
		}), Kid: "k1"}, "k1", public},
		"JWK with a certificate": {liveperson.EncryptionKey{JWK: jwkOf(t, key.Public(), func(k *liveperson.JWK) {
			k.X5c = []string{oneLine(cert)}
		})}, "", cert},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := keys.ReadRecipient(&test.given)
			if err != nil {
				t.Fatal(err)
			}
			sum := sha256.Sum256(test.der)
			if r.Kid != test.kid || r.Bits() != 2048 || r.Fingerprint() != hex.EncodeToString(sum[:]) {
				t.Errorf("kid %q, %d bits, fingerprint %s", r.Kid, r.Bits(), r.Fingerprint())
			}
			if isCertificate := len(test.der) == len(cert); isCertificate != r.NotAfter.Equal(ends) || isCertificate == r.NotAfter.IsZero() {
				t.Errorf("ends %v", r.NotAfter)
			}
			stored := r.Stored()
			if diff := cmp.Diff(&liveperson.EncryptionKey{Base64: oneLine(test.der), Kid: test.kid}, stored); diff != "" {
				t.Errorf("stored (-want +got):\n%s", diff)
			}
			again, err := keys.ReadRecipient(stored)
			if err != nil || again.Fingerprint() != r.Fingerprint() {
				t.Errorf("what was stored: %v", err)
			}
			opens(t, r, key, test.kid)
		})
	}
}

// opens encrypts for a recipient and has go-jose open it.
func opens(t *testing.T, r *keys.Recipient, key *rsa.PrivateKey, kid string) {
	t.Helper()
	for _, enc := range liveperson.ContentEncryptions {
		encrypter, err := keys.NewEncrypter(r, enc)
		if err != nil {
			t.Fatal(err)
		}
		compact, err := encrypter.Encrypt("header.payload.signature")
		if err != nil {
			t.Fatal(err)
		}
		protected, _, _ := strings.Cut(compact, ".")
		document, err := base64.RawURLEncoding.DecodeString(protected)
		if err != nil {
			t.Fatal(err)
		}
		var header map[string]string
		if err := json.Unmarshal(document, &header); err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"alg": "RSA-OAEP-256", "enc": enc, "cty": "JWT"}
		if kid != "" {
			want["kid"] = kid
		}
		if diff := cmp.Diff(want, header); diff != "" {
			t.Errorf("header (-want +got):\n%s", diff)
		}
		jwe, err := jose.ParseEncryptedCompact(compact, []jose.KeyAlgorithm{jose.RSA_OAEP_256}, []jose.ContentEncryption{jose.ContentEncryption(enc)})
		if err != nil {
			t.Fatal(err)
		}
		if text, err := jwe.Decrypt(key); err != nil || string(text) != "header.payload.signature" {
			t.Errorf("%s: %q, %v", enc, text, err)
		}
	}
}

//contract:1.7-recipient-short
func TestReadRecipientRefuses(t *testing.T) {
	t.Parallel()
	key := private()
	public, cert := spki(t, key.Public()), certificate(t, key)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(key)
	jwk := func(change func(*liveperson.JWK)) liveperson.EncryptionKey {
		return liveperson.EncryptionKey{JWK: jwkOf(t, key.Public(), change)}
	}
	tooLarge := &rsa.PublicKey{N: new(big.Int).SetBit(new(big.Int).Set(key.N), 8192, 1), E: 65537}
	for name, test := range map[string]struct {
		given       liveperson.EncryptionKey
		field, rule string
	}{
		"nothing":                    {liveperson.EncryptionKey{Kid: "k"}, "", "must have one of"},
		"two forms":                  {liveperson.EncryptionKey{PEM: pemOf("PUBLIC KEY", public), Base64: oneLine(public)}, "", "no second one"},
		"no PEM":                     {liveperson.EncryptionKey{PEM: oneLine(public)}, "pem", "must be PEM"},
		"two blocks":                 {liveperson.EncryptionKey{PEM: pemOf("CERTIFICATE", cert) + pemOf("CERTIFICATE", cert)}, "pem", "one PEM block"},
		"another block":              {liveperson.EncryptionKey{PEM: pemOf("RSA PUBLIC KEY", public)}, "pem", "PUBLIC KEY or CERTIFICATE"},
		"private PEM":                {liveperson.EncryptionKey{PEM: pemOf("PRIVATE KEY", pkcs8)}, "pem", "private key"},
		"private PEM of OpenSSL":     {liveperson.EncryptionKey{PEM: pemOf("RSA PRIVATE KEY", pkcs1)}, "pem", "private key"},
		"private PEM, encrypted":     {liveperson.EncryptionKey{PEM: pemOf("ENCRYPTED PRIVATE KEY", pkcs8)}, "pem", "private key"},
		"private, labelled public":   {liveperson.EncryptionKey{PEM: pemOf("PUBLIC KEY", pkcs8)}, "pem", "private key"},
		"private base64":             {liveperson.EncryptionKey{Base64: oneLine(pkcs8)}, "base64", "private key"},
		"private base64 of OpenSSL":  {liveperson.EncryptionKey{Base64: oneLine(pkcs1)}, "base64", "private key"},
		"no base64":                  {liveperson.EncryptionKey{Base64: pemOf("PUBLIC KEY", public)}, "base64", "must be base64"},
		"base64 of something else":   {liveperson.EncryptionKey{Base64: oneLine([]byte("hello"))}, "base64", "must be a public key"},
		"something after the key":    {liveperson.EncryptionKey{Base64: oneLine(append(slices.Clip(public), 0))}, "base64", "must be a public key"},
		"a key as a certificate":     {liveperson.EncryptionKey{Certificate: pemOf("PUBLIC KEY", public)}, "certificate", "must be an X.509 certificate"},
		"a certificate of no base64": {liveperson.EncryptionKey{Certificate: "no certificate"}, "certificate", "must be base64"},
		"1024 bits":                  {liveperson.EncryptionKey{PEM: pemOf("PUBLIC KEY", spki(t, small.Public()))}, "pem", "2048 to 8192 bits"},
		"1024 bits, certificate":     {liveperson.EncryptionKey{Certificate: oneLine(certificate(t, small))}, "certificate", "2048 to 8192 bits"},
		"1024 bits, JWK":             {liveperson.EncryptionKey{JWK: jwkOf(t, small.Public())}, "jwk", "2048 to 8192 bits"},
		"8193 bits":                  {liveperson.EncryptionKey{Base64: oneLine(spki(t, tooLarge))}, "base64", "2048 to 8192 bits"},
		"elliptic":                   {liveperson.EncryptionKey{Base64: oneLine(spki(t, curve.Public()))}, "base64", "must be an RSA key"},
		"elliptic JWK":               {liveperson.EncryptionKey{JWK: jwkOf(t, curve.Public())}, "jwk", "kty RSA"},
		"an empty JWK":               {liveperson.EncryptionKey{JWK: &liveperson.JWK{}}, "jwk", "kty RSA"},
		"JWK without base64url":      {jwk(func(k *liveperson.JWK) { k.N = "***" }), "jwk", "base64url"},
		"JWK for signatures":         {jwk(func(k *liveperson.JWK) { k.Use = "sig" }), "jwk", "use enc"},
		"JWK of another algorithm":   {jwk(func(k *liveperson.JWK) { k.Alg = "RSA-OAEP" }), "jwk", "alg RSA-OAEP-256"},
		"JWK to decrypt with":        {jwk(func(k *liveperson.JWK) { k.KeyOps = []string{"unwrapKey", "decrypt"} }), "jwk", "wrapKey"},
		"JWK with exponent 1":        {jwk(func(k *liveperson.JWK) { k.E = "AQ" }), "jwk", "RFC 7517"},
		"JWK with an even exponent":  {jwk(func(k *liveperson.JWK) { k.E = "AQAC" }), "jwk", "odd exponent"},
		"JWK of another certificate": {jwk(func(k *liveperson.JWK) { k.X5c = []string{oneLine(certificate(t, small))} }), "jwk", "x5c"},
		"two kids": {
			liveperson.EncryptionKey{JWK: jwkOf(t, key.Public(), func(k *liveperson.JWK) { k.Kid = "a" }), Kid: "b"},
			"kid", "must be the kid of jwk",
		},
		"a kid with a space": {liveperson.EncryptionKey{Base64: oneLine(public), Kid: "a b"}, "kid", "visible ASCII"},
		"a long kid":         {liveperson.EncryptionKey{Base64: oneLine(public), Kid: strings.Repeat("k", 256)}, "kid", "1 to 255"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := keys.ReadRecipient(&test.given)
			fault, ok := err.(liveperson.FieldError) //nolint:errorlint // promised to be this type
			if !ok || fault.Field != test.field || !strings.Contains(fault.Rule, test.rule) {
				t.Errorf("got %v, want %s: %s", err, test.field, test.rule)
			}
		})
	}
}

//contract:1.7-recipient-ends
func TestRecipientWarnings(t *testing.T) {
	t.Parallel()
	key := private()
	withKid := &liveperson.EncryptionKey{Certificate: oneLine(certificate(t, key)), Kid: "lpsso2026"}
	for _, test := range []struct {
		name  string
		given *liveperson.EncryptionKey
		now   time.Time
		want  []string
	}{
		{"31 days before", withKid, ends.AddDate(0, 0, -31), nil},
		{"29 days before", withKid, ends.AddDate(0, 0, -29), []string{"encryption_key ends on 2027-07-01"}},
		{"after", withKid, ends.Add(time.Second), []string{"encryption_key ended on 2027-07-01"}},
		{"no certificate, no kid", &liveperson.EncryptionKey{Base64: oneLine(spki(t, key.Public()))}, ends, []string{"has no kid"}},
	} {
		r, err := keys.ReadRecipient(test.given)
		if err != nil {
			t.Fatal(err)
		}
		warnings := r.Warnings(test.now)
		if len(warnings) != len(test.want) || len(warnings) > 0 && !strings.Contains(warnings[0], test.want[0]) {
			t.Errorf("%s: %q", test.name, warnings)
		}
	}
}

func TestNewEncrypterRefusesOtherEncryption(t *testing.T) {
	t.Parallel()
	r, err := keys.ReadRecipient(&liveperson.EncryptionKey{Base64: oneLine(spki(t, private().Public()))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.NewEncrypter(r, "none"); err == nil {
		t.Error("enc none is accepted")
	}
}
