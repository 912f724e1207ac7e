package webtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// PrivateKey looks for a private key in whatever it must not be in.
type PrivateKey struct{ forms [][]byte }

// sampleSize is how many bytes in the middle of a secret number stand for it. They are
// in every encoding of the number, and in PKCS #8 and JWK.
const sampleSize = 20

// NewPrivateKey reads a key in PKCS #8, DER.
func NewPrivateKey(der []byte) (*PrivateKey, error) {
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("read a private key: %w", err)
	}
	var secrets [][]byte
	switch private := private.(type) {
	case *rsa.PrivateKey:
		secrets = [][]byte{private.D.Bytes(), private.Primes[0].Bytes(), private.Primes[1].Bytes()}
	case *ecdsa.PrivateKey:
		secret, err := private.Bytes()
		if err != nil {
			return nil, fmt.Errorf("read a private key: %w", err)
		}
		secrets = [][]byte{secret}
	case ed25519.PrivateKey:
		secrets = [][]byte{private.Seed()}
	}
	k := &PrivateKey{}
	for _, secret := range secrets {
		sample := secret[len(secret)/2-sampleSize/2:][:sampleSize]
		k.forms = append(k.forms, sample, []byte(hex.EncodeToString(sample)), []byte(strings.ToUpper(hex.EncodeToString(sample))))
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for offset := range 3 { // where a group of three bytes begins
				groups := sample[offset:]
				k.forms = append(k.forms, []byte(encoding.EncodeToString(groups[:len(groups)/3*3])))
			}
		}
	}
	return k, nil
}

// In tells whether the key is in a text: raw, or in hexadecimal or base64, on one line
// or on several.
func (k *PrivateKey) In(text []byte) bool {
	unbroken := bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(`\n`), nil), []byte("\n"), nil)
	for _, form := range k.forms {
		if bytes.Contains(text, form) || bytes.Contains(unbroken, form) {
			return true
		}
	}
	return false
}

// watch has a test fail if an answer holds a private key of the tests.
func (p *Provider) watch(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &seenWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		var header bytes.Buffer
		_ = w.Header().Write(&header) // never fails
		if p.seeded.leaked(header.Bytes()) || p.seeded.leaked(seen.body.Bytes()) {
			p.tb.Errorf("%s %s is answered with a private key", r.Method, r.URL.Path)
		}
	})
}

// leaked tells whether a private key of the tests is in a text.
func (s *seed) leaked(text []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range s.private {
		if key.In(text) {
			return true
		}
	}
	return false
}

// seenWriter keeps what is written.
type seenWriter struct {
	http.ResponseWriter

	body bytes.Buffer
}

// Write writes and keeps.
func (w *seenWriter) Write(text []byte) (int, error) {
	_, _ = w.body.Write(text)           // never fails
	return w.ResponseWriter.Write(text) //nolint:wrapcheck // it is the other's
}

// Unwrap leads http.ResponseController to the writer behind.
func (w *seenWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
