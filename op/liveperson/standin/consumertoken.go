package standin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// sealKeySize is the size of an AES-256 key in bytes.
const sealKeySize = 32

// keyID is the kid of consumer tokens; the published example has this one.
const keyID = "00001"

// consumerClaims are those of the cloud's own consumer token.
type consumerClaims struct {
	Subject  string    `json:"sub"`
	Audience string    `json:"aud"` // acc:{account}
	Issuer   string    `json:"iss"`
	Expires  int64     `json:"exp"` // as the brand's token
	IssuedAt int64     `json:"iat"` // as the brand's token
	ACR      string    `json:"acr,omitempty"`
	External *external `json:"lp.ext,omitempty"`
}

// external is what the cloud keeps of the brand's token.
type external struct {
	Subject string `json:"sub"`
	Issuer  string `json:"iss"`
	SDEs    string `json:"lp_sdes,omitempty"` // encrypted, in hexadecimal
}

// admit makes the consumer and the consumer token of an attempt whose checks
// have passed.
func (c *Cloud) admit(attempt *Conversation) (*Consumer, string, error) {
	token := attempt.Token
	issuer, sub := token.text("iss"), token.text("sub")
	consumer := consumerOf(token, c.consumerID(issuer, sub))
	issued, _ := seconds(token.claims["iat"])
	expires, _ := seconds(token.claims["exp"])
	claims := consumerClaims{
		Subject: consumer.ID, Audience: "acc:" + c.opts.AccountID, Issuer: c.opts.Address, Expires: expires, IssuedAt: issued,
		External: &external{Subject: sub, Issuer: issuer},
	}
	if sdes, there := token.claims["lp_sdes"]; there {
		sealed, err := c.encrypt(sdes)
		if err != nil {
			return nil, "", err
		}
		claims.External.SDEs = sealed
	}
	signed, err := c.sign(claims, "JWT")
	return consumer, signed, err
}

// consumerID is the cloud's id of a brand's consumer: 64 hexadecimal digits that
// stay the same.
func (c *Cloud) consumerID(issuer, sub string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{c.opts.AccountID, issuer, sub}, "\x00")))
	return hex.EncodeToString(sum[:])
}

func (c *Cloud) sign(claims consumerClaims, kind jose.ContentType) (string, error) {
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: c.key, KeyID: keyID}},
		(&jose.SignerOptions{}).WithHeader(jose.HeaderType, string(kind)),
	)
	if err != nil {
		return "", fmt.Errorf("sign consumer token: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign consumer token: %w", err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign consumer token: %w", err)
	}
	return signed.CompactSerialize() //nolint:wrapcheck // says all there is
}

// encrypt seals a value for the cloud alone.
func (c *Cloud) encrypt(value any) (string, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("encrypt lp_sdes: %w", err)
	}
	block, err := aes.NewCipher(c.seal)
	if err != nil {
		return "", fmt.Errorf("encrypt lp_sdes: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return "", fmt.Errorf("encrypt lp_sdes: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := io.ReadFull(c.opts.Rand, nonce); err != nil {
		return "", fmt.Errorf("encrypt lp_sdes: %w", err)
	}
	return hex.EncodeToString(aead.Seal(nonce, nonce, plain, nil)), nil
}
