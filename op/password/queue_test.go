package password_test

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/brandidp/idp/op/password"
)

// line is a Hasher whose hashes run until the test lets one go on.
type line struct {
	t       *testing.T
	hasher  *password.Hasher
	started chan string
	proceed chan struct{}
	all     sync.WaitGroup
}

func newLine(t *testing.T, concurrency, queue int) *line {
	t.Helper()
	opts := quick()
	opts.Concurrency, opts.Queue = concurrency, queue
	l := &line{t: t, hasher: newHasher(t, opts), started: make(chan string), proceed: make(chan struct{})}
	password.Block(l.hasher, l.started, l.proceed)
	return l
}

// verify tries a password, by which the test knows it again, in the background.
func (l *line) verify(account int64, known bool, pw string) {
	l.all.Go(func() {
		_, err := l.hasher.Verify(l.t.Context(), password.Attempt{Account: account, Known: known, Password: pw})
		if err != nil {
			l.t.Errorf("%s: %v", pw, err)
		}
	})
}

// waitFor returns when so many wait.
func (l *line) waitFor(known, others int) {
	for {
		if k, o := password.Waiting(l.hasher); k == known && o == others {
			return
		}
		runtime.Gosched()
	}
}

// finish lets all go on, and returns in which order the rest began.
func (l *line) finish(running, rest int) (order []string) {
	l.t.Helper()
	for range rest {
		l.proceed <- struct{}{}
		order = append(order, <-l.started)
	}
	for range running {
		l.proceed <- struct{}{}
	}
	l.all.Wait()
	if !password.Idle(l.hasher) {
		l.t.Error("the queue is not idle in the end")
	}
	return order
}

//security:19-flood
func TestQueueIsBounded(t *testing.T) {
	t.Parallel()
	l := newLine(t, 2, 3)
	l.verify(1, false, "running 1")
	l.verify(2, false, "running 2")
	<-l.started
	<-l.started
	for n := range 3 {
		l.verify(int64(10+n), false, "waiting")
	}
	l.waitFor(0, 3)
	try := password.Attempt{Account: 20, Password: "one too many"}
	if _, err := l.hasher.Verify(t.Context(), try); !errors.Is(err, password.ErrBusy) {
		t.Errorf("a stranger: %v, want ErrBusy", err)
	}
	// The known and new passwords have places of their own.
	for n := range 3 {
		l.verify(int64(30+n), true, "known")
	}
	l.waitFor(3, 3)
	try.Known = true
	if _, err := l.hasher.Verify(t.Context(), try); !errors.Is(err, password.ErrBusy) {
		t.Errorf("a known device: %v, want ErrBusy", err)
	}
	if _, err := l.hasher.Hash(t.Context(), horse); !errors.Is(err, password.ErrBusy) {
		t.Errorf("a new password: %v, want ErrBusy", err)
	}
	l.finish(2, 6)
}

//security:19-flood
func TestKnownDevicesAreFirst(t *testing.T) {
	t.Parallel()
	l := newLine(t, 1, 4)
	l.verify(1, false, "running")
	<-l.started
	l.verify(2, false, "stranger 1")
	l.waitFor(0, 1)
	l.verify(3, false, "stranger 2")
	l.waitFor(0, 2)
	l.verify(4, true, "known 1")
	l.waitFor(1, 2)
	l.verify(5, true, "known 2")
	l.waitFor(2, 2)
	want := []string{"known 1", "known 2", "stranger 1", "stranger 2"}
	if order := l.finish(1, 4); !slices.Equal(order, want) {
		t.Errorf("order = %q, want %q", order, want)
	}
}

//security:19-at-once
func TestOneHashOfAnAccountIsInFlight(t *testing.T) {
	t.Parallel()
	l := newLine(t, 2, 4)
	l.verify(1, false, "first")
	<-l.started
	l.verify(1, false, "second")
	l.waitFor(0, 1) // though a slot is free
	l.verify(1, true, "third, from a known device")
	l.waitFor(1, 1)
	l.verify(2, false, "somebody else")
	if got := <-l.started; got != "somebody else" {
		t.Errorf("%q runs beside the first", got)
	}
	// Whichever of the two ends first, the account's others come one by one.
	for range 2 {
		l.proceed <- struct{}{}
	}
	if got := <-l.started; got != "third, from a known device" {
		t.Errorf("%q is next", got)
	}
	l.waitFor(0, 1)
	if order := l.finish(1, 1); !slices.Equal(order, []string{"second"}) {
		t.Errorf("order = %q, want the second at last", order)
	}
}

func TestLeavingTheQueue(t *testing.T) {
	t.Parallel()
	l := newLine(t, 1, 4)
	l.verify(1, false, "running")
	<-l.started
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the browser has gone")
	failed := make(chan error)
	go func() {
		_, err := l.hasher.Verify(ctx, password.Attempt{Account: 2, Password: "waiting"})
		failed <- err
	}()
	l.waitFor(0, 1)
	cancel(gone)
	if err := <-failed; !errors.Is(err, gone) {
		t.Errorf("Verify = %v, want the context's cause", err)
	}
	l.waitFor(0, 0)
	if _, err := l.hasher.Verify(ctx, password.Attempt{Account: 3, Password: "too late"}); !errors.Is(err, gone) {
		t.Errorf("Verify = %v, want the context's cause", err)
	}
	l.finish(1, 0)
}

// The turn of one who leaves at that moment must not be lost, whoever is faster.
func TestLeavingAtOnesTurn(t *testing.T) {
	t.Parallel()
	opts := quick()
	opts.Concurrency, opts.Queue, opts.Memory, opts.Iterations = 1, 64, 8, 1
	h := newHasher(t, opts)
	var all sync.WaitGroup
	for n := range 500 {
		all.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			all.Go(cancel)
			_, err := h.Verify(ctx, password.Attempt{Account: int64(n % 5), Known: n%2 == 0, Password: horse})
			if err != nil && !errors.Is(err, password.ErrBusy) && !errors.Is(err, context.Canceled) {
				t.Errorf("Verify = %v", err)
			}
		})
	}
	all.Wait()
	if !password.Idle(h) {
		t.Error("the queue is not idle in the end")
	}
}
