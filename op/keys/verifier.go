package keys

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// maxVerifiedKeys bounds a client's keys: each is tried for a signature whose
// header names none.
const maxVerifiedKeys = 16

// Verifier verifies what one client signs. It is immutable.
type Verifier struct {
	keys []jose.JSONWebKey
	algs []jose.SignatureAlgorithm
}

// NewVerifier reads a client's keys, of which alg is the one algorithm that the
// client signs with, "" for any of Algs. An error is of type
// liveperson.FieldError; its field is below set, "" for set as a whole.
func NewVerifier(set *storage.JWKS, alg string) (*Verifier, error) {
	v := &Verifier{}
	if set == nil || len(set.Keys) == 0 || len(set.Keys) > maxVerifiedKeys {
		return nil, liveperson.FieldError{Field: "keys", Rule: fmt.Sprintf("must have 1 to %d keys", maxVerifiedKeys)}
	}
	kids := map[string]bool{}
	for i, member := range set.Keys {
		field := fmt.Sprintf("keys[%d]", i)
		key, algs, rule := readVerified(member)
		if rule != "" {
			return nil, liveperson.FieldError{Field: field, Rule: rule}
		}
		if kids[member.Kid] && len(set.Keys) > 1 {
			return nil, liveperson.FieldError{Field: field + ".kid", Rule: "must tell the key from the others"}
		}
		kids[member.Kid] = true
		v.keys = append(v.keys, *key)
		v.algs = append(v.algs, algs...)
	}
	if alg != "" {
		if !slices.Contains(v.algs, jose.SignatureAlgorithm(alg)) {
			return nil, liveperson.FieldError{Rule: "must have a key for " + alg}
		}
		v.algs = []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)}
	}
	return v, nil
}

// readVerified reads one key, and the algorithms that it is for.
func readVerified(member storage.JWK) (key *jose.JSONWebKey, algs []jose.SignatureAlgorithm, rule string) {
	document, err := json.Marshal(member)
	if err != nil {
		return nil, nil, ruleKey
	}
	key = new(jose.JSONWebKey)
	if json.Unmarshal(document, key) != nil || !key.IsPublic() {
		return nil, nil, "must be a public key by RFC 7517: kty RSA with n and e, EC with crv, x and y, or OKP with crv and x"
	}
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < minRecipientBits || public.N.BitLen() > maxRecipientBits {
			return nil, nil, ruleRSA
		}
		algs = []jose.SignatureAlgorithm{jose.RS256, jose.PS256}
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return nil, nil, "must have crv P-256"
		}
		algs = []jose.SignatureAlgorithm{jose.ES256}
	case ed25519.PublicKey:
		algs = []jose.SignatureAlgorithm{jose.EdDSA}
	default:
		return nil, nil, "must be an RSA, EC or OKP key"
	}
	switch {
	case member.Use != "" && member.Use != "sig":
		return nil, nil, "must have use sig, or none"
	case len(member.KeyOps) > 0 && !slices.Contains(member.KeyOps, "verify"):
		return nil, nil, "must have verify among key_ops, or none"
	case member.Alg != "" && !slices.Contains(algs, jose.SignatureAlgorithm(member.Alg)):
		return nil, nil, "must have an alg of " + strings.Join(Algs, ", ") + " that fits the key, or none"
	case member.Alg != "":
		algs = []jose.SignatureAlgorithm{jose.SignatureAlgorithm(member.Alg)}
	}
	return key, algs, ""
}

// errSignature is one answer for every signature that does not verify.
var errSignature = errors.New("no key of the client verifies the signature")

// Verify checks the signature of a compact JWS (RFC 7515 5.2) and gives the typ
// of its header, "" for none, and the payload.
func (v *Verifier) Verify(compact string) (typ string, payload []byte, err error) {
	jws, err := jose.ParseSignedCompact(compact, v.algs)
	if err != nil {
		return "", nil, fmt.Errorf("verify: %w", err)
	}
	header := jws.Signatures[0].Protected
	for i := range v.keys {
		key := &v.keys[i]
		if header.KeyID != "" && key.KeyID != "" && key.KeyID != header.KeyID || key.Algorithm != "" && key.Algorithm != header.Algorithm {
			continue
		}
		if payload, err := jws.Verify(key.Key); err == nil {
			typ, _ := header.ExtraHeaders[jose.HeaderType].(string)
			return typ, payload, nil
		}
	}
	return "", nil, errSignature
}
