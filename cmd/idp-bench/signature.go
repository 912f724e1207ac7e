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
)

// roundLength is how long a round of bare signatures lasts.
const roundLength = 500 * time.Millisecond

// yardstick is the CPU time of one bare RSA-2048 signature (PKCS #1 v1.5 over
// SHA-256, as RS256 wants it), round by round. A machine's pace changes during a
// run, so each scenario is held against the rounds beside it.
type yardstick struct {
	key    *rsa.PrivateKey
	rounds []time.Duration
}

func newYardstick() (*yardstick, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("generate key: %w", err)
	}
	return &yardstick{key: key}, nil
}

// measure runs one round on every processor at once, so that none is faster for
// its neighbour's idleness than it is while the provider is measured.
func (y *yardstick) measure(ctx context.Context) error {
	var (
		wait  sync.WaitGroup
		lock  sync.Mutex
		total time.Duration
		count int
		fault error
	)
	ctx, cancel := context.WithTimeout(ctx, roundLength)
	defer cancel()
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			spent, signed, err := y.sign(ctx)
			lock.Lock()
			defer lock.Unlock()
			total, count = total+spent, count+signed
			if err != nil {
				fault = err
			}
		})
	}
	wait.Wait()
	if fault != nil {
		return fault
	}
	if count > 0 {
		y.rounds = append(y.rounds, total/time.Duration(count))
	}
	if cause := context.Cause(ctx); cause == context.Canceled { //nolint:errorlint // the very value
		return cause
	}
	return nil
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
	for ; ctx.Err() == nil; count++ {
		digest := sha256.Sum256([]byte{byte(count), byte(count >> 8)})
		if _, err := rsa.SignPKCS1v15(nil, y.key, crypto.SHA256, digest[:]); err != nil {
			return 0, 0, fmt.Errorf("sign: %w", err)
		}
	}
	after, err := threadCPU()
	return after - before, count, err
}

// around is the mean of the last two rounds.
func (y *yardstick) around() time.Duration {
	last := y.rounds[max(0, len(y.rounds)-2):]
	var sum time.Duration
	for _, round := range last {
		sum += round
	}
	return sum / time.Duration(max(1, len(last)))
}

// median of all rounds.
func (y *yardstick) median() time.Duration {
	if len(y.rounds) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(y.rounds))
	return sorted[len(sorted)/2]
}
