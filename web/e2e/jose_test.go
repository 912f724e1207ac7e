package e2e_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os/exec"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// encryptedBy gives an error unless a token is a JWE with that content encryption.
func encryptedBy(token, enc string) error {
	jwe, err := jose.ParseEncryptedCompact(token, []jose.KeyAlgorithm{jose.RSA_OAEP_256}, []jose.ContentEncryption{jose.ContentEncryption(enc)})
	if err == nil && jwe.Header.KeyID == "" {
		err = errors.New("the JWE has no kid")
	}
	return err
}

// An encrypted ID token is opened by jose for JavaScript, unmodified, and what is
// inside verifies in Node's own crypto with the line that idp key export prints.
//
//contract:1.6-kid 1.6-pasted 1.7-kid 1.7-nested 1.7-opens
func TestJose(t *testing.T) {
	t.Parallel()
	needModule(t, "jose")
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, cheapHashing...)
	for _, enc := range []string{"A128CBC-HS256", "A256GCM"} {
		encrypted := strings.Replace(clients, `account_id: "12345678"}`,
			`account_id: "12345678", encryption_key: {kid: lpsso2026, base64: `+base64.StdEncoding.EncodeToString(public)+`}}
    id_token_encrypted_response_enc: `+enc, 1)
		s.Apply(encrypted + amelia)
		oneLine, err := s.Run("", "key", "export", "--format", "one-line", "--client", "messaging")
		if err != nil {
			t.Fatalf("%v\n%s", err, oneLine)
		}
		person := newPerson(s.Issuer, "amelia", ameliasPassword)
		request := s.Issuer + "/authorize?" + params("client_id", "messaging", "response_type", "id_token", "scope", "openid", "redirect_uri", callback).Encode()
		var token string
		eventually(t, "encrypting by "+enc, func() error {
			token = visit(t, person, request).Get("id_token")
			return encryptedBy(token, enc)
		})
		input, err := json.Marshal(map[string]string{
			"token": token, "privateKey": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})), "enc": enc, "kid": "lpsso2026",
			"issuer": s.Issuer, "jwks": s.Issuer + "/jwks/messaging.json", "oneLine": strings.TrimSuffix(oneLine, "\n"),
		})
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), needNode(t), "jose.mjs", string(input)).CombinedOutput()
		if err != nil || string(out) != "ok\n" {
			t.Errorf("%s: %v\n%s", enc, err, out)
		}
	}
}
