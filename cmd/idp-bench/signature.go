package main

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"runtime"
	"slices"
	"time"
)

// roundLength is how long a round of bare signatures lasts.
const roundLength = 200 * time.Millisecond

// yardstick is the CPU time of one bare RSA-2048 signature (PKCS #1 v1.5 over
// SHA-256, as RS256 wants it).
type yardstick struct{ key *rsa.PrivateKey }

func newYardstick() (*yardstick, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return &yardstick{key: key}, nil
}

// measure signs for one round and gives the CPU time of a signature. Whoever
// calls it keeps the machine as busy meanwhile as it is when the provider is
// measured: caches and interruptions are part of what a signature costs there.
func (y *yardstick) measure(ctx context.Context) (time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := threadCPU()
	if err != nil {
		return 0, err
	}
	count := 0
	for end := time.Now().Add(roundLength); count == 0 || time.Now().Before(end) && ctx.Err() == nil; count++ {
		digest := sha256.Sum256([]byte{byte(count), byte(count >> 8)})
		if _, err := rsa.SignPKCS1v15(nil, y.key, crypto.SHA256, digest[:]); err != nil {
			return 0, fmt.Errorf("sign: %w", err)
		}
	}
	after, err := threadCPU()
	return (after - before) / time.Duration(count), err
}

func median(rounds []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(rounds))[len(rounds)/2]
}
