package keys

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// ErrNoKey means that the owner has no active key.
var ErrNoKey = errors.New("no active signing key")

// Signer signs with one RSA key (RS256). It is safe for concurrent use.
type Signer struct {
	kid    string
	header []byte // of an ID token, with the dot behind it
	key    crypto.Signer
}

func newSigner(kid string, key crypto.Signer) (*Signer, error) {
	header, err := headerOf(kid, TypeJWT)
	if err != nil {
		return nil, err
	}
	return &Signer{kid: kid, header: header, key: key}, nil
}

// headerOf is the encoded header of a token that a key signs, with the dot behind
// it.
func headerOf(kid, typ string) ([]byte, error) {
	header, err := json.Marshal(struct {
		Alg string `json:"alg"`
		Kid string `json:"kid"`
		Typ string `json:"typ"`
	}{RS256, kid, typ})
	if err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	return append(base64.RawURLEncoding.AppendEncode(nil, header), '.'), nil
}

// Kid is the id that the header of each signature names.
func (s *Signer) Kid() string { return s.kid }

// Sign gives the compact JWS of payload (RFC 7515 7.1), typ "JWT" in its header.
// Every sign-in waits for it, so nothing is made here that was known before.
func (s *Signer) Sign(payload []byte) (string, error) { return s.sign(s.header, payload) }

// SignAs is Sign with a typ of its own, which tells the token from an ID token
// (RFC 8725 3.11).
func (s *Signer) SignAs(typ string, payload []byte) (string, error) {
	header, err := headerOf(s.kid, typ)
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return s.sign(header, payload)
}

func (s *Signer) sign(header, payload []byte) (string, error) {
	const signatureSize = rsaBits / 8
	encoding := base64.RawURLEncoding
	token := make([]byte, 0, len(header)+encoding.EncodedLen(len(payload))+1+encoding.EncodedLen(signatureSize))
	token = encoding.AppendEncode(append(token, header...), payload)
	digest := sha256.Sum256(token)
	signature, err := s.key.Sign(nil, digest[:], crypto.SHA256) // PKCS #1 v1.5 takes no randomness
	if err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	return string(encoding.AppendEncode(append(token, '.'), signature)), nil
}

// Set is all keys as of one moment, with signers and key documents prepared. It
// is immutable.
type Set struct {
	signers map[string]*Signer // by kid, kept from set to set
	active  map[int64]*Signer  // by owner
	public  map[string]jose.JSONWebKey
	all     []byte
	owned   map[int64][]byte
}

// NewSet prepares the keys in rows. What previous (nil at first) has opened
// already is not opened again.
func NewSet(rows []*storage.SigningKey, keyring *seal.Keyring, previous *Set) (*Set, error) {
	set := &Set{
		signers: map[string]*Signer{}, active: map[int64]*Signer{},
		public: map[string]jose.JSONWebKey{}, owned: map[int64][]byte{},
	}
	var all []json.RawMessage
	owned := map[int64][]json.RawMessage{}
	for _, row := range rows {
		if row.State == Created {
			continue
		}
		var jwk jose.JSONWebKey
		if err := json.Unmarshal(row.PublicJWK, &jwk); err != nil || !jwk.IsPublic() {
			return nil, fmt.Errorf("signing key %s: the public half does not parse", row.Kid)
		}
		set.public[row.Kid] = jwk
		all = append(all, row.PublicJWK)
		owned[row.ClientID] = append(owned[row.ClientID], row.PublicJWK)
		if row.State != Active {
			continue
		}
		signer, err := signerFor(row, keyring, previous)
		if err != nil {
			return nil, err
		}
		set.signers[row.Kid], set.active[row.ClientID] = signer, signer
	}
	set.all = document(all)
	for owner, keys := range owned {
		set.owned[owner] = document(keys)
	}
	return set, nil
}

func signerFor(row *storage.SigningKey, keyring *seal.Keyring, previous *Set) (*Signer, error) {
	if previous != nil && previous.signers[row.Kid] != nil {
		return previous.signers[row.Kid], nil
	}
	private, err := open(keyring, row)
	if err != nil {
		return nil, err
	}
	if _, isRSA := private.(*rsa.PrivateKey); !isRSA || row.Alg != RS256 {
		return nil, fmt.Errorf("signing key %s: only %s is signed here", row.Kid, RS256)
	}
	signer, err := newSigner(row.Kid, private)
	if err != nil {
		return nil, fmt.Errorf("signing key %s: %w", row.Kid, err)
	}
	return signer, nil
}

// Signer gives the active key of an owner, a client's row or 0 for the provider.
func (s *Set) Signer(owner int64) (*Signer, error) {
	if signer := s.active[owner]; signer != nil {
		return signer, nil
	}
	return nil, ErrNoKey
}

// Verify checks the signature of an ID token, or of another compact JWS of typ
// "JWT", by any key that is published here, and gives the payload. A token whose
// typ says that it is something else is refused.
func (s *Set) Verify(compact string) ([]byte, error) {
	jws, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	if typ, given := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]; given && typ != TypeJWT {
		return nil, errors.New("verify: a token of another kind")
	}
	jwk, ok := s.public[jws.Signatures[0].Protected.KeyID]
	if !ok {
		return nil, errors.New("verify: the key is not one of ours")
	}
	payload, err := jws.Verify(jwk)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	return payload, nil
}

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
