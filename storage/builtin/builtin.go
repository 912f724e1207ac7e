// Package builtin runs the private PostgreSQL that idp uses when no server is
// named: it finds the server's binaries, makes the data directory, starts the
// server on a unix socket alone, shares it between the idp processes of one
// data directory, restarts it after a crash and stops it with the last of them.
//
// It owns the folder "postgres" of the data directory and nothing beside it:
//
//	postgres/data            PostgreSQL's own directory (PGDATA); postgresql.conf in it is the operator's to tune
//	postgres/initdb-*        data that are being made; what a killed first start leaves is removed at a later one
//	postgres/socket          the socket, in a folder that only the server's user may enter
//	postgres/pg_hba.conf     who may connect: written at each start of the server
//	postgres/pg_ident.conf   the two system users who may
//	postgres/server.log      what the server says; beyond 8 MiB it moves to server.log.1
//	postgres/*.lock          who is using the server, and who is starting or stopping it
//
// It must never touch the schema or a row (package storage does), and never
// listen on the network.
//
// # Sharing
//
// Every process holds a shared flock on members.lock from Start to Stop. Who
// joins or leaves holds start.lock meanwhile, so two racing starts make one
// server. The kernel takes locks back from a process that was killed; its
// server runs on, and the next process joins it.
//
// # Moving to another major version of PostgreSQL
//
// PostgreSQL reads only data of its own major version, so binaries of the
// version that made the data directory are chosen as long as they are
// installed, and a missing one is said in a sentence. To move: stop idp, run
// pg_upgrade as the server's user from postgres/data into a new directory that
// was made by the new initdb with the same flags, and put that in its place.
package builtin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"
)

const (
	role      = "idp"      // what idp works as, without superuser rights
	superuser = "postgres" // for maintenance
	port      = "5432"     // only a part of the socket's name

	// provisioning is the advisory lock, in the database postgres, of who makes the
	// role and the database of idp. The number has no meaning.
	provisioning = 5_249_716

	// undoTimeout is how long a failed Start may take to leave again.
	undoTimeout = 30 * time.Second
)

// ErrDataDir means that Options.DataDir cannot be made, or is not safe to use.
// Another folder, or other rights on this one, would help; trying again does not.
var ErrDataDir = errors.New("the data directory cannot be used")

// Options say where the server lives and how it behaves.
type Options struct {
	// DataDir is idp's data directory. It is made when absent: as root with mode
	// 0711, since the server's user passes through it, else with 0700.
	DataDir string
	// Log is told of starts, stops and crashes. Nil is silent.
	Log *slog.Logger
	// Settings of postgresql.conf, in its syntax. They win over that file, and
	// count when this process is the one that starts the server.
	Settings map[string]string
	// Disposable is for tests: nothing is synced to disk, so data survive the
	// death of processes but not that of the machine, and data that do not start
	// are thrown away and made anew.
	Disposable bool

	// searchDirs replaces the folders that are searched for binaries.
	searchDirs []string
}

// Server is this process's share in the PostgreSQL of a data directory. Its
// methods may be called from several goroutines.
type Server struct {
	options Options
	log     *slog.Logger
	self    account // whom idp runs as
	owner   account // whom PostgreSQL runs as
	folder  folder
	members *os.File

	closing chan struct{} // closed by Stop
	stop    sync.Once
	mu      sync.Mutex // held with start.lock; guards child
	child   *child
}

// Start joins the PostgreSQL of opts.DataDir, and starts it when it does not
// run, making its data at the first time. It returns when the server answers;
// recovery after a crash may take minutes, so the limit is ctx's. The caller
// ends with Stop.
//
// The errors are sentences for the person at the terminal: no binaries on this
// system, data of another major version, a folder that PostgreSQL's user cannot
// enter, what PostgreSQL itself said before it gave up.
func Start(ctx context.Context, opts Options) (*Server, error) {
	s, err := open(opts)
	if err != nil {
		return nil, fmt.Errorf("built-in PostgreSQL: %w", err)
	}
	err = s.locked(ctx, func() error {
		if err := share(s.members); err != nil {
			return err
		}
		return s.ensure(ctx)
	})
	if err != nil {
		undo, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoTimeout)
		defer cancel()
		return nil, fmt.Errorf("built-in PostgreSQL: %w", errors.Join(err, s.Stop(undo)))
	}
	return s, nil
}

// open finds out who runs what and prepares the folder.
func open(opts Options) (*Server, error) {
	s := &Server{options: opts, log: opts.Log, closing: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if s.self, err = currentAccount(); err != nil {
		return nil, err
	}
	if s.owner, err = ownerAccount(s.self); err != nil {
		return nil, err
	}
	if s.folder, err = openFolder(opts.DataDir, s.self); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	if s.members, err = openLock(s.folder.members()); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDataDir, err)
	}
	return s, nil
}

// Initialised tells whether a data directory has data of a PostgreSQL in it.
func Initialised(dataDir string) bool {
	_, err := os.Stat(filepath.Join(folder{path: filepath.Join(dataDir, folderName)}.data(), "PG_VERSION"))
	return err == nil
}

// URL is the connection string for the database idp as the role idp, which owns
// that database and is no superuser.
func (s *Server) URL() string { return s.url(role, role) }

// AdminURL is the connection string for the database postgres as the superuser.
// It is for maintenance (making and dropping databases in tests, upgrades);
// idp's own work goes through URL.
func (s *Server) AdminURL() string { return s.url(superuser, superuser) }

// Stop leaves the server, and shuts it down when no other process uses it. Open
// connections are cut (PostgreSQL's fast shutdown). When ctx ends first, its
// error is returned and the server finishes alone; the next Start waits for it.
// Further calls do nothing.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		close(s.closing)
		err = s.leave(ctx)
	})
	return err
}

func (s *Server) url(user, database string) string {
	u := url.URL{
		Scheme: "postgres",
		User:   url.User(user),
		Path:   "/" + database,
		// All that an environment variable of PostgreSQL's clients could change.
		RawQuery: url.Values{"host": {s.folder.socket()}, "port": {port}, "sslmode": {"disable"}}.Encode(),
	}
	return u.String()
}

func (s *Server) leave(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, s.members.Close()) }()
	return s.locked(ctx, func() error {
		last, err := tryExclusive(s.members)
		if err != nil || !last {
			return err
		}
		return s.shutDown(ctx)
	})
}

// locked runs f while no other process, and no other goroutine of this one,
// starts, joins or stops the server.
func (s *Server) locked(ctx context.Context, f func() error) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	lock, err := openLock(s.folder.start())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := exclusive(ctx, lock); err != nil {
		return err
	}
	return f()
}
