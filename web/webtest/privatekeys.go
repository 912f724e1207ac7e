package webtest

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// PrivateKey looks for a private key, or for several at once, in whatever they must
// not be in.
type PrivateKey struct {
	// forms are what a key is known by, by their first two bytes.
	forms map[uint16][][]byte
	// begins tells whether there is any that begins so.
	begins [1 << 16]bool
}

// sampleSize is how many bytes in the middle of a secret number stand for it. They are
// in every encoding of the number, and in PKCS #8 and JWK.
const sampleSize = 20

// NewPrivateKey reads a key in PKCS #8, DER.
func NewPrivateKey(der []byte) (*PrivateKey, error) {
	k := &PrivateKey{forms: map[uint16][][]byte{}}
	if err := k.add(der); err != nil {
		return nil, err
	}
	return k, nil
}

// add looks for one more.
func (k *PrivateKey) add(der []byte) error {
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return fmt.Errorf("read a private key: %w", err)
	}
	var secrets [][]byte
	switch private := private.(type) {
	case *rsa.PrivateKey:
		secrets = [][]byte{private.D.Bytes(), private.Primes[0].Bytes(), private.Primes[1].Bytes()}
	case *ecdsa.PrivateKey:
		secret, err := private.Bytes()
		if err != nil {
			return fmt.Errorf("read a private key: %w", err)
		}
		secrets = [][]byte{secret}
	case ed25519.PrivateKey:
		secrets = [][]byte{private.Seed()}
	}
	for _, secret := range secrets {
		sample := secret[len(secret)/2-sampleSize/2:][:sampleSize]
		k.addForm(sample)
		k.addForm([]byte(hex.EncodeToString(sample)))
		k.addForm([]byte(strings.ToUpper(hex.EncodeToString(sample))))
		for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			for offset := range 3 { // where a group of three bytes begins
				groups := sample[offset:]
				k.addForm([]byte(encoding.EncodeToString(groups[:len(groups)/3*3])))
			}
		}
	}
	return nil
}

func (k *PrivateKey) addForm(form []byte) {
	begin := binary.BigEndian.Uint16(form)
	k.begins[begin], k.forms[begin] = true, append(k.forms[begin], form)
}

// In tells whether the key is in a text: raw, or in hexadecimal or base64, on one line
// or on several.
func (k *PrivateKey) In(text []byte) bool {
	return k.in(text) || k.in(bytes.ReplaceAll(bytes.ReplaceAll(text, []byte(`\n`), nil), []byte("\n"), nil))
}

// in looks at each byte once. Every answer of every test goes through here, which the
// race detector would make several times as slow; callers hold what it reads.
//
//go:norace
func (k *PrivateKey) in(text []byte) bool {
	var begin uint16
	for i, b := range text {
		if begin = begin<<8 | uint16(b); i == 0 || !k.begins[begin] {
			continue
		}
		for _, form := range k.forms[begin] {
			if bytes.HasPrefix(text[i-1:], form) {
				return true
			}
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
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.private.In(text)
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
