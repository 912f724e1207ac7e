package password

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// ErrBusy means that too many wait for a hash already. Answer 503 with RetryAfter.
var ErrBusy = errors.New("password hashing is busy")

// RetryAfter is the wait to announce with ErrBusy.
const RetryAfter = 2 * time.Second

// queue lets a bounded number of hashes run at once and a bounded number wait,
// no two of one account at the same time. Those who are known wait in a line of
// their own that is served first, so strangers cannot crowd them out.
type queue struct {
	slots int // hashes at once
	limit int // who may wait, in each line

	mu      sync.Mutex // held for bookkeeping only, never while hashing
	running int
	hashing map[int64]bool // accounts with a hash in flight
	lines   [2][]*waiter   // the known, the others
}

type waiter struct {
	account int64
	turn    chan struct{} // closed when the waiter may go on
}

const (
	lineKnown = iota
	lineOthers
)

func newQueue(slots, limit int) *queue {
	return &queue{slots: slots, limit: limit, hashing: make(map[int64]bool)}
}

// enter waits for a slot. Account 0 stands for no account and is never in
// anybody's way. The caller calls leave once, when the hash is done. The error
// is ErrBusy, or the context's when that ends while waiting.
func (q *queue) enter(ctx context.Context, account int64, known bool) (leave func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("wait for password hashing: %w", context.Cause(ctx))
	}
	line := lineOthers
	if known {
		line = lineKnown
	}
	leave = func() { q.leave(account) }

	q.mu.Lock()
	if q.free(account) {
		// Nobody is overtaken: with a slot free, all who wait do so for a hash
		// of their own account.
		q.take(account)
		q.mu.Unlock()
		return leave, nil
	}
	if len(q.lines[line]) >= q.limit {
		q.mu.Unlock()
		return nil, ErrBusy
	}
	w := &waiter{account: account, turn: make(chan struct{})}
	q.lines[line] = append(q.lines[line], w)
	q.mu.Unlock()

	select {
	case <-w.turn:
		return leave, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	i := slices.Index(q.lines[line], w)
	if i >= 0 {
		q.lines[line] = slices.Delete(q.lines[line], i, i+1)
	}
	q.mu.Unlock()
	if i < 0 { // the turn came at the same moment: pass it on
		leave()
	}
	return nil, fmt.Errorf("wait for password hashing: %w", context.Cause(ctx))
}

func (q *queue) free(account int64) bool {
	return q.running < q.slots && !q.hashing[account]
}

func (q *queue) take(account int64) {
	q.running++
	if account != 0 {
		q.hashing[account] = true
	}
}

// leave gives the slot back and hands out whatever may go on now: two may, if
// the account that has left was waited for while a slot was free.
func (q *queue) leave(account int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.running--
	delete(q.hashing, account)
	for l, line := range q.lines {
		q.lines[l] = slices.DeleteFunc(line, func(w *waiter) bool {
			if !q.free(w.account) {
				return false
			}
			q.take(w.account)
			close(w.turn)
			return true
		})
	}
}
