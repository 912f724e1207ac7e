package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/brandidp/idp/storage/storagetest"
)

// startLimit is how long a start of the program may take on a busy machine.
const startLimit = time.Minute

// cheapHashing keeps tests that are not about hashing quick.
var cheapHashing = []string{"--password-hashing-memory-kib", "7168", "--password-hashing-iterations", "1"}

// An idp is a program that serves, and can be ended and started again.
type idp struct {
	// Issuer is also the address that it answers at.
	Issuer string
	// Args are the flags that every command beside it has to be given.
	Args []string
	// DataDir holds the master key, and the database if no other is named.
	DataDir string

	tb      testing.TB
	mu      sync.Mutex
	process *process
}

// serve starts idp serve with a database of its own in the tests' server.
func serve(tb testing.TB, flags ...string) *idp {
	tb.Helper()
	return serveAt(tb, tb.TempDir(), append([]string{"--database-url", storagetest.New(tb)}, flags...)...)
}

// serveBuiltin starts idp serve with the PostgreSQL that it brings along.
func serveBuiltin(tb testing.TB, flags ...string) *idp {
	tb.Helper()
	return serveAt(tb, storagetest.DataDir(tb), flags...)
}

func serveAt(tb testing.TB, dataDir string, flags ...string) *idp {
	tb.Helper()
	port := freePort(tb)
	s := &idp{
		Issuer: fmt.Sprintf("http://localhost:%d", port), DataDir: dataDir, tb: tb,
		Args: append([]string{"--listen", fmt.Sprintf("127.0.0.1:%d", port), "--data-dir", dataDir}, flags...),
	}
	s.Start()
	return s
}

// Start starts the program, anew after it has ended, and waits until it is ready.
func (s *idp) Start() {
	s.tb.Helper()
	p := startProcess(s.tb, append([]string{"serve"}, s.Args...)...)
	s.mu.Lock()
	s.process = p
	s.mu.Unlock()
	if err := p.Ready(); err != nil {
		s.tb.Fatal(err)
	}
}

// Stop ends the program as an operator does, if it runs.
func (s *idp) Stop() {
	s.tb.Helper()
	s.mu.Lock()
	p := s.process
	s.process = nil
	s.mu.Unlock()
	if p != nil {
		p.Terminate()
	}
}

// Kill ends the program without a chance to say goodbye.
func (s *idp) Kill() {
	s.tb.Helper()
	s.mu.Lock()
	p := s.process
	s.process = nil
	s.mu.Unlock()
	p.kill()
}

// Log is what the running program has logged.
func (s *idp) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.process.Log()
}

var (
	firstClient  = regexp.MustCompile(`client_id: (\S+)`)
	firstAddress = regexp.MustCompile(`redirect_uris: \["?([^\],"]+)`)
)

// Apply runs idp apply beside it, and waits until it knows the first client of
// the brand file, if any.
func (s *idp) Apply(brand string) {
	s.tb.Helper()
	out, err := s.Run(brand, "apply", "-f", "-")
	if err != nil {
		s.tb.Fatalf("idp apply: %v\n%s", err, out)
	}
	client, address := firstClient.FindStringSubmatch(brand), firstAddress.FindStringSubmatch(brand)
	if client == nil || address == nil {
		return
	}
	eventually(s.tb, "aware of the clients", func() error {
		return knows(s.tb.Context(), s.Issuer, client[1], address[1])
	})
}

// knows gives an error while an instance does not know a client.
func knows(ctx context.Context, instance, client, address string) error {
	page, err := newPerson(instance, "", "").Authorize(ctx, params(
		"client_id", client, "response_type", "code", "scope", "openid", "redirect_uri", address))
	if err == nil && page.Status >= http.StatusBadRequest {
		err = fmt.Errorf("status %d", page.Status)
	}
	return err
}

// Run runs a command beside it and gives everything that it has printed.
func (s *idp) Run(stdin string, args ...string) (string, error) {
	s.tb.Helper()
	return run(s.tb, stdin, append(args, s.Args...)...)
}

// run runs a command of the program to its end.
func run(tb testing.TB, stdin string, args ...string) (string, error) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), startLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, build(tb), args...)
	cmd.Stdin, cmd.Env = strings.NewReader(stdin), environment()
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// environment is the test's own without what would configure the program. The race
// detector does not wait for a second before each end, as it does by itself.
func environment() []string {
	var kept []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "IDP_") && !strings.HasPrefix(variable, "PG") {
			kept = append(kept, variable)
		}
	}
	return append(kept, "GORACE=halt_on_error=0 exitcode=66 atexit_sleep_ms=0")
}

// WaitReady waits until the health check says that it is ready.
func (s *idp) WaitReady() {
	s.tb.Helper()
	eventually(s.tb, "ready", func() error {
		response, err := http.Get(s.Issuer + "/health/ready")
		if err != nil {
			return err
		}
		defer response.Body.Close() //nolint:errcheck // read whole, or of no interest
		if response.StatusCode != http.StatusOK {
			return fmt.Errorf("status %d", response.StatusCode)
		}
		return nil
	})
}

// eventually tries until there is no error, for as long as a start may take.
func eventually(tb testing.TB, what string, try func() error) {
	tb.Helper()
	deadline := time.Now().Add(startLimit)
	for {
		err := try()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			tb.Fatalf("not %s: %v", what, err)
		}
		time.Sleep(20 * time.Millisecond) // between looks at another process
	}
}

// A process is one run of the program.
type process struct {
	tb    testing.TB
	cmd   *exec.Cmd
	log   *logBuffer
	ended chan struct{}
	code  int
}

// startProcess starts the program without waiting for anything.
func startProcess(tb testing.TB, args ...string) *process {
	tb.Helper()
	return startCommand(tb, exec.Command(build(tb), args...))
}

func startCommand(tb testing.TB, cmd *exec.Cmd) *process {
	tb.Helper()
	p := &process{tb: tb, cmd: cmd, log: &logBuffer{ready: make(chan struct{})}, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr, cmd.Env = p.log, p.log, environment()
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	go func() {
		defer close(p.ended)
		err := cmd.Wait()
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			p.code = exit.ExitCode()
		}
	}()
	tb.Cleanup(func() {
		select {
		case <-p.ended:
		default:
			p.Terminate()
		}
		if tb.Failed() {
			tb.Logf("log of idp (process %d):\n%s", cmd.Process.Pid, tail(p.Log()))
		}
		if strings.Contains(p.Log(), "DATA RACE") || strings.Contains(p.Log(), "msg=panic") {
			tb.Errorf("a data race or a panic:\n%s", tail(p.Log()))
		}
	})
	return p
}

// Ready waits for the line that says so.
func (p *process) Ready() error {
	select {
	case <-p.log.ready:
		return nil
	case <-p.ended:
		return fmt.Errorf("idp serve ended with code %d:\n%s", p.code, p.Log())
	case <-time.After(startLimit):
		return fmt.Errorf("idp serve was not ready in time:\n%s", p.Log())
	}
}

// Terminate sends SIGTERM and expects an end in order.
func (p *process) Terminate() {
	p.tb.Helper()
	p.signal(syscall.SIGTERM)
	if code := p.Wait(); code != 0 {
		p.tb.Errorf("after SIGTERM idp ended with code %d", code)
	}
}

// Wait gives the exit code.
func (p *process) Wait() int {
	p.tb.Helper()
	select {
	case <-p.ended:
	case <-time.After(startLimit):
		p.tb.Errorf("idp did not end:\n%s", tail(p.Log()))
		p.kill()
	}
	return p.code
}

func (p *process) signal(sig os.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.tb.Error(err)
	}
}

func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// Log is what it has logged so far.
func (p *process) Log() string { return p.log.String() }

func tail(text string) string {
	const limit = 8000
	if len(text) > limit {
		return "…" + text[len(text)-limit:]
	}
	return text
}

// logBuffer keeps what was logged and tells when the program is ready.
type logBuffer struct {
	mu    sync.Mutex
	text  bytes.Buffer
	once  sync.Once
	ready chan struct{}
}

func (b *logBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, err := b.text.Write(line)
	if text := b.text.Bytes(); bytes.Contains(text, []byte("msg=ready ")) || bytes.Contains(text, []byte("demonstration is ready")) {
		b.once.Do(func() { close(b.ready) })
	}
	return n, err
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// nextPort walks through ports below those that systems give to whoever does
// not ask for one, so that nobody takes it before idp does, or between two of
// its runs.
var nextPort = sync.OnceValue(func() *atomic.Int32 {
	var port atomic.Int32
	port.Store(10000 + rand.Int32N(20000))
	return &port
})

func freePort(tb testing.TB) int {
	tb.Helper()
	for range 100 {
		port := int(nextPort().Add(1))
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close() // nothing was accepted
			return port
		}
	}
	tb.Fatal("no free port")
	return 0
}

// postmaster is the process id of the built-in PostgreSQL's first process.
func postmaster(tb testing.TB, dataDir string) int {
	tb.Helper()
	text, err := os.ReadFile(postmasterFile(dataDir))
	if err != nil {
		tb.Fatal(err)
	}
	var pid int
	if _, err := fmt.Sscan(string(text), &pid); err != nil {
		tb.Fatal(err)
	}
	return pid
}

// stopped expects that the built-in PostgreSQL has ended in order: it takes its
// file away then.
func stopped(tb testing.TB, dataDir string) {
	tb.Helper()
	if _, err := os.Stat(postmasterFile(dataDir)); !errors.Is(err, fs.ErrNotExist) {
		tb.Errorf("PostgreSQL still runs, or was killed (%v)", err)
	}
}

func postmasterFile(dataDir string) string {
	return filepath.Join(dataDir, "postgres", "data", "postmaster.pid")
}
