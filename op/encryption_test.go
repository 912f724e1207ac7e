package op_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/web/webtest"
)

// cloudKey is Conversational Cloud's key for encryption.
var cloudKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

// cloudCertificate is a certificate of that key, in one line.
func cloudCertificate(t *testing.T, ends time.Time) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: ends.AddDate(-1, 0, 0), NotAfter: ends}
	der, err := x509.CreateCertificate(rand.Reader, template, template, cloudKey().Public(), cloudKey())
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

// encrypted is a brand file of a connector whose tokens are encrypted, and lines
// more.
func encrypted(encryptionKey string, lines ...string) string {
	return strings.Join(append([]string{
		"clients:\n  - client_id: encrypted",
		"client_secret: " + messagingSecret,
		"redirect_uris: [" + window + "]",
		"response_types: [code, id_token]",
		"web_origins: [" + shopOrigin + "]",
		"conversational_cloud: {variant: rfc, encryption_key: " + encryptionKey + "}",
	}, lines...), "\n    ") + "\n"
}

// decrypt opens a JWE as the relying party does, and checks how it was made.
func decrypt(t *testing.T, token, enc, kid string) string {
	t.Helper()
	jwe, err := jose.ParseEncryptedCompact(token, []jose.KeyAlgorithm{jose.RSA_OAEP_256}, []jose.ContentEncryption{jose.ContentEncryption(enc)})
	if err != nil {
		t.Fatal(err)
	}
	if jwe.Header.KeyID != kid || jwe.Header.ExtraHeaders[jose.HeaderContentType] != "JWT" || jwe.Header.ExtraHeaders["zip"] != nil {
		t.Errorf("header %+v", jwe.Header)
	}
	inner, err := jwe.Decrypt(cloudKey())
	if err != nil {
		t.Fatal(err)
	}
	return string(inner)
}

// TestEveryIDTokenOfAConnectorIsEncrypted: by whichever door it leaves.
//
//contract:1.7-alg 1.7-cty 1.7-enc-default 1.7-enc-gcm 1.7-every-door 1.7-kid 1.7-nested 1.7-optional 1.7-recipient
//contract:3.2-code
func TestEveryIDTokenOfAConnectorIsEncrypted(t *testing.T) {
	t.Parallel()
	for enc, lines := range map[string][]string{
		"A128CBC-HS256": nil,
		"A256GCM":       {"id_token_encrypted_response_alg: RSA-OAEP-256", "id_token_encrypted_response_enc: A256GCM"},
	} {
		t.Run(enc, func(t *testing.T) {
			t.Parallel()
			key := "{kid: lpsso2026, certificate: " + cloudCertificate(t, time.Now().AddDate(1, 0, 0)) + "}"
			p := webtest.Start(t, nil, brand, encrypted(key, lines...))
			b := amelia(t, p)
			request := windowRequest("client_id", "encrypted", "state", "")
			redeemed := redeemAs(b, "encrypted", messagingSecret, params("grant_type", "authorization_code", "redirect_uri", window,
				"code", silent(t, b, with(request, "response_type", "code")).Get("code")))
			page := tokens(t, askSource(t, b, "encrypted", "response_type", "id_token"))
			var sub any
			for door, token := range map[string]string{
				"authorization endpoint": silent(t, b, request).Get("id_token"),
				"token endpoint":         tokens(t, redeemed).IDToken,
				"token source":           page.IDToken,
			} {
				if strings.Count(token, ".") != 4 {
					t.Errorf("%s: the token is not a JWE", door)
					continue
				}
				inner := decrypt(t, token, enc, "lpsso2026")
				got := claims(t, p, "encrypted", inner) // by the connector's own key
				if got["lp_sdes"] == nil || got["sub"] == "" {
					t.Errorf("%s: claims %v", door, got)
				}
				sub = got["sub"]
				// What was decrypted serves as a hint (OpenID Connect Core 3.1.2.1).
				if silent(t, b, with(request, "prompt", "none", "id_token_hint", inner)).Get("id_token") == "" {
					t.Errorf("%s: the decrypted token is not accepted as a hint", door)
				}
			}
			if page.Subject != sub || page.Issuer != p.Issuer {
				t.Errorf("the page cannot read the token, and is told sub %q, iss %q", page.Subject, page.Issuer)
			}
			// Nobody else's are.
			for _, other := range []string{silent(t, b, windowRequest()).Get("id_token"), silent(t, b, implicitRequest()).Get("id_token")} {
				if strings.Count(other, ".") != 2 {
					t.Error("the token of another client is not a JWS")
				}
			}
			if strings.Contains(p.Log.String(), "ends soon") {
				t.Error("a certificate that lasts a year is warned of")
			}
		})
	}
}

// TestEncryptionFollowsTheClient: a key that is changed or taken away counts at
// once, and a certificate that ends soon is told to the log.
//
//contract:1.7-no-kid 1.7-optional 1.7-recipient-ends
func TestEncryptionFollowsTheClient(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, encrypted("{certificate: "+cloudCertificate(t, time.Now().AddDate(0, 0, 10))+"}"))
	b := amelia(t, p)
	request := windowRequest("client_id", "encrypted", "state", "")
	decrypt(t, silent(t, b, request).Get("id_token"), "A128CBC-HS256", "")
	if log := p.Log.String(); !strings.Contains(log, "ends soon") || !strings.Contains(log, "client_id=encrypted") {
		t.Errorf("no warning in the log:\n%s", log)
	}

	p.Apply(encrypted("{kid: next, certificate: " + cloudCertificate(t, time.Now().AddDate(1, 0, 0)) + "}"))
	decrypt(t, silent(t, b, request).Get("id_token"), "A128CBC-HS256", "next")

	p.Apply(strings.Replace(encrypted("{}"), ", encryption_key: {}", "", 1))
	claims(t, p, "encrypted", silent(t, b, request).Get("id_token"))
}
