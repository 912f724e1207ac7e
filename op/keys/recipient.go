package keys

import (
	"bytes"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/liveperson"
)

// Recipient is the public key of a relying party that ID tokens are encrypted
// for. It is immutable.
type Recipient struct {
	// Kid names the key in the header of a token, "" for none.
	Kid string
	// NotAfter is the end of the key's certificate; zero if it came without one.
	NotAfter time.Time

	key *rsa.PublicKey
	der []byte // the certificate, or else the SubjectPublicKeyInfo
}

// Sizes of a recipient's key, in bits. Larger ones only make tokens longer.
const (
	minRecipientBits = 2048
	maxRecipientBits = 8192
)

// endsSoon is how long before the end of a certificate it is warned of.
const endsSoon = 30 * 24 * time.Hour

const (
	ruleOneForm = "must have one of pem, certificate, base64 and jwk, and no second one"
	ruleKey     = "must be a public key (SubjectPublicKeyInfo) or an X.509 certificate"
	rulePublic  = "must be the relying party's public key; this is a private key, which only the relying party may have"
	ruleRSA     = "must be an RSA key of 2048 to 8192 bits"
)

var kidPattern = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// ReadRecipient reads and checks a recipient's key. An error is of type
// liveperson.FieldError; its field is below k, "" for k as a whole.
func ReadRecipient(k *liveperson.EncryptionKey) (*Recipient, error) {
	r, err := readForm(k)
	if err != nil {
		return nil, err
	}
	if k.Kid != "" {
		if r.Kid != "" && r.Kid != k.Kid {
			return nil, liveperson.FieldError{Field: "kid", Rule: "must be the kid of jwk, or be left out"}
		}
		r.Kid = k.Kid
	}
	if r.Kid != "" && !kidPattern.MatchString(r.Kid) {
		return nil, liveperson.FieldError{Field: "kid", Rule: "must be 1 to 255 visible ASCII characters"}
	}
	return r, nil
}

// readForm reads the one form that is given.
func readForm(k *liveperson.EncryptionKey) (*Recipient, error) {
	var (
		field, rule string
		r           *Recipient
		forms       int
	)
	for _, form := range []struct {
		name  string
		given bool
		read  func() (*Recipient, string)
	}{
		{"pem", k.PEM != "", func() (*Recipient, string) { return readPEM(k.PEM) }},
		{"certificate", k.Certificate != "", func() (*Recipient, string) { return readCertificate(k.Certificate) }},
		{"base64", k.Base64 != "", func() (*Recipient, string) { return readBase64(k.Base64) }},
		{"jwk", k.JWK != nil, func() (*Recipient, string) { return readJWK(k.JWK) }},
	} {
		if form.given {
			forms++
			field = form.name
			r, rule = form.read()
		}
	}
	switch {
	case forms != 1:
		return nil, liveperson.FieldError{Rule: ruleOneForm}
	case rule != "":
		return nil, liveperson.FieldError{Field: field, Rule: rule}
	}
	return r, nil
}

// The readers below give a key, or the rule that it breaks.

func readPEM(text string) (*Recipient, string) {
	block, rest := pem.Decode([]byte(strings.TrimSpace(text)))
	switch {
	case block == nil:
		return nil, "must be PEM, from a line of -----BEGIN to one of -----END"
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, "must be one PEM block: the key or its own certificate, without those of the issuers"
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, rulePublic
	case block.Type != "PUBLIC KEY" && block.Type != "CERTIFICATE":
		return nil, "must be a PEM block PUBLIC KEY or CERTIFICATE"
	}
	return readDER(block.Bytes)
}

func readCertificate(text string) (*Recipient, string) {
	read := readBase64
	if strings.HasPrefix(strings.TrimSpace(text), "-----") {
		read = readPEM
	}
	r, rule := read(text)
	if rule == "" && r.NotAfter.IsZero() {
		return nil, "must be an X.509 certificate; a key alone belongs into pem or base64"
	}
	return r, rule
}

func readBase64(text string) (*Recipient, string) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, "must be base64, without BEGIN and END"
	}
	return readDER(der)
}

// readDER reads a SubjectPublicKeyInfo (RFC 5280 4.1) or a certificate.
func readDER(der []byte) (*Recipient, string) {
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		return newRecipient(key, der)
	}
	if certificate, err := x509.ParseCertificate(der); err == nil {
		return ofCertificate(certificate)
	}
	if _, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return nil, rulePublic
	}
	if _, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return nil, rulePublic
	}
	return nil, ruleKey
}

func ofCertificate(certificate *x509.Certificate) (*Recipient, string) {
	r, rule := newRecipient(certificate.PublicKey, certificate.Raw)
	if rule == "" {
		r.NotAfter = certificate.NotAfter
	}
	return r, rule
}

func newRecipient(key any, der []byte) (*Recipient, string) {
	public, isRSA := key.(*rsa.PublicKey)
	if !isRSA || public.N.BitLen() < minRecipientBits || public.N.BitLen() > maxRecipientBits {
		return nil, ruleRSA
	}
	if public.N.Bit(0) == 0 || public.E < 3 || public.E%2 == 0 || public.E >= 1<<31 {
		return nil, ruleRSA + ", with an odd modulus and an odd exponent from 3 to 2^31-1"
	}
	return &Recipient{key: public, der: der}, ""
}

// readJWK reads a JSON Web Key. What it says of its use has to fit
// (RFC 7517 4.2 to 4.4).
func readJWK(member *liveperson.JWK) (*Recipient, string) {
	switch {
	case member.Kty != "RSA" || member.N == "" || member.E == "":
		return nil, "must have kty RSA, n and e"
	case member.Use != "" && member.Use != "enc":
		return nil, "must have use enc, or none"
	case member.Alg != "" && member.Alg != liveperson.KeyEncryption:
		return nil, "must have alg " + liveperson.KeyEncryption + ", or none"
	case len(member.KeyOps) > 0 && !slices.Contains(member.KeyOps, "wrapKey") && !slices.Contains(member.KeyOps, "encrypt"):
		return nil, "must have wrapKey or encrypt among key_ops, or none"
	}
	document, err := json.Marshal(member)
	if err != nil {
		return nil, ruleKey
	}
	var jwk jose.JSONWebKey
	if json.Unmarshal(document, &jwk) != nil {
		return nil, "must be an RSA public key by RFC 7517, with n and e in base64url, and x5c, if any, of the same key"
	}
	var (
		r    *Recipient
		rule string
	)
	if len(jwk.Certificates) > 0 {
		r, rule = ofCertificate(jwk.Certificates[0])
	} else {
		der, err := x509.MarshalPKIXPublicKey(jwk.Key)
		if err != nil {
			return nil, ruleRSA
		}
		r, rule = newRecipient(jwk.Key, der)
	}
	if rule == "" {
		r.Kid = member.Kid
	}
	return r, rule
}

// Stored is the key in the one form that it is kept in, certificate and all.
func (r *Recipient) Stored() *liveperson.EncryptionKey {
	return &liveperson.EncryptionKey{Base64: base64.StdEncoding.EncodeToString(r.der), Kid: r.Kid}
}

// Bits is the size of the key.
func (r *Recipient) Bits() int { return r.key.N.BitLen() }

// Fingerprint is the SHA-256 of the certificate's DER, or of the
// SubjectPublicKeyInfo if there is none, in hexadecimal.
func (r *Recipient) Fingerprint() string {
	sum := sha256.Sum256(r.der)
	return hex.EncodeToString(sum[:])
}

// EndsSoon tells that the certificate has ended, or will within 30 days.
func (r *Recipient) EndsSoon(now time.Time) bool {
	return !r.NotAfter.IsZero() && now.Add(endsSoon).After(r.NotAfter)
}

// Warnings are sentences about what works less well with this key than it could.
func (r *Recipient) Warnings(now time.Time) []string {
	var warnings []string
	if r.Kid == "" {
		warnings = append(warnings,
			"conversational_cloud.encryption_key has no kid: Conversational Cloud needs the one that LivePerson gave if the connector has a JWKS endpoint")
	}
	if r.EndsSoon(now) {
		ends := "ends"
		if now.After(r.NotAfter) {
			ends = "ended"
		}
		warnings = append(warnings, fmt.Sprintf(
			"the certificate of conversational_cloud.encryption_key %s on %s: get the next one from LivePerson and apply it",
			ends, r.NotAfter.UTC().Format(time.DateOnly)))
	}
	return warnings
}
