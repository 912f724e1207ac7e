// Package storage is PostgreSQL: the only place that knows SQL. It owns the row
// types and has one file per table and one function per protocol step, each of
// them one transaction. It decides nothing about the protocol, never sees a
// password, and takes codes, tokens and handles only as their SHA-256.
//
// Whatever a statement decides about time it decides by idp_now(), the
// database's clock.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The errors that callers decide by. Everything else is a fault of ours.
var (
	// ErrNotFound: no row that is alive answers to what was asked for.
	ErrNotFound = errors.New("not found")
	// ErrConflict: a value that must be unique belongs to another row.
	ErrConflict = errors.New("conflict")
	// ErrUnavailable: the database cannot be reached or did not answer in time.
	// It alone becomes 503. So is a transaction that PostgreSQL gave up for the sake
	// of another.
	ErrUnavailable = errors.New("database unavailable")
	// ErrClientGone: the client was deleted while something was issued to it.
	ErrClientGone = errors.New("client is gone")
)

// connectTimeout is how long a server may take to accept a connection.
const connectTimeout = 5 * time.Second

// Options say how to reach PostgreSQL.
type Options struct {
	// URL is a PostgreSQL connection string, possibly of a pooler in
	// transaction mode.
	URL string
	// DirectURL is used where a session of one's own is needed (LISTEN,
	// migrations). Empty means URL.
	DirectURL string
	// MaxConnections bounds the pool; 0 means 20.
	MaxConnections int32
	// Tracer, if set, sees every round trip. Tests count by it.
	Tracer pgx.QueryTracer
}

// Store is the database. It is safe for concurrent use.
type Store struct {
	pool      *pgxpool.Pool
	directURL string
}

// Open prepares the pool. It does not wait for the database: a provider starts
// while PostgreSQL is away and says so in its readiness.
func Open(ctx context.Context, opts Options) (*Store, error) {
	cfg, err := pgxpool.ParseConfig(opts.URL)
	if err != nil {
		return nil, errors.New("database.url: not a PostgreSQL connection string") // pgx's text would repeat the password
	}
	cfg.MaxConns = opts.MaxConnections
	if cfg.MaxConns == 0 {
		cfg.MaxConns = 20
	}
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	if opts.Tracer != nil {
		cfg.ConnConfig.Tracer = opts.Tracer
	}
	if opts.DirectURL != "" && opts.DirectURL != opts.URL {
		// A pooler in transaction mode cannot keep named statements.
		cfg.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("open database pool: %w", wrap(err))
	}
	direct := opts.DirectURL
	if direct == "" {
		direct = opts.URL
	}
	return &Store{pool: pool, directURL: direct}, nil
}

// Close gives every connection back.
func (s *Store) Close() { s.pool.Close() }

// Connections tells how many of the pool's connections are in use, idle, and may be
// open at most.
func (s *Store) Connections() (used, idle, most int32) {
	stat := s.pool.Stat()
	return stat.AcquiredConns(), stat.IdleConns(), stat.MaxConns()
}

// Ping asks the database for an answer.
func (s *Store) Ping(ctx context.Context) error {
	return wrap(s.pool.Ping(ctx))
}

// inTx runs f in one transaction.
func (s *Store) inTx(ctx context.Context, f func(tx pgx.Tx) error) error {
	return wrap(pgx.BeginFunc(ctx, s.pool, f))
}

// wrap names the errors that callers decide by, and leaves the rest.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) || errors.Is(err, ErrUnavailable) || errors.Is(err, ErrClientGone) {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotFound
	}
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err // of a file; the system's errors look like those of a network
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		return wrapPg(pgErr, err)
	}
	if _, ok := errors.AsType[*pgconn.ConnectError](err); ok {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if _, ok := errors.AsType[net.Error](err); ok || errors.Is(err, context.DeadlineExceeded) || pgconn.SafeToRetry(err) || isClosed(err) {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// wrapPg is wrap of what PostgreSQL itself has said.
func wrapPg(pgErr *pgconn.PgError, err error) error {
	switch pgErr.Code {
	case "40001", "40P01", "55P03": // serialization failure, deadlock, lock not available
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	case "23505": // unique violation
		return fmt.Errorf("%w: %s", ErrConflict, pgErr.ConstraintName)
	case "23503": // foreign key violation
		if strings.HasSuffix(pgErr.ConstraintName, "_client_id_fkey") {
			return fmt.Errorf("%w: %s", ErrClientGone, pgErr.ConstraintName)
		}
		if strings.HasSuffix(pgErr.ConstraintName, "_consumer_id_fkey") { // deleted in this very moment
			return fmt.Errorf("%w: %s", ErrNotFound, pgErr.ConstraintName)
		}
	}
	switch pgErr.Code[:2] {
	case "08", "53", "57": // connection, resources, operator intervention
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// isClosed tells a connection that was lost in the middle of a statement.
func isClosed(err error) bool {
	return errors.Is(err, net.ErrClosed) || errors.Is(err, io.ErrUnexpectedEOF) || err.Error() == "conn closed"
}
