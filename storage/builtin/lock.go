package builtin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// pollInterval is how often a state that the system does not announce is looked
// at: a lock of another process, a server that is starting or stopping.
const pollInterval = 20 * time.Millisecond

// openLock opens a lock file. Closing it gives the lock back, as does the end of
// the process however it comes; programs that it starts do not inherit it.
func openLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	return f, nil
}

// share takes a shared lock, which only a process that stops the server without
// start.lock could prevent.
func share(f *os.File) error {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return nil
}

// tryExclusive reports whether nobody else holds the lock. If somebody does, the
// shared lock that was held on f may be lost.
func tryExclusive(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, nil
	default:
		return false, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
}

// exclusive waits for the lock.
func exclusive(ctx context.Context, f *os.File) error {
	for {
		if ok, err := tryExclusive(f); ok || err != nil {
			return err
		}
		if err := pause(ctx, pollInterval); err != nil {
			return fmt.Errorf("wait for another process that starts or stops PostgreSQL: %w", err)
		}
	}
}

// pause waits for d or the end of ctx, whose error it returns.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx) //nolint:wrapcheck // the callers say what they waited for
	}
}
