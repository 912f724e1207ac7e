package api

import (
	"net/http"
	"sync"
	"time"
)

// largeBodies is how many bytes of large bodies one instance has in memory at once, of all
// callers together: what is made of a body takes several times its size. Whoever comes
// then is refused before theirs is read.
const largeBodies = 4 * maxBatchBytes

// largeBody is how much of that a request takes: what it says that its body has, or the
// most that it may have if it does not say. An ordinary body takes nothing.
func largeBody(r *http.Request, o operation) int64 {
	size := min(r.ContentLength, o.MaxBody)
	if size < 0 {
		size = o.MaxBody
	}
	if size <= maxBody {
		return 0
	}
	return size
}

// What one caller may ask of one instance: so many requests a second for long, and twice
// as many at once.
const (
	callsPerSecond = 200
	callsAtOnce    = 2 * callsPerSecond
)

// limit keeps a bucket for each caller, of which there are as many as there are API keys
// and clients. It is in the memory of this process alone: it keeps a program that went
// wild from using up the machine.
type limit struct {
	mu      sync.Mutex
	buckets map[string]*bucket
}

type bucket struct {
	left   float64
	filled time.Time
}

// allow counts a request and tells whether it is within the limit.
func (l *limit) allow(caller string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[caller]
	if b == nil {
		if l.buckets == nil {
			l.buckets = map[string]*bucket{}
		}
		b = &bucket{left: callsAtOnce, filled: now}
		l.buckets[caller] = b
	}
	b.left = min(callsAtOnce, b.left+max(0, now.Sub(b.filled).Seconds())*callsPerSecond)
	b.filled = now
	if b.left < 1 {
		return false
	}
	b.left--
	return true
}
