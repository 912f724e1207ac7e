package keys

import (
	"bytes"
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// MaxPrivateBytes bounds what ReadPrivate reads: a key with the certificates of a
// PKCS #12 file.
const MaxPrivateBytes = 64 << 10

// What is wrong with a key that was made elsewhere. None of it quotes the file, which
// holds a secret.
var (
	errNoKeyForm   = errors.New("must be a private key: PEM or DER (PKCS #1, PKCS #8, SEC 1), PKCS #12, or a JWK")
	errPublicAlone = errors.New("must hold the private key: this is the public half alone")
	errLegacyPEM   = errors.New("must not be encrypted as PEM by itself, which is weak: openssl pkcs8 -topk8 -in OLD -out NEW makes an encrypted PKCS #8 of it")
	errCipher      = errors.New("is encrypted in a way that is not known here: openssl pkcs8 -topk8 -in OLD -out NEW makes an encrypted PKCS #8 of it")
	errPassword    = errors.New("does not open with this password, or is damaged")
	errWeakRSA     = errors.New(ruleRSA)
)

// ErrOtherAlg means that a key is not one for an algorithm.
var ErrOtherAlg = errors.New("must be a key for")

// PrivateKey is a private key that was made elsewhere. Its value is never printed.
type PrivateKey struct {
	// Kid and Alg are those of a JWK, "" for none.
	Kid, Alg string

	key crypto.Signer
}

// ReadPrivate reads a private key in whichever form it comes: PEM or DER of PKCS #1,
// PKCS #8, encrypted PKCS #8 or SEC 1, PKCS #12, or a JWK (RFC 7517). password is
// asked for once, if the form needs one.
func ReadPrivate(data []byte, password func() (string, error)) (*PrivateKey, error) {
	read := func() (*PrivateKey, error) { return ofDER(data, password) }
	switch trimmed := bytes.TrimSpace(data); {
	case bytes.HasPrefix(trimmed, []byte("{")):
		read = func() (*PrivateKey, error) { return ofJWK(trimmed) }
	case bytes.Contains(data, []byte("-----BEGIN ")):
		read = func() (*PrivateKey, error) { return ofPEM(data, password) }
	}
	k, err := read()
	if err != nil {
		return nil, err
	}
	if private, isRSA := k.key.(*rsa.PrivateKey); isRSA {
		if bits := private.N.BitLen(); bits < minRecipientBits || bits > maxRecipientBits {
			return nil, errWeakRSA
		}
	}
	return k, nil
}

// ofPEM reads the first private key among blocks; certificates and parameters of a
// curve may stand beside it.
func ofPEM(data []byte, password func() (string, error)) (*PrivateKey, error) {
	public := false
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			break
		}
		switch block.Type {
		case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
			if block.Headers["DEK-Info"] != "" {
				return nil, errLegacyPEM
			}
			return ofDER(block.Bytes, password)
		case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
			public = true
		}
	}
	if public {
		return nil, errPublicAlone
	}
	return nil, errNoKeyForm
}

// ofDER tells the forms of DER apart.
func ofDER(der []byte, password func() (string, error)) (*PrivateKey, error) {
	for _, parse := range []func([]byte) (any, error){
		x509.ParsePKCS8PrivateKey,
		func(der []byte) (any, error) { return x509.ParsePKCS1PrivateKey(der) },
		func(der []byte) (any, error) { return x509.ParseECPrivateKey(der) },
	} {
		if key, err := parse(der); err == nil {
			return ofKey(key)
		}
	}
	if _, err := x509.ParsePKIXPublicKey(der); err == nil {
		return nil, errPublicAlone
	}
	if _, err := x509.ParseCertificate(der); err == nil {
		return nil, errPublicAlone
	}
	var open func(password string) (any, error)
	switch first := firstMember(der); {
	case first.Tag == asn1.TagInteger && bytes.Equal(first.Bytes, []byte{3}): // PFX (RFC 7292 4)
		open = func(password string) (any, error) {
			key, _, _, err := pkcs12.DecodeChain(der, password)
			return key, err //nolint:wrapcheck // told apart alone, it may quote the file
		}
	case first.Tag == asn1.TagSequence: // EncryptedPrivateKeyInfo (RFC 5958 3)
		open = func(password string) (any, error) { return pkcs8.ParsePKCS8PrivateKey(der, []byte(password)) }
	default:
		return nil, errNoKeyForm
	}
	typed, err := password()
	if err != nil {
		return nil, err
	}
	key, err := open(typed)
	var unknown pkcs12.NotImplementedError
	switch {
	case errors.As(err, &unknown), err != nil && strings.Contains(err.Error(), "support"): // pkcs8 has no error of its own for that
		return nil, errCipher
	case err != nil:
		return nil, errPassword
	}
	return ofKey(key)
}

// firstMember is the first member of a DER sequence.
func firstMember(der []byte) (first asn1.RawValue) {
	var outer asn1.RawValue
	if _, err := asn1.Unmarshal(der, &outer); err == nil && outer.Tag == asn1.TagSequence {
		_, _ = asn1.Unmarshal(outer.Bytes, &first) // the zero value for none
	}
	return first
}

func ofKey(key any) (*PrivateKey, error) {
	switch key := key.(type) {
	case *rsa.PrivateKey:
		return &PrivateKey{key: key}, nil
	case *ecdsa.PrivateKey:
		return &PrivateKey{key: key}, nil
	case ed25519.PrivateKey:
		return &PrivateKey{key: key}, nil
	default:
		return nil, errors.New("must be an RSA, EC or Ed25519 key")
	}
}

// ofJWK reads a JWK, or the one in a set.
func ofJWK(document []byte) (*PrivateKey, error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if json.Unmarshal(document, &set) == nil && set.Keys != nil {
		if len(set.Keys) != 1 {
			return nil, errors.New("must be one JWK, or a set of one")
		}
		document = set.Keys[0]
	}
	var jwk jose.JSONWebKey
	if json.Unmarshal(document, &jwk) != nil {
		return nil, errors.New("must be a private JWK by RFC 7518 6, of RSA with p and q")
	}
	switch {
	case jwk.IsPublic():
		return nil, errPublicAlone
	case jwk.Use != "" && jwk.Use != "sig":
		return nil, errors.New("must have use sig, or none")
	case jwk.KeyID != "" && !kidPattern.MatchString(jwk.KeyID):
		return nil, errKid
	}
	k, err := ofKey(jwk.Key)
	if err != nil {
		return nil, err
	}
	if !belongTogether(k.key) {
		return nil, errors.New("must have halves that belong together: its d is that of another key")
	}
	k.Kid, k.Alg = jwk.KeyID, jwk.Algorithm
	return k, nil
}

// belongTogether tells whether the public half of a JWK, which names both, is that of
// the private one, by which alone the key is read again.
func belongTogether(key crypto.Signer) bool {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return false
	}
	again, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return false
	}
	signer, signs := again.(crypto.Signer)
	public, compares := key.Public().(interface {
		Equal(other crypto.PublicKey) bool
	})
	return signs && compares && public.Equal(signer.Public())
}

var errKid = errors.New("must have a kid of 1 to 255 visible ASCII characters")

// FirstAlg is the algorithm that the key is for if nobody says otherwise.
func (k *PrivateKey) FirstAlg() string {
	if k.Alg != "" {
		return k.Alg
	}
	for _, alg := range Algs {
		if _, err := signatureSize(alg, k.key.Public()); err == nil {
			return alg
		}
	}
	return ""
}

// Seal gives the row of the key as Generate does, for one of Algs. kid is what it is known
// by, "" for its own, or that of RFC 7638 if it has none.
func (k *PrivateKey) Seal(keyring *seal.Keyring, alg, kid string) (*storage.SigningKey, error) {
	if kid = cmp.Or(kid, k.Kid); kid != "" && !kidPattern.MatchString(kid) {
		return nil, errKid
	}
	if _, err := signatureSize(alg, k.key.Public()); err != nil {
		return nil, fmt.Errorf("%w %s", ErrOtherAlg, alg)
	}
	row, err := newRow(k.key.Public(), alg, kid)
	if err != nil {
		return nil, err
	}
	return row, sealPrivate(keyring, row, k.key)
}

// SameKey finds the row of the same public key, whatever its kid, or nil. A row that does
// not parse is known by its kid alone, which is the thumbprint unless somebody chose it:
// what is damaged must not keep every owner from new keys.
func SameKey(rows []*storage.SigningKey, key *storage.SigningKey) (*storage.SigningKey, error) {
	wanted, err := thumbprint(key.PublicJWK)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		has, err := thumbprint(row.PublicJWK)
		if err != nil {
			has = row.Kid
		}
		if has == wanted {
			return row, nil
		}
	}
	return nil, nil //nolint:nilnil // there is none
}

func thumbprint(publicJWK json.RawMessage) (string, error) {
	jwk, err := parsePublic(publicJWK)
	if err != nil {
		return "", err
	}
	sum, err := jwk.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", fmt.Errorf("thumbprint: %w", err)
	}
	return string(sum), nil
}
