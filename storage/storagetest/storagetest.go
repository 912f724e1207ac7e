// Package storagetest gives each test a PostgreSQL database of its own.
//
// All test binaries of a user share one server, started by package
// storage/builtin in a folder of the machine's memory (/dev/shm) where there is
// room, else under os.TempDir, and a database is a copy of a template that has the
// schema. A package that uses it says so once:
//
//	func TestMain(m *testing.M) { storagetest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		url := storagetest.New(t)
//		…
//
// Package storage imports nothing of this one, so its tests that use it are in
// package storage_test. The package must never be imported by anything but tests.
package storagetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/brandidp/idp/storage/storagetest/datadir"
)

// stopTimeout is how long the last test binary waits for the server to stop, and
// a test for its database to go.
const stopTimeout = 30 * time.Second

// shared is the process's share in the server, opened by the first test that
// asks for a database and closed by Main.
var shared struct { //nolint:gochecknoglobals // one server per process is the purpose
	sync.Mutex

	main    bool
	cluster *cluster
	err     error
}

// Main runs a package's tests, leaves the server when they are done, and exits.
func Main(m *testing.M) { os.Exit(Run(m)) }

// Run is Main for a package that has something of its own to clear away
// afterwards: it returns the exit code. The last test binary to leave the server
// stops it. M is a *testing.M, or something that runs one.
func Run(m interface{ Run() int }) int {
	shared.Lock()
	shared.main = true
	shared.Unlock()
	code := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.cluster != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := shared.cluster.close(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "storagetest:", err)
			code = max(code, 1)
		}
	}
	return code
}

// TwiceAtOnce has a package run twice as many tests at once as go test would, unless
// -parallel says how many: for tests that wait about half the time, for the database
// or the clock. Call it before Run.
func TwiceAtOnce() {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" || f.Name == "test.fuzz" }) // of workers
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) // never fails
	}
}

// New returns the connection string of a fresh database that has the schema and
// belongs to the role idp, which is no superuser. It is dropped when the test
// ends, with the connections that are left.
func New(tb testing.TB) string {
	tb.Helper()
	return database(tb, true)
}

// NewEmpty is New without the schema.
func NewEmpty(tb testing.TB) string {
	tb.Helper()
	return database(tb, false)
}

func database(tb testing.TB, schema bool) string {
	tb.Helper()
	c, err := join(tb.Context())
	if err != nil {
		tb.Fatalf("storagetest: %v", err)
	}
	name, err := c.create(tb.Context(), schema)
	if err != nil {
		tb.Fatalf("storagetest: %v", err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		if err := c.drop(ctx, name); err != nil {
			tb.Errorf("storagetest: %v", err)
		}
	})
	return c.url(name)
}

// join opens the process's share in the server once.
func join(ctx context.Context) (*cluster, error) {
	shared.Lock()
	defer shared.Unlock()
	if !shared.main {
		return nil, errors.New("this package needs: func TestMain(m *testing.M) { storagetest.Main(m) }")
	}
	if shared.cluster == nil && shared.err == nil {
		// The server outlives the test that happens to be the first.
		shared.cluster, shared.err = open(context.WithoutCancel(ctx))
	}
	return shared.cluster, shared.err
}

// DataDir returns a folder for a server of the test's own (builtin.Start with
// Disposable set), which is removed when the test ends: unlike tb.TempDir, the
// system user whom PostgreSQL runs as can pass through it when tests run as root.
func DataDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp(datadir.Parent(), "idp-test-") //nolint:usetesting // tb.TempDir is too long for a socket, too
	if err != nil {
		tb.Fatalf("storagetest: %v", err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Errorf("storagetest: remove data directory: %v", err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // passable, not readable
		tb.Fatalf("storagetest: %v", err)
	}
	return dir
}

// sharedDir is the data directory that this user's test binaries share.
func sharedDir() (string, error) {
	dir := filepath.Join(datadir.Parent(), fmt.Sprintf("idp-test-%d", os.Getuid()))
	if err := os.Mkdir(dir, 0o711); err != nil && !os.IsExist(err) { //nolint:gosec // passable, not readable
		return "", fmt.Errorf("make the tests' data directory: %w", err)
	}
	// Anybody may have made it in a folder that is everybody's.
	info, err := os.Lstat(dir)
	if err != nil {
		return "", fmt.Errorf("check the tests' data directory: %w", err)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || !ok || int(stat.Uid) != os.Getuid() || info.Mode().Perm()&0o022 != 0 {
		return "", fmt.Errorf("%s is not a folder of this user alone: move it away", dir)
	}
	return dir, nil
}
