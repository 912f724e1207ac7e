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
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// roundLength is how long a round of bare signatures lasts.
const roundLength = 100 * time.Millisecond

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

// measure runs one round on every processor at once, so that none is faster for
// its neighbour's idleness than it is while the provider is measured.
func (y *yardstick) measure(ctx context.Context) (time.Duration, error) {
	round, cancel := context.WithTimeout(ctx, roundLength)
	defer cancel()
	var (
		group errgroup.Group
		lock  sync.Mutex
		total time.Duration
		count int
	)
	for range runtime.GOMAXPROCS(0) {
		group.Go(func() error {
			spent, signed, err := y.sign(round)
			lock.Lock()
			defer lock.Unlock()
			total, count = total+spent, count+signed
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	return total / time.Duration(count), ctx.Err()
}

// sign signs until ctx ends and tells what this thread's CPU spent on it.
func (y *yardstick) sign(ctx context.Context) (time.Duration, int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	before, err := threadCPU()
	if err != nil {
		return 0, 0, err
	}
	count := 0
	for count == 0 || ctx.Err() == nil {
		count++
		digest := sha256.Sum256([]byte{byte(count), byte(count >> 8)})
		if _, err := rsa.SignPKCS1v15(nil, y.key, crypto.SHA256, digest[:]); err != nil {
			return 0, 0, fmt.Errorf("sign: %w", err)
		}
	}
	after, err := threadCPU()
	return after - before, count, err
}

func median(rounds []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(rounds))[len(rounds)/2]
}
