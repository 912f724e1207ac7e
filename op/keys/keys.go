// Package keys owns signing keys: how they are made, sealed, held in memory and
// published. It signs what it is given and decides nothing about what a token
// says. A private key leaves it only sealed.
//
// Each Conversational Cloud client has keys of its own; all other clients share
// the provider's. So no token made for somebody else verifies with the key that
// a connector holds.
package keys

import (
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// The states of a key's life.
const (
	Created   = "created"   // made, known to nobody outside
	Published = "published" // in the JWKS, not signing yet
	Active    = "active"    // signing
	Retired   = "retired"   // published for the sake of tokens that it signed
)

// RS256 is RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 3.3), the one algorithm that
// Conversational Cloud documents.
const RS256 = "RS256"

// TypeJWT is the typ of ID tokens.
const TypeJWT = "JWT"

// rsaBits is the size of the keys that are made here.
const rsaBits = 2048

// Generate makes an RSA-2048 key in state active, sealed for its row. The caller
// sets ClientID, 0 standing for the provider, and stores it.
func Generate(keyring *seal.Keyring, rand io.Reader) (*storage.SigningKey, error) {
	private, err := rsa.GenerateKey(rand, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	public := jose.JSONWebKey{Key: private.Public(), Algorithm: RS256, Use: "sig"}
	thumbprint, err := public.Thumbprint(crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: thumbprint: %w", err)
	}
	public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	document, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	sealed, err := keyring.Seal(seal.SigningKeys, der, "signing_keys", public.KeyID)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	return &storage.SigningKey{Kid: public.KeyID, Alg: RS256, State: Active, PublicJWK: document, PrivateSealed: sealed}, nil
}

// open unseals the private half.
func open(keyring *seal.Keyring, row *storage.SigningKey) (crypto.Signer, error) {
	der, err := keyring.Open(seal.SigningKeys, row.PrivateSealed, "signing_keys", row.Kid)
	if err != nil {
		return nil, fmt.Errorf("open signing key %s: %w", row.Kid, err)
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("open signing key %s: %w", row.Kid, err)
	}
	signer, ok := private.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("open signing key %s: a %T cannot sign", row.Kid, private)
	}
	return signer, nil
}
