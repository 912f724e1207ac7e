package keys

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
)

// Signer signs with one key by one algorithm. It is safe for concurrent use.
type Signer struct {
	kid, alg string
	header   []byte // of an ID token, with the dot behind it
	size     int    // of a signature, in bytes
	by       string // who computes it
	inToken  bool
	sign     func(token []byte) ([]byte, error)
}

// es256Size is the size of one half of an ES256 signature (RFC 7518 3.4), in bytes.
const es256Size = 32

// newSigner prepares a key. One that the algorithm is not for is an error.
func newSigner(kid, alg string, key crypto.Signer, by string) (*Signer, error) {
	size, err := signatureSize(alg, key.Public())
	if err != nil {
		return nil, err
	}
	header, err := headerOf(kid, alg, TypeJWT)
	if err != nil {
		return nil, err
	}
	s := &Signer{kid: kid, alg: alg, header: header, size: size, by: by}
	switch key.(type) {
	case tokenKey, absentKey:
		s.inToken = true
	}
	switch alg {
	case RS256: // PKCS #1 v1.5 takes no randomness
		s.sign = func(token []byte) ([]byte, error) { return key.Sign(nil, digestOf(token), crypto.SHA256) }
	case PS256:
		options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		s.sign = func(token []byte) ([]byte, error) { return key.Sign(rand.Reader, digestOf(token), options) }
	case ES256:
		s.sign = func(token []byte) ([]byte, error) { return signES256(key, token) }
	case EdDSA: // takes no randomness, and no digest (RFC 8037 3.1)
		s.sign = func(token []byte) ([]byte, error) { return key.Sign(nil, token, crypto.Hash(0)) }
	}
	return s, nil
}

func digestOf(token []byte) []byte {
	digest := sha256.Sum256(token)
	return digest[:]
}

// signES256 gives both halves of the signature at their full length, as JWS wants
// them.
func signES256(key crypto.Signer, token []byte) ([]byte, error) {
	encoded, err := key.Sign(rand.Reader, digestOf(token), crypto.SHA256)
	if err != nil {
		return nil, err //nolint:wrapcheck // compact wraps it
	}
	var halves struct{ R, S *big.Int }
	if rest, err := asn1.Unmarshal(encoded, &halves); err != nil || len(rest) > 0 {
		return nil, fmt.Errorf("the signature of a %T is not one", key)
	}
	signature := make([]byte, 2*es256Size)
	halves.R.FillBytes(signature[:es256Size])
	halves.S.FillBytes(signature[es256Size:])
	return signature, nil
}

// signatureSize is the size of a signature in bytes, or an error if the algorithm
// is not for the key.
func signatureSize(alg string, public crypto.PublicKey) (int, error) {
	switch public := public.(type) {
	case *rsa.PublicKey:
		if alg == RS256 || alg == PS256 {
			return public.Size(), nil
		}
	case *ecdsa.PublicKey:
		if alg == ES256 && public.Curve == elliptic.P256() {
			return 2 * es256Size, nil
		}
	case ed25519.PublicKey:
		if alg == EdDSA {
			return ed25519.SignatureSize, nil
		}
	}
	return 0, fmt.Errorf("%q is not signed with a %T here", alg, public)
}

// headerOf is the encoded header of a token that a key signs, with the dot behind
// it.
func headerOf(kid, alg, typ string) ([]byte, error) {
	header, err := json.Marshal(struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}{alg, kid, typ})
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return append(base64.RawURLEncoding.AppendEncode(nil, header), '.'), nil
}

// By is who computes the signatures, such as Go or OpenSSL with its version.
func (s *Signer) By() string { return s.by }

// MayFail tells of a key that lies in a token, which may be away when it is to sign:
// Sign then gives ErrUnavailable.
func (s *Signer) MayFail() bool { return s.inToken }

// Kid is the id that the header of each signature names.
func (s *Signer) Kid() string { return s.kid }

// Sign gives the compact JWS of payload (RFC 7515 7.1), typ "JWT" in its header.
// Every sign-in waits for it, so nothing is made here that was known before.
func (s *Signer) Sign(payload []byte) (string, error) { return s.compact(s.header, payload) }

// SignAs is Sign with a typ of its own, which tells the token from an ID token
// (RFC 8725 3.11).
func (s *Signer) SignAs(typ string, payload []byte) (string, error) {
	header, err := headerOf(s.kid, s.alg, typ)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return s.compact(header, payload)
}

func (s *Signer) compact(header, payload []byte) (string, error) {
	encoding := base64.RawURLEncoding
	token := make([]byte, 0, len(header)+encoding.EncodedLen(len(payload))+1+encoding.EncodedLen(s.size))
	token = encoding.AppendEncode(append(token, header...), payload)
	signature, err := s.sign(token)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return string(encoding.AppendEncode(append(token, '.'), signature)), nil
}

// HalfHash is the value of at_hash and c_hash in a token that is signed by an
// algorithm: half of the hash that belongs to it (OpenID Connect Core 3.1.3.6,
// 3.3.2.11), for EdDSA with Ed25519 that of the signature itself, SHA-512.
func HalfHash(alg, value string) string {
	if alg == EdDSA {
		sum := sha512.Sum512([]byte(value))
		return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
	}
	sum := sha256.Sum256([]byte(value))
	return base64.RawURLEncoding.EncodeToString(sum[:len(sum)/2])
}
