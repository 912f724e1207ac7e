package brandfile_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
)

// cloudKey is Conversational Cloud's key.
var cloudKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// cloudCertificate is a certificate of the key, in one line.
func cloudCertificate(t *testing.T, ends time.Time) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, cloudKey().Public(), cloudKey())
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// jwk is a key as one line of JSON, which YAML reads, too.
func jwk(t *testing.T, key jose.JSONWebKey) string {
	t.Helper()
	document, err := json.Marshal(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(document)
}

// connector is a file of one connector with an encryption key, and lines more.
func connector(encryptionKey string, lines ...string) string {
	return client(append([]string{"conversational_cloud: {variant: rfc, encryption_key: " + encryptionKey + "}"}, lines...)...)
}

//contract:5.2-register
func TestEncryptionKeyIsKeptInOneForm(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	file := connector(`{jwk: ` + jwk(t, jose.JSONWebKey{Key: cloudKey().Public(), KeyID: "lpsso2026", Use: "enc"}) + `}`)
	apply(t, store, file, brandfile.Changes{})
	row := clients(t, store)["rp"]
	if row.IDTokenEncryptedResponseAlg != "RSA-OAEP-256" || row.IDTokenEncryptedResponseEnc != "A128CBC-HS256" {
		t.Errorf("defaults: alg %q, enc %q", row.IDTokenEncryptedResponseAlg, row.IDTokenEncryptedResponseEnc)
	}
	der, err := x509.MarshalPKIXPublicKey(cloudKey().Public())
	if err != nil {
		t.Fatal(err)
	}
	oneLine := base64.StdEncoding.EncodeToString(der)
	if diff := cmp.Diff(&liveperson.EncryptionKey{Base64: oneLine, Kid: "lpsso2026"}, row.ConversationalCloud.EncryptionKey); diff != "" {
		t.Errorf("stored (-want +got):\n%s", diff)
	}
	block := strings.TrimSpace(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})))
	for form, file := range map[string]string{
		"base64": connector("{kid: lpsso2026, base64: " + oneLine + "}"),
		"pem": client("conversational_cloud:", "  variant: rfc", "  encryption_key:", "    kid: lpsso2026", "    pem: |",
			"      "+strings.ReplaceAll(block, "\n", "\n          ")),
	} {
		if again := apply(t, store, file, brandfile.Changes{}); !again.Diff.Empty() {
			t.Errorf("the same key as %s is a change:\n%s", form, again.Diff)
		}
	}
}

func TestDiffShowsFingerprints(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	certificate := cloudCertificate(t, time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC))
	recipient, err := keys.ReadRecipient(&liveperson.EncryptionKey{Certificate: certificate})
	if err != nil {
		t.Fatal(err)
	}
	made := apply(t, store, connector("{kid: lpsso2026, certificate: "+certificate+"}"), brandfile.Changes{}).Diff.String()
	for _, line := range []string{
		`+ conversational_cloud.encryption_key.kid: "lpsso2026"`,
		`+ conversational_cloud.encryption_key.not_after: "2027-07-01"`,
		`+ conversational_cloud.encryption_key.sha256: "` + recipient.Fingerprint() + `"`,
		`+ id_token_encrypted_response_alg: "RSA-OAEP-256"`,
		`+ id_token_encrypted_response_enc: "A128CBC-HS256"`,
	} {
		if !strings.Contains(made, "  "+line+"\n") {
			t.Errorf("no line %s in\n%s", line, made)
		}
	}
	if strings.Contains(made, certificate[:64]) {
		t.Errorf("the difference has the whole key:\n%s", made)
	}

	// A certificate that is renewed for the same key is a change.
	renewed := cloudCertificate(t, time.Date(2028, 7, 1, 0, 0, 0, 0, time.UTC))
	change := apply(t, store, connector("{kid: lpsso2026, base64: "+renewed+"}", "id_token_encrypted_response_enc: A256GCM"), brandfile.Changes{}).Diff.String()
	for _, line := range []string{
		`~ conversational_cloud.encryption_key.not_after: "2027-07-01" -> "2028-07-01"`,
		`~ id_token_encrypted_response_enc: "A128CBC-HS256" -> "A256GCM"`,
	} {
		if !strings.Contains(change, "  "+line+"\n") {
			t.Errorf("no line %s in\n%s", line, change)
		}
	}
	if stored := clients(t, store)["rp"].ConversationalCloud.EncryptionKey.Base64; stored != renewed {
		t.Error("the renewed certificate was not stored")
	}

	// Without a key, tokens are signed alone again.
	gone := apply(t, store, client("conversational_cloud: {variant: rfc}"), brandfile.Changes{}).Diff.String()
	if !strings.Contains(gone, "  - conversational_cloud.encryption_key.sha256: ") || !strings.Contains(gone, "  - id_token_encrypted_response_alg: ") {
		t.Errorf("taking the key away:\n%s", gone)
	}
}

//contract:1.7-alg 1.7-enc-gcm 1.7-optional 1.7-recipient-short
func TestParseRefusesEncryption(t *testing.T) {
	t.Parallel()
	const (
		field = "clients[0].conversational_cloud.encryption_key"
		alg   = "id_token_encrypted_response_alg"
		enc   = "id_token_encrypted_response_enc"
	)
	good := "{base64: " + cloudCertificate(t, time.Date(2027, 7, 1, 0, 0, 0, 0, time.UTC)) + "}"
	ordinary := "is for connectors of Conversational Cloud; ID tokens of other clients are signed, not encrypted"
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, file, place, rule string }{
		{"no key", client("conversational_cloud: {variant: rfc}", alg+": RSA-OAEP-256"), "5 clients[0]." + alg, "needs conversational_cloud.encryption_key, the key to encrypt for"},
		{"no key, enc alone", client("conversational_cloud: {variant: rfc}", enc+": A256GCM"), "5 clients[0]." + enc, "needs conversational_cloud.encryption_key, the key to encrypt for"},
		{"an ordinary client", client(alg + ": RSA-OAEP-256"), "4 clients[0]." + alg, ordinary},
		{"an ordinary client, enc", client(enc + ": A256GCM"), "4 clients[0]." + enc, ordinary},
		{"another alg", connector(good, alg+": RSA-OAEP"), "5 clients[0]." + alg, "must be RSA-OAEP-256"},
		{"another enc", connector(good, enc+": A192CBC-HS384"), "5 clients[0]." + enc, "must be one of A128CBC-HS256, A256GCM"},
		{
			"jwks", connector(good, "jwks: {keys: []}"), "5 clients[0].jwks",
			"is for clients that sign what they ask; the key that a connector's ID tokens are encrypted for belongs into conversational_cloud.encryption_key",
		},
		{"an empty key", connector("{}"), "4 " + field, "must have one of pem, certificate, base64 and jwk, and no second one"},
		{"a kid alone", connector("{kid: k}"), "4 " + field, "must have one of pem, certificate, base64 and jwk, and no second one"},
		{"text for a key", connector("hunter2"), "4 " + field, "must be an object with named fields"},
		{"a kid of numbers", connector("{base64: " + good[9:len(good)-1] + ", kid: 2026}"), "4 " + field + ".kid", "must be text: put it in quotes"},
		{
			"a private JWK", connector("{jwk: " + jwk(t, jose.JSONWebKey{Key: cloudKey()}) + "}"), "4 " + field + ".jwk.d",
			"is part of a private key, which only LivePerson may have: give the public key alone",
		},
		{"a secret as JWK", connector("{jwk: {kty: oct, k: hunter2}}"), "4 " + field + ".jwk.k", "is part of a private key, which only LivePerson may have: give the public key alone"},
		{"an elliptic JWK", connector("{jwk: {kty: EC, crv: P-256, n: a, e: b}}"), "4 " + field + ".jwk.crv", "belongs to another kind of key: it must be an RSA key, with n and e"},
		{"an unknown member", connector("{jwk: {kty: RSA, n: a, e: b, kidd: c}}"), "4 " + field + ".jwk.kidd", "is not a known field; did you mean kid?"},
		{"a short key", connector("{jwk: " + jwk(t, jose.JSONWebKey{Key: small.Public()}) + "}"), "4 " + field + ".jwk", "must be an RSA key of 2048 to 8192 bits"},
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
