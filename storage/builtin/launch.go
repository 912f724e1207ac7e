package builtin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	connectTimeout = 5 * time.Second
	// reportInterval is how often a long wait is mentioned in the log.
	reportInterval = 10 * time.Second
	// silence is how long a server that we did not start may run without answering
	// on its socket. One that recovers from a crash does answer.
	silence = 30 * time.Second
	// A killed server's own processes end a moment after it, and PostgreSQL refuses
	// to start beside them.
	leftoverRetries = 120
	leftoverPause   = 250 * time.Millisecond
)

// child is a server that this process started.
type child struct {
	pid       int
	logOffset int64         // where its part of the log begins
	done      chan struct{} // closed when it has ended
}

func (c *child) running() bool {
	if c == nil {
		return false
	}
	select {
	case <-c.done:
		return false
	default:
		return true
	}
}

// stoppedError says that the server ended before it answered.
type stoppedError struct{ reason, log string }

func (e *stoppedError) Error() string {
	return fmt.Sprintf("PostgreSQL stopped while starting: %s (more in %s)", e.reason, e.log)
}

// leftovers reports whether processes of a killed server were in the way.
func leftovers(err error) bool {
	stopped, ok := errors.AsType[*stoppedError](err)
	return ok && (strings.Contains(stopped.reason, "pre-existing shared memory block") ||
		strings.Contains(stopped.reason, `lock file "postmaster.pid" already exists`))
}

// ensure brings the server to where it answers and has idp's database, whatever
// it finds: no data yet, a server that runs, starts, stops or was killed.
func (s *Server) ensure(ctx context.Context) error {
	for tries := 0; ; tries++ {
		err := s.bring(ctx)
		switch {
		case err == nil, ctx.Err() != nil:
			return err
		case leftovers(err) && tries < leftoverRetries:
			if err := pause(ctx, leftoverPause); err != nil {
				return fmt.Errorf("wait for the killed server's processes: %w", err)
			}
		case s.options.Disposable && tries == 0:
			s.log.WarnContext(ctx, "throwing disposable data away", "error", err)
			if err := s.discard(ctx); err != nil {
				return err
			}
		default:
			return err
		}
	}
}

// bring starts the server unless it runs, and waits until it answers.
func (s *Server) bring(ctx context.Context) error {
	if err := s.makeSocketDir(); err != nil {
		return err
	}
	p := patience{report: time.NewTicker(reportInterval), silent: time.NewTimer(silence)}
	defer p.report.Stop()
	defer p.silent.Stop()
	launched := false
	for {
		err := s.provision(ctx)
		if err == nil || !starting(err) {
			return err
		}
		if s.postmaster() == 0 {
			if launched {
				return &stoppedError{reason: s.lastWords(), log: s.folder.log()}
			}
			if err := s.launch(ctx); err != nil {
				return err
			}
			launched = true
		}
		if err := s.wait(ctx, p, err); err != nil {
			return err
		}
	}
}

// patience is how long a start waits for an answer.
type patience struct {
	report *time.Ticker
	silent *time.Timer
}

// wait lets a moment pass after the server gave the answer.
func (s *Server) wait(ctx context.Context, p patience, answer error) error {
	if _, ok := errors.AsType[*pgconn.PgError](answer); ok || s.child.running() {
		p.silent.Reset(silence)
	}
	select {
	case <-p.silent.C:
		return fmt.Errorf("PostgreSQL runs as process %d and does not answer on its socket in %s: stop that process (kill -INT %[1]d)",
			s.postmaster(), s.folder.socket())
	case <-p.report.C:
		s.log.InfoContext(ctx, "waiting for PostgreSQL", "answer", answer)
	default:
	}
	if err := pause(ctx, pollInterval); err != nil {
		return fmt.Errorf("wait for PostgreSQL: %w", err)
	}
	return nil
}

// starting reports whether err is what a server says that is absent, starting,
// stopping or recovering (SQLSTATE 57P01 to 57P03).
func starting(err error) bool {
	if answer, ok := errors.AsType[*pgconn.PgError](err); ok {
		return strings.HasPrefix(answer.Code, "57P0")
	}
	_, unconnected := errors.AsType[*pgconn.ConnectError](err)
	return unconnected || pgconn.Timeout(err) || pgconn.SafeToRetry(err)
}

// launch starts the server, making its data first when there is none.
func (s *Server) launch(ctx context.Context) error {
	b, err := s.chooseBinaries(ctx)
	if err != nil {
		return err
	}
	if s.owner.uid != s.self.uid {
		if err := s.checkEnterable(ctx, b); err != nil {
			return err
		}
	}
	s.sweep(ctx)
	if made, err := s.dataMajor(); err != nil {
		return err
	} else if made == 0 {
		s.log.InfoContext(ctx, "making the database", "dir", s.folder.data(), "postgresql", b.major)
		if err := s.initialise(ctx, b); err != nil {
			return err
		}
	}
	if err := s.writeAccess(); err != nil {
		return err
	}
	if err := s.removeStalePIDs(); err != nil {
		return err
	}
	return s.startProcess(ctx, b)
}

func (s *Server) startProcess(ctx context.Context, b binaries) error {
	log, offset, err := s.openLog()
	if err != nil {
		return err
	}
	defer log.Close() //nolint:errcheck // the server has its own descriptor; nothing was written through this one
	// The server outlives ctx, and this process too if that is killed.
	cmd := s.command(context.WithoutCancel(ctx), s.folder.path, b.postgres(), s.arguments()...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	c := &child{pid: cmd.Process.Pid, logOffset: offset, done: make(chan struct{})}
	s.child = c
	go func() {
		defer close(c.done)
		_ = cmd.Wait() // the state says it as well
		s.log.InfoContext(ctx, "PostgreSQL ended", "pid", c.pid, "state", cmd.ProcessState.String())
	}()
	s.log.InfoContext(ctx, "PostgreSQL started", "pid", c.pid, "postgresql", b.major, "dir", s.folder.data())
	return nil
}

// postmaster is the process id of the server, 0 when it does not run.
func (s *Server) postmaster() int {
	if s.child.running() {
		return s.child.pid
	}
	pid := recordedPID(s.pidFile())
	if pid == 0 || !isServer(pid, s.folder.data()) {
		return 0
	}
	return pid
}

func (s *Server) pidFile() string { return filepath.Join(s.folder.data(), "postmaster.pid") }

func (s *Server) socketLock() string {
	return filepath.Join(s.folder.socket(), ".s.PGSQL."+port+".lock")
}

// recordedPID is the number in the first line of a file that the running, or a
// killed, server wrote.
func recordedPID(path string) int {
	raw, err := os.ReadFile(path)
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(raw, []byte("\n"))
	pid, err := strconv.Atoi(strings.TrimSpace(string(first)))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// removeStalePIDs removes a killed server's files whose number has come to mean
// another process (after a reboot, or in a container, where numbers are small) or
// a dead one that nobody waited for. PostgreSQL looks no closer than the number
// and would refuse to start; that data are in use it still sees from their shared
// memory.
func (s *Server) removeStalePIDs() error {
	for _, path := range []string{s.pidFile(), s.socketLock()} {
		pid := recordedPID(path)
		if pid == 0 || isServer(pid, s.folder.data()) || syscall.Kill(pid, 0) != nil {
			continue
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("remove a killed server's file: %w", err)
		}
	}
	return nil
}

// shutDown stops the server in order: clients are cut off, transactions rolled
// back, data written out.
func (s *Server) shutDown(ctx context.Context) error {
	if pid := s.postmaster(); pid != 0 {
		if err := syscall.Kill(pid, syscall.SIGINT); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop PostgreSQL: %w", err)
		}
	}
	for s.postmaster() != 0 {
		if err := pause(ctx, pollInterval); err != nil {
			return fmt.Errorf("wait for PostgreSQL to stop: %w", err)
		}
	}
	// The folder elsewhere has no other use; the one in the data directory is made again.
	if err := os.Remove(s.folder.socket()); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.log.DebugContext(ctx, "the socket's folder stays", "error", err)
	}
	return nil
}

// discard throws the data away.
func (s *Server) discard(ctx context.Context) error {
	if err := s.shutDown(ctx); err != nil {
		return err
	}
	if err := os.RemoveAll(s.folder.data()); err != nil {
		return fmt.Errorf("throw disposable data away: %w", err)
	}
	return nil
}
