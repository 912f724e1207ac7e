// Package keys owns signing keys: how they are made, sealed, held in memory and
// published. It signs what it is given and decides nothing about what a token
// says. A private key leaves it only sealed, or never comes here (package pkcs11).
//
// Each Conversational Cloud client has keys of its own; all other clients share
// the provider's. So no token made for somebody else verifies with the key that
// a connector holds.
package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
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
	Deleted   = "deleted"   // a tombstone: the private half is gone
)

// The algorithms of signatures (RFC 7518 3.1, RFC 8037 3.1). RS256 is the one that
// Conversational Cloud documents, and that every relying party of OpenID Connect
// knows.
const (
	RS256 = "RS256" // RSASSA-PKCS1-v1_5 with SHA-256
	PS256 = "PS256" // RSASSA-PSS with SHA-256
	ES256 = "ES256" // ECDSA on P-256 with SHA-256
	EdDSA = "EdDSA" // with Ed25519
)

// Algs are all of them: what ID tokens may be signed by, and what clients may sign
// with.
var Algs = []string{RS256, PS256, ES256, EdDSA}

// TypeJWT is the typ of ID tokens.
const TypeJWT = "JWT"

// rsaBits is the size of the keys that are made here.
const rsaBits = 2048

// Generate makes a key for one of Algs in state active, sealed for its row: RSA of
// 2048 bits, P-256 or Ed25519. The caller sets ClientID, 0 standing for the
// provider, and stores it.
func Generate(keyring *seal.Keyring, rand io.Reader, alg string) (*storage.SigningKey, error) {
	private, err := generate(rand, alg)
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	row, err := newRow(private.Public(), alg, "")
	if err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	if err := sealPrivate(keyring, row, private); err != nil {
		return nil, fmt.Errorf("generate signing key: %w", err)
	}
	return row, nil
}

// newRow is the row of a key in state active, its private half apart. kid is "" for
// the thumbprint of RFC 7638.
func newRow(key crypto.PublicKey, alg, kid string) (*storage.SigningKey, error) {
	public := jose.JSONWebKey{Key: key, Algorithm: alg, Use: "sig", KeyID: kid}
	if kid == "" {
		thumbprint, err := public.Thumbprint(crypto.SHA256)
		if err != nil {
			return nil, fmt.Errorf("thumbprint: %w", err)
		}
		public.KeyID = base64.RawURLEncoding.EncodeToString(thumbprint)
	}
	document, err := json.Marshal(public)
	if err != nil {
		return nil, fmt.Errorf("write public key: %w", err)
	}
	return &storage.SigningKey{Kid: public.KeyID, Alg: alg, State: Active, PublicJWK: document}, nil
}

// sealPrivate puts the private half into a row, sealed.
func sealPrivate(keyring *seal.Keyring, row *storage.SigningKey, private crypto.Signer) error {
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return fmt.Errorf("write private key: %w", err)
	}
	row.PrivateSealed, err = keyring.Seal(seal.SigningKeys, der, "signing_keys", row.Kid)
	return err
}

func generate(rand io.Reader, alg string) (crypto.Signer, error) {
	switch alg {
	case RS256, PS256:
		return rsa.GenerateKey(rand, rsaBits) //nolint:wrapcheck // Generate wraps it
	case ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand) //nolint:wrapcheck // as above
	case EdDSA:
		_, private, err := ed25519.GenerateKey(rand)
		return private, err //nolint:wrapcheck // as above
	default:
		return nil, fmt.Errorf("%q is not signed here", alg)
	}
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
