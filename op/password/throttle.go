package password

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"net/netip"
	"sync"
)

// The kinds of buckets stand above the bits that the HMAC fills, so that no two
// kinds share a bucket and no bucket is 0.
const (
	bucketBits = 20

	bucketAccount = 1
	bucketAddress = 2
	bucketDevice  = 3
	bucketLogin   = 4
)

// Throttle tells by which buckets a try of a password is counted. There is a
// fixed number of buckets of each kind, so strangers cannot make the count grow
// without end, and a secret key decides who shares one, so nobody can aim at
// another's. It is safe for concurrent use.
type Throttle struct {
	key []byte

	mu        sync.Mutex
	addresses map[int64]*address // by bucket, those with tries
}

// NewThrottle takes a secret key of at least 32 bytes that all instances share
// and that serves this purpose alone.
func NewThrottle(key []byte) (*Throttle, error) {
	if len(key) < sha256.Size {
		return nil, errors.New("sign-in throttle: key must have at least 32 bytes")
	}
	return &Throttle{key: key, addresses: make(map[int64]*address)}, nil
}

// AccountBucket is for a normalised identifier, whether anybody has it or not.
func (t *Throttle) AccountBucket(identifier string) int64 {
	return t.bucket(bucketAccount, []byte(identifier))
}

// AddressBucket is for a network address: one of IPv4, and a /64 of IPv6, which
// is what a single household gets. All that is no address shares one bucket.
func (t *Throttle) AddressBucket(addr netip.Addr) int64 {
	return t.bucket(bucketAddress, network(addr))
}

// LoginBucket is for a network address as AddressBucket is, and counts the sign-ins
// that are handed over to the brand's own login.
func (t *Throttle) LoginBucket(addr netip.Addr) int64 { return t.bucket(bucketLogin, network(addr)) }

func network(addr netip.Addr) []byte {
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		prefix, _ := addr.Prefix(64) // fails for more bits than the address has
		addr = prefix.Addr()
	}
	return addr.AsSlice()
}

// DeviceBucket is for the random id of a device that has signed in before.
func (t *Throttle) DeviceBucket(deviceID string) int64 {
	return t.bucket(bucketDevice, []byte(deviceID))
}

func (t *Throttle) bucket(kind byte, value []byte) int64 {
	mac := hmac.New(sha256.New, t.key)
	mac.Write([]byte{kind})
	mac.Write(value)
	cut := binary.BigEndian.Uint32(mac.Sum(nil)) >> (32 - bucketBits)
	return int64(kind)<<bucketBits | int64(cut)
}
