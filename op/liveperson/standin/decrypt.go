package standin

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/liveperson"
)

// encryptionKeyID is the kid of the key that ID tokens are encrypted for.
const encryptionKeyID = "standin-encryption"

// EncryptionKey is the public key that a brand may encrypt ID tokens for, as the
// account team hands it over: in one line, with the kid for the header. The key
// is made when it is first asked for.
func (c *Cloud) EncryptionKey() (liveperson.EncryptionKey, error) {
	key, err := c.decryption()
	if err != nil {
		return liveperson.EncryptionKey{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return liveperson.EncryptionKey{}, fmt.Errorf("encryption key: %w", err)
	}
	return liveperson.EncryptionKey{Base64: base64.StdEncoding.EncodeToString(der), Kid: encryptionKeyID}, nil
}

// isEncrypted tells the five segments of a JWE (RFC 7516 3.1).
func isEncrypted(compact string) bool { return strings.Count(compact, ".") == 4 }

// decrypt opens a nested token: a signed one inside an encrypted one. That a
// connector can demand encryption is not documented, so signed tokens pass at
// each connector.
func (c *Cloud) decrypt(compact string, connector Connector) (inner string, header json.RawMessage, err error) {
	header, err = base64.RawURLEncoding.Strict().DecodeString(compact[:strings.IndexByte(compact, '.')])
	if err != nil {
		return "", nil, errors.New("the header of the encrypted token is not base64url without padding")
	}
	var members struct {
		Alg string           `json:"alg"`
		Enc string           `json:"enc"`
		Cty string           `json:"cty"`
		Kid string           `json:"kid"`
		Zip *json.RawMessage `json:"zip"`
	}
	if json.Unmarshal(header, &members) != nil {
		return "", nil, errors.New("the header of the encrypted token is not a JSON object")
	}
	switch {
	case members.Alg != liveperson.KeyEncryption:
		err = errors.New("alg of the encrypted token is not " + liveperson.KeyEncryption)
	case !slices.Contains(liveperson.ContentEncryptions, members.Enc):
		err = errors.New("enc of the encrypted token is none of " + strings.Join(liveperson.ContentEncryptions, ", "))
	case members.Zip != nil:
		err = errors.New("the encrypted token is compressed (zip)")
	case !strings.EqualFold(members.Cty, "JWT"):
		err = errors.New("cty of the encrypted token is not JWT: it must hold a signed token (RFC 7519 5.2)")
	case members.Kid == "" && connector.Keys != KeysPasted:
		err = errors.New("the encrypted token names no key (kid), which a connector with JWKS needs")
	case members.Kid != "" && members.Kid != encryptionKeyID:
		err = errors.New("kid of the encrypted token is not that of the key that was given")
	}
	if err != nil {
		return "", header, err
	}
	key, err := c.decryption()
	if err != nil {
		return "", header, err
	}
	plain, err := open(compact, key)
	return string(plain), header, err
}

func open(compact string, key *rsa.PrivateKey) ([]byte, error) {
	encrypted, err := jose.ParseEncryptedCompact(compact,
		[]jose.KeyAlgorithm{jose.RSA_OAEP_256}, []jose.ContentEncryption{jose.A128CBC_HS256, jose.A256GCM})
	if err != nil {
		return nil, errors.New("the encrypted token cannot be read")
	}
	plain, err := encrypted.Decrypt(key)
	if err != nil {
		return nil, errors.New("the token is not encrypted for the key that was given")
	}
	return plain, nil
}
