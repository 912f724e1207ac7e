package builtin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// command prepares a program of PostgreSQL's to run as the server's user. The
// environment has nothing that could change what the program does; its messages
// are English.
func (s *Server) command(ctx context.Context, dir, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...) //nolint:gosec // the path is one of binaryDirs, the arguments are ours
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	cmd.SysProcAttr = s.processAttributes()
	return cmd
}

// initialise makes the data directory. It gets its name when it is complete, so a
// first start that was killed is simply done again: in another folder, since the
// killed one's initdb may still be at work in its own.
func (s *Server) initialise(ctx context.Context, b binaries) error {
	fresh, err := os.MkdirTemp(s.folder.path, attempts+"*")
	if err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := s.giveToOwner(fresh); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if err := s.initdb(ctx, b, fresh); err != nil {
		s.sweep(ctx)
		return fmt.Errorf("make the database: initdb: %w", err)
	}
	if err := os.Rename(fresh, s.folder.data()); err != nil {
		return fmt.Errorf("make the database: %w", err)
	}
	if s.options.Disposable {
		return nil
	}
	return syncDir(s.folder.path)
}

// initdb runs PostgreSQL's program of that name in an empty folder.
func (s *Server) initdb(ctx context.Context, b binaries, dir string) error {
	// The C locale sorts by bytes and is the same on every system and after each of
	// its upgrades; idp normalises text itself.
	args := []string{
		"--pgdata=" + dir, "--username=" + superuser, "--encoding=UTF8", "--locale=C",
		"--data-checksums", "--auth-local=peer", "--auth-host=reject",
	}
	if s.options.Disposable {
		args = append(args, "--no-sync")
	}
	cmd := s.command(ctx, s.folder.path, b.initdb(), args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, lastLine(said.String()))
	}
	return nil
}

// sweep removes what first starts left that did not come to their end. An initdb
// that outlived its idp may still write there; what it keeps from being removed
// is removed at a later start.
func (s *Server) sweep(ctx context.Context) {
	entries, err := os.ReadDir(s.folder.path)
	if err != nil {
		s.log.DebugContext(ctx, "unfinished data stay", "error", err)
	}
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), attempts) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(s.folder.path, entry.Name())); err != nil {
			s.log.DebugContext(ctx, "unfinished data stay", "error", err)
		}
	}
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	if err := errors.Join(dir.Sync(), dir.Close()); err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	return nil
}

// checkEnterable names the folder on the way to the data that the server's user
// cannot enter. The kernel is asked, by starting a program there, since modes
// alone do not tell (access lists, mount options).
func (s *Server) checkEnterable(ctx context.Context, b binaries) error {
	tryIn := func(dir string) error { return s.command(ctx, dir, b.postgres(), "--version").Run() }
	if err := tryIn(s.folder.path); !errors.Is(err, fs.ErrPermission) {
		return nil // anything else shows, with more detail, when the server starts
	}
	parents := []string{s.folder.path}
	for dir := filepath.Dir(s.folder.path); dir != parents[len(parents)-1]; dir = filepath.Dir(dir) {
		parents = append(parents, dir)
	}
	for _, dir := range slices.Backward(parents) {
		if errors.Is(tryIn(dir), fs.ErrPermission) {
			return fmt.Errorf("the system user %s, whom PostgreSQL runs as, cannot enter %s: "+
				"allow it with `chmod o+x %[2]s`, or choose another data directory", s.owner.name, dir)
		}
	}
	return nil
}

// writeAccess writes who may connect: by the kernel's word, over the socket, the
// user idp runs as and the server's own, as idp or for maintenance. Both files
// belong to idp's user, so that not even the database's superuser changes them.
func (s *Server) writeAccess() error {
	hba := "# Written by idp at each start of the server.\nlocal all all peer map=idp\n" //nolint:dupword // databases, users
	if err := s.writeFile(s.folder.hba(), hba); err != nil {
		return err
	}
	var ident strings.Builder
	ident.WriteString("# Written by idp at each start of the server.\n")
	for _, name := range slices.Compact([]string{s.self.name, s.owner.name}) {
		for _, as := range []string{role, superuser} {
			fmt.Fprintf(&ident, "idp \"%s\" %s\n", name, as)
		}
	}
	return s.writeFile(s.folder.ident(), ident.String())
}

// writeFile replaces a file that the server's user reads, whole or not at all.
func (s *Server) writeFile(path, text string) error {
	fresh := path + ".new"
	err := os.Remove(fresh)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = writeNew(fresh, text)
	}
	if err == nil {
		err = os.Rename(fresh, path)
	}
	if err != nil {
		return fmt.Errorf("write access rules: %w", err)
	}
	return nil
}

func writeNew(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // writeFile says what it is for
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Chmod(0o644), f.Close())
}

// arguments are the server's command line. It wins over postgresql.conf and over
// ALTER SYSTEM, so it has what must not change and leaves the rest to be tuned.
func (s *Server) arguments() []string {
	settings := map[string]string{
		"cluster_name":            "idp",
		"listen_addresses":        "",
		"port":                    port,
		"unix_socket_directories": s.folder.socket(),
		"unix_socket_permissions": "0700",
		"hba_file":                s.folder.hba(),
		"ident_file":              s.folder.ident(),
		"timezone":                "UTC",
		"log_timezone":            "UTC",
		"log_destination":         "stderr",
		"logging_collector":       "off",
		// Statements that fail are told to idp, which knows what may be logged; their
		// text and details ("Key (identifier)=(…) already exists") hold personal data.
		"log_min_messages":        "log",
		"log_min_error_statement": "panic",
		"log_error_verbosity":     "terse",
	}
	if s.options.Disposable {
		// Killed processes lose nothing all the same, only a machine that stops does.
		maps.Copy(settings, map[string]string{"fsync": "off", "full_page_writes": "off"})
	}
	maps.Copy(settings, s.options.Settings)
	args := make([]string, 0, 2+2*len(settings))
	args = append(args, "-D", s.folder.data())
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// connect opens a connection for maintenance.
func (s *Server) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.AdminURL())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	return conn, nil
}

// provision asks the server whether it is there, and makes idp's role and
// database if it has none: the database comes last, so its presence says that all
// is done. The lock waits for what the connection of a killed process may still be
// making.
func (s *Server) provision(ctx context.Context) (err error) {
	conn, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1)", provisioning); err != nil {
		return fmt.Errorf("wait for another connection that makes idp's database: %w", err)
	}
	var hasRole, hasDatabase bool
	err = conn.QueryRow(ctx, `select exists (select from pg_roles where rolname = $1),
		exists (select from pg_database where datname = $1)`, role).Scan(&hasRole, &hasDatabase)
	if err != nil {
		return fmt.Errorf("look for idp's database: %w", err)
	}
	if hasDatabase {
		return nil
	}
	statements := []string{
		"revoke all on database postgres, template1 from public",
		"create role " + role + " login nosuperuser nocreatedb nocreaterole",
		"create database " + role + " owner " + role,
	}
	if hasRole {
		statements = slices.Delete(statements, 1, 2)
	}
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("make idp's database: %w", err)
		}
	}
	return nil
}
