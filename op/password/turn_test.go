package password_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/brandidp/idp/op/password"
)

func takeTurn(t *testing.T, throttle *password.Throttle, bucket int64, others int) *password.Turn {
	t.Helper()
	turn, err := throttle.Turn(t.Context(), bucket)
	if err != nil {
		t.Fatal(err)
	}
	if turn.Others != others {
		t.Errorf("%d others are undecided, want %d", turn.Others, others)
	}
	return turn
}

func TestTurnsCountWhatIsUndecided(t *testing.T) {
	t.Parallel()
	throttle := newThrottle(t, 1)
	first := takeTurn(t, throttle, 7, 0)
	first.Counted()
	second := takeTurn(t, throttle, 7, 1)
	takeTurn(t, throttle, 8, 0)
	second.Counted()
	first.Decided()
	first.Decided() // once is enough
	third := takeTurn(t, throttle, 7, 1)
	third.Decided() // without having been counted
	second.Decided()
	takeTurn(t, throttle, 7, 0)
}

func TestTurnsComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	throttle := newThrottle(t, 1)
	var counting, undecided atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			turn, err := throttle.Turn(t.Context(), 7)
			if err != nil {
				t.Error(err)
				return
			}
			if counting.Add(1) != 1 {
				t.Error("two tries are counted at once")
			}
			if counted := undecided.Load(); counted > int64(turn.Others) {
				t.Errorf("%d tries are undecided, and the turn says %d", counted, turn.Others)
			}
			undecided.Add(1)
			counting.Add(-1)
			turn.Counted()
			undecided.Add(-1)
			turn.Decided()
		})
	}
	all.Wait()
}

func TestNobodyHasToWaitForATurn(t *testing.T) {
	t.Parallel()
	throttle := newThrottle(t, 1)
	first := takeTurn(t, throttle, 7, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := throttle.Turn(ctx, 7); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	first.Decided()
	takeTurn(t, throttle, 7, 0)
}
