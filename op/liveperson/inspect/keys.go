package inspect

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Keys are what a connector verifies tokens with: the one public key that is
// pasted into its form, or the keys of its JWKS endpoint.
type Keys struct {
	set  bool // chosen by kid
	keys []key
}

// key is one public key.
type key struct {
	kid, use, alg string

	public *rsa.PublicKey
	fault  string // why it cannot be used, if it cannot
}

func (k *key) describe() string { return fmt.Sprintf("RSA of %d bits", k.public.N.BitLen()) }

var errPrivate = errors.New("this is a private key: give the public one, and keep this to yourself")

// ParseKeys reads a public key in any form in which it is handed on: PEM (public
// key or certificate), the one line that is pasted into the connector's form, a
// JWK, or a key set (RFC 7517). A private key is refused.
func ParseKeys(data []byte) (*Keys, error) {
	data = bytes.TrimSpace(data)
	switch {
	case len(data) == 0:
		return nil, errors.New("the key is empty")
	case data[0] == '{':
		return parseJWK(data)
	case bytes.HasPrefix(data, []byte("-----BEGIN ")):
		return parsePEM(data)
	default:
		return parseOneLine(string(data))
	}
}

// jwk are the members of an RSA key (RFC 7518 6.3), of which a public one has no
// D.
type jwk struct {
	Kty string `json:"kty"`
	Kid string `json:"kid"`
	Use string `json:"use"`
	Alg string `json:"alg"`
	N   string `json:"n"`
	E   string `json:"e"`
	D   string `json:"d"`
	K   string `json:"k"`
}

func parseJWK(data []byte) (*Keys, error) {
	var document struct {
		Keys *[]jwk `json:"keys"`
		jwk
	}
	if err := json.Unmarshal(data, &document); err != nil {
		return nil, errors.New("the key begins as JSON, and is neither a JWK nor a key set")
	}
	keys := &Keys{set: document.Keys != nil}
	all := []jwk{document.jwk}
	if keys.set {
		all = *document.Keys
	}
	for _, one := range all {
		if one.D != "" || one.K != "" {
			return nil, errPrivate
		}
		keys.keys = append(keys.keys, one.key())
	}
	if len(keys.keys) == 0 {
		return nil, errors.New("the key set is empty")
	}
	return keys, nil
}

// maxExponent is the largest exponent that crypto/rsa verifies with.
const maxExponent = 1<<31 - 1

func (j jwk) key() key {
	k := key{kid: j.Kid, use: j.Use, alg: j.Alg}
	if j.Kty != "RSA" {
		k.fault = "kty of the key is " + quoted(j.Kty) + ", and must be RSA"
		return k
	}
	n, errN := base64.RawURLEncoding.DecodeString(j.N)
	e, errE := base64.RawURLEncoding.DecodeString(j.E)
	exponent := new(big.Int).SetBytes(e)
	switch {
	case errN != nil && strings.ContainsAny(j.N, "+/="):
		k.fault = "n of the key is plain base64, and must be base64url without padding (RFC 7518 6.3.1.1)"
	case errN != nil || len(n) == 0:
		k.fault = "n of the key is not base64url (RFC 7518 6.3.1.1)"
	case errE != nil || len(e) == 0 || !exponent.IsInt64() || exponent.Int64() > maxExponent:
		k.fault = "e of the key is not the base64url of an exponent (RFC 7518 6.3.1.2)"
	default:
		k.public = &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}
	}
	return k
}

func parsePEM(data []byte) (*Keys, error) {
	block, rest := pem.Decode(data)
	if block == nil {
		return nil, errors.New("the key begins as PEM, and does not go on so")
	}
	if len(bytes.TrimSpace(rest)) > 0 {
		return nil, errors.New("the file holds more than one key: a connector has one, or a key set")
	}
	if strings.Contains(block.Type, "PRIVATE") {
		return nil, errPrivate
	}
	if block.Type == "RSA PUBLIC KEY" {
		return nil, errors.New("this is a PKCS #1 key: Conversational Cloud wants an X.509 one, BEGIN PUBLIC KEY; " +
			"openssl rsa -RSAPublicKey_in -pubout makes it")
	}
	return parseDER(block.Bytes)
}

func parseOneLine(line string) (*Keys, error) {
	if strings.ContainsAny(line, "\r\n") {
		return nil, errors.New("the key is spread over several lines: Conversational Cloud wants base64 in one line")
	}
	der, err := base64.StdEncoding.Strict().DecodeString(line)
	if err != nil {
		return nil, errors.New("this is no key: it must be PEM, base64 in one line, a JWK or a key set")
	}
	return parseDER(der)
}

// parseDER reads an X.509 public key or the certificate of one.
func parseDER(der []byte) (*Keys, error) {
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		certificate, notCertificate := x509.ParseCertificate(der)
		if notCertificate != nil {
			return nil, errors.New("the key is not an X.509 public key (SubjectPublicKeyInfo)")
		}
		public = certificate.PublicKey
	}
	k := key{fault: "the key is not an RSA key"}
	if ours, isRSA := public.(*rsa.PublicKey); isRSA {
		k = key{public: ours}
	}
	return &Keys{keys: []key{k}}, nil
}
