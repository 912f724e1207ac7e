package keys

import (
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/liveperson"
)

// Encrypter encrypts signed tokens for one recipient. It is safe for concurrent
// use.
type Encrypter struct {
	// Recipient can read what is encrypted here.
	Recipient *Recipient

	jwe jose.Encrypter
}

// NewEncrypter prepares the encryption for a recipient with RSA-OAEP-256
// (RFC 7518 4.3) and a content encryption of liveperson.ContentEncryptions.
// Nothing is compressed: the length of a compressed token would tell of what is
// in it. The randomness is that of go-jose, which is crypto/rand.
func NewEncrypter(recipient *Recipient, contentEncryption string) (*Encrypter, error) {
	options := (&jose.EncrypterOptions{Compression: jose.NONE}).WithContentType("JWT")
	jwe, err := jose.NewEncrypter(jose.ContentEncryption(contentEncryption),
		jose.Recipient{Algorithm: liveperson.KeyEncryption, Key: recipient.key, KeyID: recipient.Kid}, options)
	if err != nil {
		return nil, fmt.Errorf("encrypt with %s: %w", contentEncryption, err)
	}
	return &Encrypter{Recipient: recipient, jwe: jwe}, nil
}

// Encrypt gives the compact JWE (RFC 7516 7.1) of a signed token: a nested JWT,
// cty "JWT" in its header (RFC 7519 5.2).
func (e *Encrypter) Encrypt(token string) (string, error) {
	jwe, err := e.jwe.Encrypt([]byte(token))
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	compact, err := jwe.CompactSerialize()
	if err != nil {
		return "", fmt.Errorf("encrypt: %w", err)
	}
	return compact, nil
}
