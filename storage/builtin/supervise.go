package builtin

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	// The first restart comes at once. Pauses before the next ones double from
	// firstPause to lastPause, until the server stays up for the time of steady.
	firstPause = 250 * time.Millisecond
	lastPause  = 30 * time.Second
	steady     = time.Minute

	logInterval = time.Minute
)

// Supervise restarts the server whenever it ends while this process uses it, and
// keeps its log bounded. It returns when ctx ends or Stop is called. Connections
// of a crashed server are lost, and new ones succeed once it is back: callers
// retry. Several processes may supervise the same server.
func (s *Server) Supervise(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var watchers sync.WaitGroup
	defer watchers.Wait()
	watchers.Go(func() {
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	})
	watchers.Go(func() { s.watchLog(ctx) })
	defer cancel() // before the watchers are waited for

	var wait time.Duration
	for {
		up := time.NewTimer(steady)
		err := s.watch(ctx)
		if ctx.Err() != nil {
			return
		}
		select {
		case <-up.C:
			wait = 0
		default:
			up.Stop()
		}
		s.log.WarnContext(ctx, "PostgreSQL is gone, restarting it", "error", err)
		for pause(ctx, wait) == nil {
			wait = min(max(2*wait, firstPause), lastPause)
			err := s.locked(ctx, func() error { return s.ensure(ctx) })
			if err == nil {
				s.log.InfoContext(ctx, "PostgreSQL is back")
				break
			}
			if ctx.Err() == nil {
				s.log.ErrorContext(ctx, "PostgreSQL does not restart", "error", err, "next_try_in", wait)
			}
		}
	}
}

// watch returns when the server goes: a connection that asks for nothing ends
// then, whoever started the server.
func (s *Server) watch(ctx context.Context) error {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	// The connection is broken by now, and closing says no more than that.
	defer conn.Close(context.WithoutCancel(ctx)) //nolint:errcheck // see above
	if _, err := conn.WaitForNotification(ctx); err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
}
