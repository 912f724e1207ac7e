package main

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
	"time"
)

// A connector's encryption key is shown by what a person can compare, and the
// end of its certificate is warned of.
func TestClientShowEncryptionKey(t *testing.T) {
	t.Parallel()

	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}

	ends := time.Now().AddDate(0, 0, 20)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends}

	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}

	i := newInstallation(t)
	certificate := base64.StdEncoding.EncodeToString(der)
	encrypted := strings.Replace(brandYAML, "{variant: rfc}", "{variant: rfc, encryption_key: {certificate: "+certificate+"}}", 1)

	applied := i.run(encrypted, "apply", "-f", "-")
	if applied.code != 0 || strings.Contains(applied.stdout, certificate) {
		t.Fatalf("apply: %+v", applied)
	}

	until := ends.UTC().Format(time.DateOnly)
	show := i.run("", "client", "show", "messaging-code")

	for _, want := range []string{
		"id_token_encrypted_response_alg  RSA-OAEP-256", "id_token_encrypted_response_enc  A128CBC-HS256",
		"RSA, 2048 bits, SHA-256 ", "certificate until " + until,
		"Warning: conversational_cloud.encryption_key has no kid",
		"Warning: the certificate of conversational_cloud.encryption_key ends on " + until,
	} {
		if show.code != 0 || !strings.Contains(show.stdout, want) {
			t.Errorf("want %q in\n%s%s", want, show.stdout, show.stderr)
		}
	}

	if strings.Contains(show.stdout, certificate) {
		t.Errorf("the whole certificate is shown:\n%s", show.stdout)
	}

	var view struct {
		EncryptionKey struct {
			SHA256   string
			Bits     int
			NotAfter time.Time `json:"not_after"`
		} `json:"encryption_key"`
	}

	decode(t, i.run("", "client", "show", "messaging-code", "--json"), &view)

	if got := view.EncryptionKey; len(got.SHA256) != 64 || got.Bits != 2048 || !got.NotAfter.Equal(ends.Truncate(time.Second)) {
		t.Errorf("encryption key: %+v, want its end at %v", got, ends)
	}

	refused := i.run(strings.Replace(brandYAML, "{variant: rfc}", "{variant: rfc, encryption_key: {jwk: {kty: RSA, n: a, e: AQAB, d: hunter2}}}", 1), "apply", "-f", "-")
	if refused.code != 1 || !strings.Contains(refused.stderr, "encryption_key.jwk.d: is part of a private key") || strings.Contains(refused.stderr, "hunter2") {
		t.Errorf("a private key: %+v", refused)
	}
}
