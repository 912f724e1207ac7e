package builtin

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/brandidp/idp/storage/storagetest/datadir"
)

// helperDir makes the test binary an idp-like process on that data directory: it
// starts, says so, and works until it is killed.
const helperDir = "IDP_BUILTIN_TEST_DIR"

func TestMain(m *testing.M) {
	dir := os.Getenv(helperDir)
	if dir == "" {
		os.Exit(m.Run())
	}
	s, err := Start(context.Background(), Options{DataDir: dir, Disposable: true})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	s.Supervise(context.Background())
}

// dataDir is a temporary folder that PostgreSQL's user may pass through.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(datadir.Parent(), "idp-") //nolint:usetesting // t.TempDir is closed to other users, and too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	return dir
}

func start(t *testing.T, opts Options) *Server {
	t.Helper()
	opts.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop(t, s)
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.child != nil {
			<-s.child.done // its end is logged, for which the test must still be there
		}
	})
	return s
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.Stop(ctx); err != nil {
		t.Error(err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return conn
}

func execute(t *testing.T, conn *pgx.Conn, sql string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func query[T any](t *testing.T, conn *pgx.Conn, sql string) T {
	t.Helper()
	var value T
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return value
}

// serverPID asks the system which process is the server of s, whoever started it.
func serverPID(s *Server) int {
	pid := recordedPID(s.pidFile())
	if pid == 0 || !isServer(pid, s.folder.data()) {
		return 0
	}
	return pid
}

// eventually waits for a state that another process brings about.
func eventually(t *testing.T, what string, reached func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for !reached() {
		if pause(ctx, pollInterval) != nil {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q does not say %q", err, part)
		}
	}
}

func TestFirstStartIsDurableAndPrivate(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: filepath.Join(dataDir(t), "data"), Settings: map[string]string{"max_connections": "7"}})
	conn := connect(t, s.URL())
	settings := map[string]string{}
	for _, name := range []string{
		"fsync", "full_page_writes", "synchronous_commit", "data_checksums", "listen_addresses", "max_connections",
		"server_encoding", "timezone", "lc_collate",
	} {
		settings[name] = query[string](t, conn, "select coalesce(current_setting('"+name+"', true), 'C')")
	}
	want := map[string]string{
		"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "data_checksums": "on", "listen_addresses": "", "max_connections": "7",
		"server_encoding": "UTF8", "timezone": "UTC", "lc_collate": "C",
	}
	if diff := cmp.Diff(want, settings); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}
	modes := map[string]fs.FileMode{}
	for _, path := range []string{s.folder.data(), s.folder.socket(), s.folder.log(), s.folder.members(), s.folder.start()} {
		info, err := os.Lstat(path)
		if err != nil {
			t.Fatal(err)
		}
		modes[filepath.Base(path)] = info.Mode().Perm()
	}
	wantModes := map[string]fs.FileMode{"data": 0o700, "socket": 0o700, "server.log": 0o600, "members.lock": 0o600, "start.lock": 0o600}
	if diff := cmp.Diff(wantModes, modes); diff != "" {
		t.Errorf("modes (-want +got):\n%s", diff)
	}
}

func TestIDPIsNoSuperuser(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: dataDir(t), Disposable: true})
	admin := connect(t, s.AdminURL())
	execute(t, admin, "create role another login superuser")
	execute(t, admin, "create database another")

	conn := connect(t, s.URL())
	got := query[string](t, conn, `select concat_ws(' ', rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
		(select string_agg(datname, ',') from pg_database where datdba = pg_roles.oid)) from pg_roles where rolname = current_user`)
	if want := "idp f f f f f idp"; got != want {
		t.Errorf("role = %q, want %q", got, want)
	}
	for _, sql := range []string{
		"set role postgres", "set session authorization postgres", "alter role idp superuser", "create database more",
		"copy (select 1) to program 'true'", "select pg_read_file('pg_hba.conf')", "alter system set fsync = off", "load 'auto_explain'",
	} {
		_, err := conn.Exec(t.Context(), sql)
		var answer *pgconn.PgError
		if !errors.As(err, &answer) || answer.Code != "42501" {
			t.Errorf("%s: %v, want insufficient_privilege", sql, err)
		}
	}
	for name, url := range map[string]string{
		"as another role": s.url("another", role), "in postgres": s.url(role, superuser), "in template1": s.url(role, "template1"),
	} {
		conn, err := pgx.Connect(t.Context(), url)
		if err == nil {
			_ = conn.Close(t.Context())
			t.Errorf("connecting %s succeeds", name)
		}
	}
}

func TestSecondJoinsAndLastStops(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := start(t, Options{DataDir: dir, Disposable: true})
	second := start(t, Options{DataDir: dir, Disposable: true})
	pid := serverPID(first)
	if pid == 0 || second.child != nil {
		t.Fatalf("server %d, started again by the second: %v", pid, second.child != nil)
	}
	stop(t, first)
	execute(t, connect(t, second.URL()), "create table kept ()")
	if got := serverPID(second); got != pid {
		t.Errorf("server after the first left = %d, want %d", got, pid)
	}
	stop(t, second)
	if got := serverPID(second); got != 0 {
		t.Errorf("server after the last left = %d, want none", got)
	}
	stop(t, second) // does nothing

	third := start(t, Options{DataDir: dir, Disposable: true})
	if got := query[bool](t, connect(t, third.URL()), "select to_regclass('kept') is not null"); !got {
		t.Error("the table is gone")
	}
}

func TestRacingStartsMakeOneServer(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	servers := make([]*Server, 4)
	var all sync.WaitGroup
	for i := range servers {
		all.Go(func() {
			s, err := Start(t.Context(), Options{DataDir: dir, Disposable: true})
			if err != nil {
				t.Error(err)
				return
			}
			servers[i] = s
		})
	}
	all.Wait()
	started := 0
	for _, s := range servers {
		if s == nil {
			continue
		}
		if s.child != nil {
			started++
		}
		t.Cleanup(func() { stop(t, s) })
	}
	if started != 1 {
		t.Errorf("servers started = %d, want 1", started)
	}
}

func TestServerIsOutOfTheTerminalsReach(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: dataDir(t), Disposable: true})
	group, err := syscall.Getpgid(serverPID(s))
	if err != nil {
		t.Fatal(err)
	}
	if group == syscall.Getpgrp() {
		t.Error("the server is in this process's group, which Ctrl-C reaches")
	}
}

func TestSettingThatPostgreSQLRefuses(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	_, err := Start(t.Context(), Options{DataDir: dir, Settings: map[string]string{"shared_buffers": "lots"}})
	wantError(t, err, "stopped while starting", "shared_buffers", "server.log")
	// Nothing is left behind: the next start works.
	start(t, Options{DataDir: dir})
}

func TestStartGivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	busy, err := open(Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	held := make(chan struct{})
	release := make(chan struct{})
	var holder sync.WaitGroup
	holder.Go(func() {
		_ = busy.locked(t.Context(), func() error { close(held); <-release; return nil })
	})
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	other, err := open(Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	err = other.locked(ctx, func() error { return errors.New("not reached") })
	wantError(t, err, "wait for another process", context.Canceled.Error())
	close(release)
	holder.Wait()
}

func TestDisposableDataAreMadeAnew(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, Options{DataDir: dir, Disposable: true})
	stop(t, s)
	if err := os.Truncate(filepath.Join(s.folder.data(), "global", "pg_control"), 0); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{DataDir: dir})
	wantError(t, err, "stopped while starting")
	start(t, Options{DataDir: dir, Disposable: true})
}
