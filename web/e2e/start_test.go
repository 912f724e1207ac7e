package e2e_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage/storagetest"
)

// A start that is refused says why in a sentence, and changes nothing.
func TestStartIsRefused(t *testing.T) {
	t.Parallel()

	t.Run("database of a newer release", func(t *testing.T) {
		t.Parallel()
		dir, url := t.TempDir(), storagetest.NewEmpty(t)
		s := serveAt(t, dir, "--database-url", url)
		s.Stop()
		query[int](t, url, "update schema_version set version = 999 returning 1")
		before := contents(t, url)
		refuses(t, "the database was migrated by a newer idp: its schema is version 999", append([]string{"serve"}, s.Args...)...)
		if after := contents(t, url); after != before {
			t.Errorf("the database was changed from\n%s\nto\n%s", before, after)
		}
	})

	t.Run("database of another issuer", func(t *testing.T) {
		t.Parallel()
		dir, url := t.TempDir(), storagetest.NewEmpty(t)
		s := serveAt(t, dir, "--database-url", url)
		other := append([]string{"serve"}, s.Args...)
		other[2] = fmt.Sprintf("127.0.0.1:%d", freePort(t))
		other = append(other, "--issuer", "https://id.brand.example")
		refuses(t, "issuer: this database belongs to "+s.Issuer+", not to https://id.brand.example: start with --issuer "+s.Issuer, other...)
		s.Stop()
		changed := startProcess(t, append(other, "--accept-issuer-change")...)
		if err := changed.Ready(); err != nil {
			t.Fatal(err)
		}
		changed.Terminate()
		if n := query[int](t, url, "select count(*) from audit_events where action = 'serve --accept-issuer-change'"); n != 1 {
			t.Errorf("%d events", n)
		}
		refuses(t, "this database belongs to https://id.brand.example", append([]string{"serve"}, s.Args...)...)
	})

	t.Run("master key missing", func(t *testing.T) {
		t.Parallel()
		dir, url := t.TempDir(), storagetest.NewEmpty(t)
		s := serveAt(t, dir, "--database-url", url)
		s.Stop()
		key, away := filepath.Join(dir, "master.key"), filepath.Join(dir, "elsewhere")
		if info, err := os.Stat(key); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("master key: %v, %v", info, err)
		}
		if err := os.Rename(key, away); err != nil {
			t.Fatal(err)
		}
		fingerprint := hex.EncodeToString(query[[]byte](t, url, "select fingerprint from master_keys"))
		refuses(t, "sealed with the master key of fingerprint "+fingerprint, append([]string{"serve"}, s.Args...)...)
		if _, err := os.Stat(key); err == nil {
			t.Error("another master key was made")
		}
		if err := os.WriteFile(key, []byte(strings.Repeat("A", 43)+"="), 0o600); err != nil {
			t.Fatal(err)
		}
		refuses(t, fingerprint, append([]string{"serve"}, s.Args...)...)
		if err := os.Rename(away, key); err != nil {
			t.Fatal(err)
		}
		s.Start()
	})

	t.Run("port taken", func(t *testing.T) {
		t.Parallel()
		taken, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer taken.Close() //nolint:errcheck // nobody has come
		address := taken.Addr().String()
		dir := filepath.Join(t.TempDir(), "data")
		refuses(t, address+" is taken by another program: name another address with --listen", "serve", "--listen", address, "--data-dir", dir)
		if _, err := os.Stat(dir); err == nil {
			t.Error("a data directory was made all the same")
		}
	})
}

// refuses expects that a command ends with a sentence and without a stack trace.
func refuses(t *testing.T, sentence string, args ...string) {
	t.Helper()
	out, err := run(t, "", args...)
	if err == nil || !strings.Contains(out, sentence) || strings.Contains(out, "goroutine") {
		t.Errorf("%v, output:\n%s\nwant %q in it", err, out, sentence)
	}
}

// query reads one value from a database.
func query[T any](t *testing.T, url, sql string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context()) //nolint:errcheck // the answer is there
	var value T
	if err := conn.QueryRow(t.Context(), sql).Scan(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// contents is everything in a database: each column, and each row of each table.
func contents(t *testing.T, url string) string {
	t.Helper()
	return query[string](t, url, `
		select string_agg(format('%s.%s %s', table_name, column_name, data_type), e'\n' order by table_name, ordinal_position)
		from information_schema.columns where table_schema = 'public'`) +
		query[string](t, url, `
		select string_agg(query_to_xml(format('table %I', table_name), true, false, '')::text, e'\n' order by table_name)
		from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`)
}

// As an ordinary user the program and its PostgreSQL need nothing of root's.
func TestOrdinaryUser(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Log("all tests run as one")
		return
	}
	u, err := user.Lookup("postgres") // there is one where PostgreSQL runs at all as root
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	home := storagetest.DataDir(t)
	if err := os.Chown(home, uid, gid); err != nil {
		t.Fatal(err)
	}
	port := freePort(t)
	data := filepath.Join(home, "data")
	args := append([]string{"--listen", fmt.Sprintf("127.0.0.1:%d", port), "--data-dir", data}, cheapHashing...)
	command := func(args ...string) *exec.Cmd {
		cmd := exec.Command(build(t), args...)
		cmd.Dir = home
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
		return cmd
	}
	p := startCommand(t, command(append([]string{"serve"}, args...)...))
	if err := p.Ready(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(p.Log(), "as root") {
		t.Error("it takes itself for root")
	}
	apply := command(append([]string{"apply", "-f", "-"}, args...)...)
	apply.Stdin = strings.NewReader(clients + crowd(1))
	if out, err := apply.CombinedOutput(); err != nil {
		t.Fatalf("idp apply: %v\n%s", err, out)
	}
	eventually(t, "signed in", func() error {
		return signInOnce(t.Context(), member(fmt.Sprintf("http://localhost:%d", port), 0), subOf(0)).err
	})
	p.Terminate()
	stopped(t, data)
}
