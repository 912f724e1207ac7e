package builtin

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestSuperviseRestartsAKilledServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	// Not disposable: the second kill may come while the server is still starting.
	starter := start(t, Options{DataDir: dir})
	joined := start(t, Options{DataDir: dir})
	var supervisors sync.WaitGroup
	for _, s := range []*Server{starter, joined} {
		supervisors.Go(func() { s.Supervise(t.Context()) })
	}
	execute(t, connect(t, starter.URL()), "create table acknowledged ()")

	for range 2 {
		pid := serverPID(starter)
		eventually(t, "both watch", func() bool {
			return query[int](t, connect(t, starter.AdminURL()), "select count(*) from pg_stat_activity where usename = 'postgres'") >= 3
		})
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another server answers", func() bool {
			conn, err := pgx.Connect(t.Context(), joined.URL())
			if err != nil {
				return false
			}
			defer conn.Close(t.Context()) //nolint:errcheck // only asked
			next := serverPID(starter)
			return next != 0 && next != pid
		})
	}
	if !query[bool](t, connect(t, starter.URL()), "select to_regclass('acknowledged') is not null") {
		t.Error("the table is gone")
	}
	stop(t, starter)
	stop(t, joined)
	supervisors.Wait() // Stop ends them
	if pid := serverPID(joined); pid != 0 {
		t.Errorf("server after the last left = %d, want none", pid)
	}
}

// helperCommand prepares an idp-like process.
func helperCommand(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), helperDir+"="+dir)
	return cmd
}

// helper starts an idp-like process, and waits until it says that it has started.
func helper(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := helperCommand(t, dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make([]byte, 1024)
	n, err := out.Read(said)
	if got := strings.TrimSpace(string(said[:n])); got != "started" {
		t.Fatalf("helper said %q, %v", got, err)
	}
	return cmd
}

func kill(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed
}

func TestNextJoinsTheServerOfAKilledProcess(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	killed := helper(t, dir)
	observer, err := open(Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	pid := serverPID(observer)
	execute(t, connect(t, observer.URL()), "create table acknowledged ()")
	kill(t, killed)
	if got := serverPID(observer); pid == 0 || got != pid {
		t.Fatalf("server after its starter was killed = %d, want %d", got, pid)
	}

	s := start(t, Options{DataDir: dir, Disposable: true})
	if s.child != nil {
		t.Error("started another server")
	}
	if !query[bool](t, connect(t, s.URL()), "select to_regclass('acknowledged') is not null") {
		t.Error("the table is gone")
	}
	stop(t, s)
	if got := serverPID(s); got != 0 {
		t.Errorf("server after the last left = %d, want none", got)
	}
}

func TestBothKilled(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	killed := helper(t, dir)
	observer, err := open(Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	execute(t, connect(t, observer.URL()), "create table acknowledged ()")
	pid := serverPID(observer)
	kill(t, killed)
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// Whether or not somebody waits for the orphan, which stays as a number if not.
	s := start(t, Options{DataDir: dir, Disposable: true})
	if !query[bool](t, connect(t, s.URL()), "select to_regclass('acknowledged') is not null") {
		t.Error("the table is gone")
	}
}

func TestStalePIDOfAnotherProcess(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, Options{DataDir: dir, Disposable: true})
	stop(t, s)
	// As after a crash of the machine, when the number means another process of the
	// server's user.
	other := s.command(t.Context(), "/", "/bin/sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { kill(t, other) })
	if err := os.WriteFile(s.pidFile(), fmt.Appendf(nil, "%d\n%s\n", other.Process.Pid, s.folder.data()), 0o644); err != nil {
		t.Fatal(err)
	}
	again := start(t, Options{DataDir: dir})
	if serverPID(again) == 0 {
		t.Error("no server")
	}
}
