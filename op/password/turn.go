package password

import (
	"context"
	"fmt"
	"sync"
)

// Turn is a try's turn to be counted for its network address.
//
// A try stands in the database as a failure until it is decided. Less those that
// are not decided yet, a crowd that signs in at once behind one address is not
// taken for one that fails. That number has to be exact at the moment of the
// count, so a process counts one try after the other for each address; they
// would wait for one another in the database as well, each with a connection.
type Turn struct {
	// Others is how many tries from the address this process has counted and
	// not decided.
	Others int

	end, decide func()
}

// Counted ends the turn, once the try stands in the database or will not.
func (t *Turn) Counted() { t.end() }

// Decided ends the try, once it has failed or was given back in the database.
func (t *Turn) Decided() {
	t.end()
	t.decide()
}

// address has the tries from one network address.
type address struct {
	turn      chan struct{} // holds one value while a try has its turn
	tries     int           // all of them, those who wait for their turn as well
	undecided int
}

// Turn waits until it is the turn of a try from the address of a bucket. The
// caller ends it by Counted and the try by Decided. The error is the context's.
func (t *Throttle) Turn(ctx context.Context, addressBucket int64) (*Turn, error) {
	a := t.join(addressBucket)
	select {
	case a.turn <- struct{}{}:
	case <-ctx.Done():
		t.leave(addressBucket, 0)
		return nil, fmt.Errorf("wait for the turn of a sign-in: %w", context.Cause(ctx))
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	turn := &Turn{
		Others: a.undecided,
		end:    sync.OnceFunc(func() { <-a.turn }),
		decide: sync.OnceFunc(func() { t.leave(addressBucket, 1) }),
	}
	a.undecided++
	return turn, nil
}

func (t *Throttle) join(bucket int64) *address {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.addresses[bucket]
	if a == nil {
		a = &address{turn: make(chan struct{}, 1)}
		t.addresses[bucket] = a
	}
	a.tries++
	return a
}

// leave takes a try away, and so many from the undecided.
func (t *Throttle) leave(bucket int64, undecided int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	a := t.addresses[bucket]
	a.tries--
	a.undecided -= undecided
	if a.tries == 0 {
		delete(t.addresses, bucket)
	}
}
