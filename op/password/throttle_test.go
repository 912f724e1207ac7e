package password_test

import (
	"bytes"
	"net/netip"
	"strconv"
	"testing"

	"github.com/brandidp/idp/op/password"
)

func newThrottle(t *testing.T, seed byte) *password.Throttle {
	t.Helper()
	throttle, err := password.NewThrottle(bytes.Repeat([]byte{seed}, 32))
	if err != nil {
		t.Fatal(err)
	}
	return throttle
}

//security:19-ipv6
func TestAddressesOfOneHouseholdShareABucket(t *testing.T) {
	t.Parallel()
	throttle := newThrottle(t, 1)
	bucket := func(addr string) int64 { return throttle.AddressBucket(netip.MustParseAddr(addr)) }
	for _, same := range [][2]string{
		{"2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"},
		{"192.0.2.1", "::ffff:192.0.2.1"},
		{"fe80::1%eth0", "fe80::2%eth1"},
	} {
		if bucket(same[0]) != bucket(same[1]) {
			t.Errorf("%s and %s have two buckets", same[0], same[1])
		}
	}
	for _, other := range [][2]string{
		{"2001:db8:1:2::1", "2001:db8:1:3::1"},
		{"192.0.2.1", "192.0.2.2"},
		{"192.0.2.1", "::192.0.2.1"},
	} {
		if bucket(other[0]) == bucket(other[1]) {
			t.Errorf("%s and %s share a bucket", other[0], other[1])
		}
	}
	if throttle.AddressBucket(netip.Addr{}) == 0 {
		t.Error("what is no address has no bucket")
	}
}

//security:19-rows
func TestBucketsAreFixedInNumberAndSecret(t *testing.T) {
	t.Parallel()
	one, other := newThrottle(t, 1), newThrottle(t, 2)
	seen := make(map[int64]int)
	same := 0
	for n := range 5000 {
		name := strconv.Itoa(n)
		account, device := one.AccountBucket(name), one.DeviceBucket(name)
		if account>>20 != 1 || device>>20 != 3 {
			t.Fatalf("buckets %x and %x are not within 2^20 of their kinds", account, device)
		}
		if account == other.AccountBucket(name) {
			same++
		}
		seen[account]++
		if account != one.AccountBucket(name) {
			t.Fatal("the bucket of a name changes")
		}
	}
	if same > 10 {
		t.Errorf("%d of 5000 buckets are the same under another key", same)
	}
	if len(seen) < 4900 {
		t.Errorf("5000 names are in %d buckets", len(seen))
	}
}

func TestThrottleNeedsAKey(t *testing.T) {
	t.Parallel()
	if _, err := password.NewThrottle(make([]byte, 31)); err == nil {
		t.Error("a short key is accepted")
	}
}
