package keys

import (
	"bytes"
	"crypto"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// ErrNoKey means that the owner has no active key.
var ErrNoKey = errors.New("no active signing key")

// ErrNotAgreed means that the owner has keys, but none that every instance publishes
// already.
var ErrNotAgreed = errors.New("the signing key is not published by every instance yet")

// Set is all keys as of one moment, with signers and key documents prepared. It
// is immutable.
type Set struct {
	signers map[string]*lazySigner // by kid, kept from set to set
	// ready are those that sign: the active one first, then those before it, the newest
	// first, for as long as it has to wait.
	ready   map[activeKey][]*lazySigner
	public  map[string]jose.JSONWebKey
	own     map[string]jose.JSONWebKey // those of public that are the provider's
	all     []byte
	owned   map[int64][]byte
	unknown []string
	faults  []*FaultError
}

// FaultError is what is wrong with a key that signs, or stands in the key sets. Its
// owner gets nothing signed by its algorithm as long as it is the active one; nothing
// else suffers by it.
type FaultError struct {
	// Key is the row of the key.
	Key *storage.SigningKey
	// Cause names the key.
	Cause error
}

func (e *FaultError) Error() string { return e.Cause.Error() }
func (e *FaultError) Unwrap() error { return e.Cause }

// activeKey names an active key: each owner has at most one for an algorithm.
type activeKey struct {
	owner int64
	alg   string
}

// lazySigner opens its key when it is first to sign with it.
type lazySigner struct {
	row  *storage.SigningKey
	open func() (*Signer, error)
	// failed is set once it could not be opened, so that the next set tries again.
	failed *atomic.Bool
}

func newLazySigner(row *storage.SigningKey, open func() (*Signer, error)) *lazySigner {
	failed := &atomic.Bool{}
	return &lazySigner{row, sync.OnceValues(func() (*Signer, error) {
		signer, err := open()
		if err != nil {
			failed.Store(true)
		}
		return signer, err
	}), failed}
}

// NewSet prepares the keys in rows. What previous (nil at first) has opened
// already is not opened again. Signers say who signs. A key of an algorithm that is
// not one of Algs, which a later release has made, is passed over: it neither signs
// here nor is published. One that is damaged is among Faults: if its public half cannot
// be read it is not published, and if it is an active key its owner has none that signs.
func NewSet(rows []*storage.SigningKey, keyring *seal.Keyring, previous *Set, signers *Signers) *Set {
	set := &Set{
		signers: map[string]*lazySigner{}, ready: map[activeKey][]*lazySigner{},
		public: map[string]jose.JSONWebKey{}, own: map[string]jose.JSONWebKey{}, owned: map[int64][]byte{},
	}
	var all []json.RawMessage
	owned := map[int64][]json.RawMessage{}
	for _, row := range rows {
		if !isPublished(row) {
			continue
		}
		if !slices.Contains(Algs, row.Alg) {
			set.unknown = append(set.unknown, row.Kid)
			continue
		}
		jwk, err := publicOf(row)
		if err == nil {
			set.public[row.Kid] = jwk
			if row.ClientID == 0 {
				set.own[row.Kid] = jwk
			}
			all = append(all, row.PublicJWK)
			owned[row.ClientID] = append(owned[row.ClientID], row.PublicJWK)
		}
		open := func() (*Signer, error) {
			if err != nil {
				return nil, err
			}
			return signerFor(row, jwk.Key, keyring, signers)
		}
		if broken := set.addSigner(row, open, previous); err == nil {
			err = broken
		}
		if err != nil {
			set.faults = append(set.faults, &FaultError{row, err})
		}
	}
	set.sortSigners()
	set.all = document(all)
	for owner, keys := range owned {
		set.owned[owner] = document(keys)
	}
	return set
}

// publicOf reads the public half of a key.
func publicOf(row *storage.SigningKey) (jwk jose.JSONWebKey, err error) {
	if err := json.Unmarshal(row.PublicJWK, &jwk); err != nil || !jwk.IsPublic() {
		return jwk, fmt.Errorf("signing key %s: the public half does not parse", row.Kid)
	}
	if jwk.Algorithm != row.Alg {
		return jwk, fmt.Errorf("signing key %s: it is for %q, not %q", row.Kid, jwk.Algorithm, row.Alg)
	}
	return jwk, nil
}

// addSigner takes an active key, or one that signed before it, among the signers. The
// active one is opened at once, so that one which cannot be is known of early.
func (s *Set) addSigner(row *storage.SigningKey, open func() (*Signer, error), previous *Set) error {
	if row.State != Active && (row.State != Retired || !row.RevokedAt.IsZero() || row.Lost()) {
		return nil
	}
	signer := newLazySigner(row, open)
	if previous != nil {
		if before := previous.signers[row.Kid]; before != nil && !before.failed.Load() && bytes.Equal(before.row.PublicJWK, row.PublicJWK) {
			signer.open, signer.failed = before.open, before.failed
		}
	}
	s.signers[row.Kid] = signer
	of := activeKey{row.ClientID, row.Alg}
	s.ready[of] = append(s.ready[of], signer)
	if row.State != Active {
		return nil
	}
	_, err := signer.open()
	return err
}

// sortSigners brings the signers of each owner into their order. Where none is active,
// none signs; and of those before it, only one that signed when it was published: an
// older one is nobody's to expect, as when the key between them was revoked.
func (s *Set) sortSigners() {
	for of, signers := range s.ready {
		slices.SortFunc(signers, func(a, b *lazySigner) int {
			if (a.row.State == Active) != (b.row.State == Active) {
				return map[bool]int{true: -1, false: 1}[a.row.State == Active]
			}
			return b.row.RetiredAt.Compare(a.row.RetiredAt)
		})
		active := signers[0].row
		if active.State != Active {
			delete(s.ready, of)
			continue
		}
		s.ready[of] = slices.DeleteFunc(signers, func(signer *lazySigner) bool {
			return signer.row != active && signer.row.RetiredAt.Before(active.PublishedAt)
		})
	}
}

func signerFor(row *storage.SigningKey, public crypto.PublicKey, keyring *seal.Keyring, signers *Signers) (*Signer, error) {
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

// Signer gives the key that signs for an owner, a client's row or 0 for the provider,
// by an algorithm: the active one; or, as long as it was published after agreed, the
// change counter that every instance has confirmed, the one before it. If that is
// damaged, no other takes its place: ErrUnavailable.
func (s *Set) Signer(owner int64, alg string, agreed int64) (*Signer, error) {
	signers := s.ready[activeKey{owner, alg}]
	for _, signer := range signers {
		if signer.row.PublishedCounter <= agreed {
			opened, err := signer.open()
			if err != nil {
				return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
			}
			return opened, nil
		}
	}
	if len(signers) > 0 {
		return nil, ErrNotAgreed
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

// Faults are what is wrong with single keys.
func (s *Set) Faults() []*FaultError { return s.faults }

// Unknown are the kids of the keys that were passed over.
func (s *Set) Unknown() []string { return s.unknown }

// JWKS is the key set document (RFC 7517 5) with every published key.
func (s *Set) JWKS() []byte { return s.all }

// OwnJWKS is the key set document with the keys of one owner alone.
func (s *Set) OwnJWKS(owner int64) []byte {
	if own := s.owned[owner]; own != nil {
		return own
	}
	return document(nil)
}

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
