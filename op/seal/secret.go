package seal

import (
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20poly1305"
)

// secretID stands, in what a secret has sealed, where a data key's id would.
const secretID = -1

// WithSecret seals plaintext for a purpose under a key derived from a secret, bound to
// the given strings. The secret must be of at least 256 random bits, such as a
// code or token that is kept here as its hash alone: then whoever reads the
// database, master key included, cannot open what lies there.
func WithSecret(rand io.Reader, secret, purpose string, plaintext []byte, boundTo ...string) ([]byte, error) {
	key, err := secretKey(secret, purpose)
	if err != nil {
		return nil, fmt.Errorf("seal with secret: %w", err)
	}
	return key.seal(rand, plaintext, associatedData(purpose, boundTo))
}

// OpenWithSecret opens what WithSecret has sealed with the same secret, purpose
// and strings, or gives ErrSealed.
func OpenWithSecret(secret, purpose string, sealed []byte, boundTo ...string) ([]byte, error) {
	if len(sealed) < minSealed || sealed[0] != version || int64(binary.BigEndian.Uint64(sealed[1:])) != secretID { //nolint:gosec // compared alone
		return nil, ErrSealed
	}
	key, err := secretKey(secret, purpose)
	if err != nil {
		return nil, fmt.Errorf("open with secret: %w", err)
	}
	return key.open(sealed, associatedData(purpose, boundTo))
}

func secretKey(secret, purpose string) (*dataKey, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "idp secret "+purpose, chacha20poly1305.KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	return newDataKey(secretID, key)
}
