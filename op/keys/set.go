package keys

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// ErrNoKey means that the owner has no active key.
var ErrNoKey = errors.New("no active signing key")

// Set is all keys as of one moment, with signers and key documents prepared. It
// is immutable.
type Set struct {
	signers map[string]*Signer // by kid, kept from set to set
	active  map[activeKey]*Signer
	public  map[string]jose.JSONWebKey
	own     map[string]jose.JSONWebKey // those of public that are the provider's
	all     []byte
	owned   map[int64][]byte
	unknown []string
}

// activeKey names an active key: each owner has at most one for an algorithm.
type activeKey struct {
	owner int64
	alg   string
}

// NewSet prepares the keys in rows. What previous (nil at first) has opened
// already is not opened again. Signers say who signs. A key of an algorithm that is not one of Algs, which
// a later release has made, is passed over: it neither signs here nor is published.
func NewSet(rows []*storage.SigningKey, keyring *seal.Keyring, previous *Set, signers *Signers) (*Set, error) {
	set := &Set{
		signers: map[string]*Signer{}, active: map[activeKey]*Signer{},
		public: map[string]jose.JSONWebKey{}, own: map[string]jose.JSONWebKey{}, owned: map[int64][]byte{},
	}
	var all []json.RawMessage
	owned := map[int64][]json.RawMessage{}
	for _, row := range rows {
		if row.State == Created {
			continue
		}
		if !slices.Contains(Algs, row.Alg) {
			set.unknown = append(set.unknown, row.Kid)
			continue
		}
		var jwk jose.JSONWebKey
		if err := json.Unmarshal(row.PublicJWK, &jwk); err != nil || !jwk.IsPublic() {
			return nil, fmt.Errorf("signing key %s: the public half does not parse", row.Kid)
		}
		if jwk.Algorithm != row.Alg {
			return nil, fmt.Errorf("signing key %s: it is for %q, not %q", row.Kid, jwk.Algorithm, row.Alg)
		}
		set.public[row.Kid] = jwk
		if row.ClientID == 0 {
			set.own[row.Kid] = jwk
		}
		all = append(all, row.PublicJWK)
		owned[row.ClientID] = append(owned[row.ClientID], row.PublicJWK)
		if row.State != Active {
			continue
		}
		signer, err := signerFor(row, jwk.Key, keyring, previous, signers)
		if err != nil {
			return nil, err
		}
		set.signers[row.Kid], set.active[activeKey{row.ClientID, row.Alg}] = signer, signer
	}
	set.all = document(all)
	for owner, keys := range owned {
		set.owned[owner] = document(keys)
	}
	return set, nil
}

func signerFor(row *storage.SigningKey, public crypto.PublicKey, keyring *seal.Keyring, previous *Set, signers *Signers) (*Signer, error) {
	if previous != nil && previous.signers[row.Kid] != nil {
		return previous.signers[row.Kid], nil
	}
	key, by, err := signers.open(row, public, keyring)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", row.Kid, err)
	}
	signer, err := newSigner(row.Kid, row.Alg, key, by)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", row.Kid, err)
	}
	return signer, nil
}

// Signer gives the active key of an owner, a client's row or 0 for the provider,
// for an algorithm.
func (s *Set) Signer(owner int64, alg string) (*Signer, error) {
	if signer := s.active[activeKey{owner, alg}]; signer != nil {
		return signer, nil
	}
	return nil, ErrNoKey
}

// Verify checks the signature of an ID token, or of another compact JWS of typ
// "JWT", by any key that is published here, and gives the payload. A token whose
// typ says that it is something else is refused.
func (s *Set) Verify(compact string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	header := jws.Signatures[0].Protected
	if typ, given := header.ExtraHeaders[jose.HeaderType]; given && typ != TypeJWT {
		return nil, errors.New("verify: a token of another kind")
	}
	jwk, ok := s.public[header.KeyID]
	if !ok || jwk.Algorithm != header.Algorithm {
		return nil, errors.New("verify: the key is not one of ours")
	}
	payload, err := jws.Verify(jwk)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return payload, nil
}

// Unknown are the kids of the keys that were passed over.
func (s *Set) Unknown() []string { return s.unknown }

// JWKS is the key set document (RFC 7517 5) with every published key.
func (s *Set) JWKS() []byte { return s.all }

// OwnJWKS is the key set document with the keys of one owner alone; nil if it
// has none.
func (s *Set) OwnJWKS(owner int64) []byte { return s.owned[owner] }

func document(keys []json.RawMessage) []byte {
	var b bytes.Buffer
	b.WriteString(`{"keys":[`)
	for i, key := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		_ = json.Compact(&b, key) // jsonb cannot hold anything but JSON
	}
	b.WriteString(`]}`)
	return b.Bytes()
}
