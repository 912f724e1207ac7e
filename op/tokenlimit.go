package op

import (
	"sync"
	"time"
)

// What one session's pages may ask of the token source, a window being a minute.
// A page needs a token an hour; this leaves room for many tabs that reload.
const (
	tokenSourceLimit  = 60
	tokenSourceWindow = time.Minute
)

// sessionLimit counts requests by session in windows of fixed length, in this
// process alone: it keeps a page that went wild from using up the processor.
type sessionLimit struct {
	mu     sync.Mutex
	ends   time.Time
	counts map[int64]int
}

// allow counts a request of the session and tells whether it is within the limit.
func (l *sessionLimit) allow(session int64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.After(l.ends) {
		l.ends, l.counts = now.Add(tokenSourceWindow), map[int64]int{}
	}
	l.counts[session]++
	return l.counts[session] <= tokenSourceLimit
}
