package standin

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"fmt"
	"io"
)

// sealKeySize is the size of an AES-256 key in bytes.
const sealKeySize = 32

// What is sealed, so that one thing is never taken for another.
const (
	sealedSDEs     = "lp_sdes"
	sealedVerifier = "code_verifier"
)

func (c *Cloud) aead() (cipher.AEAD, error) {
	block, err := aes.NewCipher(c.seal)
	if err != nil {
		return nil, fmt.Errorf("make a cipher: %w", err)
	}
	return cipher.NewGCM(block) //nolint:wrapcheck // says all there is
}

// sealed encrypts for the cloud alone. What is sealed for one purpose does not
// open for another.
func (c *Cloud) sealed(purpose string, plain []byte) ([]byte, error) {
	aead, err := c.aead()
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	nonce := make([]byte, aead.NonceSize())
	if _, err := io.ReadFull(c.opts.Rand, nonce); err != nil {
		return nil, fmt.Errorf("seal %s: %w", purpose, err)
	}
	return aead.Seal(nonce, nonce, plain, []byte(purpose)), nil
}

// opened decrypts what sealed has made.
func (c *Cloud) opened(purpose string, sealed []byte) ([]byte, error) {
	aead, err := c.aead()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", purpose, err)
	}
	if len(sealed) < aead.NonceSize() {
		return nil, errors.New("it is too short to be sealed here")
	}
	plain, err := aead.Open(nil, sealed[:aead.NonceSize()], sealed[aead.NonceSize():], []byte(purpose))
	if err != nil {
		return nil, errors.New("it was not sealed here")
	}
	return plain, nil
}
