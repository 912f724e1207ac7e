package standin

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keyID is the kid of consumer tokens; the published example has this one.
const keyID = "00001"

// consumerType is the typ of consumer tokens.
const consumerType = "JWT"

// consumerClaims are those of the cloud's own consumer token.
type consumerClaims struct {
	Subject  string    `json:"sub"`
	Audience string    `json:"aud"` // acc:{account}
	Issuer   string    `json:"iss"`
	Expires  int64     `json:"exp"` // as the brand's token
	IssuedAt int64     `json:"iat"` // as the brand's token
	ACR      string    `json:"acr,omitempty"`
	Began    int64     `json:"first_iat,omitempty"` // of an anonymous consumer's first token
	ID       string    `json:"jti,omitempty"`
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
func (c *Cloud) admit(attempt *Conversation) error {
	token := attempt.Token
	issuer, sub := token.text("iss"), token.text("sub")
	consumer := consumerOf(token, attempt.Connector.PhoneNumber)
	consumer.ID = c.consumerID(issuer, sub)
	issued, _ := seconds(token.claims["iat"])
	expires, _ := seconds(token.claims["exp"])
	claims := consumerClaims{
		Subject: consumer.ID, Audience: "acc:" + c.opts.AccountID, Issuer: c.opts.Address, Expires: expires, IssuedAt: issued,
		External: &external{Subject: sub, Issuer: issuer},
	}
	if sdes, there := token.claims["lp_sdes"]; there {
		plain, err := json.Marshal(sdes)
		if err != nil {
			return fmt.Errorf("seal lp_sdes: %w", err)
		}
		sealed, err := c.sealed(sealedSDEs, plain)
		if err != nil {
			return err
		}
		claims.External.SDEs = hex.EncodeToString(sealed)
	}
	signed, err := c.sign(claims, consumerType)
	if err != nil {
		return err
	}
	attempt.Consumer, attempt.ConsumerToken, attempt.Expires = consumer, signed, time.Unix(expires, 0)
	return nil
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
