// Package seal owns the master key, the data keys and the one format of
// everything that is sealed, at rest or on its way through a browser. It never
// logs or prints a key, and it knows nothing of what it seals.
//
// The format is version (1 byte), data-key id (8 bytes, big endian), nonce (24
// bytes) and the XChaCha20-Poly1305 ciphertext, whose associated data are the
// purpose and whatever the value is bound to: table and row for a column, issuer
// and browser for a ticket. A sealed value that is moved elsewhere does not open.
package seal

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	version   = 1
	idSize    = 8
	headSize  = 1 + idSize + chacha20poly1305.NonceSizeX
	masterID  = 0 // the id in what the master key itself has wrapped
	minSealed = headSize + chacha20poly1305.Overhead
)

// ErrSealed means that a value does not open: it was cut, edited, moved, sealed
// for something else, or by a key that is not here.
var ErrSealed = errors.New("sealed value does not open")

// dataKey is one data key, ready for use.
type dataKey struct {
	id   int64
	key  []byte
	aead cipher.AEAD
}

func newDataKey(id int64, key []byte) (*dataKey, error) {
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		return nil, fmt.Errorf("prepare data key %d: %w", id, err)
	}
	return &dataKey{id: id, key: key, aead: aead}, nil
}

func (k *dataKey) seal(rand io.Reader, plaintext, associated []byte) ([]byte, error) {
	sealed := make([]byte, headSize, minSealed+len(plaintext))
	sealed[0] = version
	binary.BigEndian.PutUint64(sealed[1:], uint64(k.id)) //nolint:gosec // an identity column is never negative
	if _, err := io.ReadFull(rand, sealed[1+idSize:headSize]); err != nil {
		return nil, fmt.Errorf("make nonce: %w", err)
	}
	return k.aead.Seal(sealed, sealed[1+idSize:headSize], plaintext, associated), nil
}

func (k *dataKey) open(sealed, associated []byte) ([]byte, error) {
	plaintext, err := k.aead.Open(nil, sealed[1+idSize:headSize], sealed[headSize:], associated)
	if err != nil {
		return nil, ErrSealed
	}
	return plaintext, nil
}

// Keyring holds the opened data keys. It is safe for concurrent use.
type Keyring struct {
	rand    io.Reader
	wrapper *dataKey // the master key, as that of what it has wrapped
	keys    atomic.Pointer[keySet]
}

// keySet are the data keys as of one moment. It is immutable.
type keySet struct {
	keys    map[int64]*dataKey
	purpose map[int64]string
	current map[string]*dataKey // what seals
	waiting []waitingKey        // the oldest first
}

// waitingKey is a key that opens already but seals only from a moment on.
type waitingKey struct {
	key  *dataKey
	from time.Time
}

// MasterKeyFingerprint names the master key by which the keyring was opened.
func (k *Keyring) MasterKeyFingerprint() []byte { return MasterKey{k.wrapper.key}.Fingerprint() }

// Seal seals plaintext for a purpose, bound to the given strings. The same
// purpose and strings, in the same order, open it.
func (k *Keyring) Seal(purpose string, plaintext []byte, boundTo ...string) ([]byte, error) {
	key := k.keys.Load().current[purpose]
	if key == nil {
		return nil, fmt.Errorf("seal: no data key for purpose %q", purpose)
	}
	return key.seal(k.rand, plaintext, associatedData(purpose, boundTo))
}

// Open opens what Seal has sealed, or gives ErrSealed.
func (k *Keyring) Open(purpose string, sealed []byte, boundTo ...string) ([]byte, error) {
	if len(sealed) < minSealed || sealed[0] != version {
		return nil, ErrSealed
	}
	id := int64(binary.BigEndian.Uint64(sealed[1:])) //nolint:gosec // a wrong id is simply not found
	set := k.keys.Load()
	key := set.keys[id]
	if key == nil || set.purpose[id] != purpose {
		return nil, ErrSealed
	}
	return key.open(sealed, associatedData(purpose, boundTo))
}

// Derive gives a 32-byte key for a MAC, bound to the purpose and label, from
// the purpose's first data key, so that it stays the same for ever.
func (k *Keyring) Derive(purpose, label string) ([]byte, error) {
	var first *dataKey
	set := k.keys.Load()
	for id, key := range set.keys {
		if set.purpose[id] == purpose && (first == nil || id < first.id) {
			first = key
		}
	}
	if first == nil {
		return nil, fmt.Errorf("derive: no data key for purpose %q", purpose)
	}
	derived, err := hkdf.Key(sha256.New, first.key, nil, "idp "+purpose+" "+label, sha256.Size)
	if err != nil {
		return nil, fmt.Errorf("derive: %w", err)
	}
	return derived, nil
}

// associatedData writes each part with its length before it, so that no two
// lists of parts give the same bytes.
func associatedData(purpose string, boundTo []string) []byte {
	size := 4 + len(purpose)
	for _, part := range boundTo {
		size += 4 + len(part)
	}
	data := make([]byte, 0, size)
	data = appendPart(data, purpose)
	for _, part := range boundTo {
		data = appendPart(data, part)
	}
	return data
}

func appendPart(data []byte, part string) []byte {
	data = binary.BigEndian.AppendUint32(data, uint32(len(part))) //nolint:gosec // far below 4 GiB
	return append(data, part...)
}
