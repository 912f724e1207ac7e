package storagetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/brandidp/idp/migrations"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/builtin"
)

const (
	databasePrefix = "idp_test_"     // and the run's number in hexadecimal, "_", a counter
	templatePrefix = "idp_template_" // and a hash of the migrations

	// lockSpace keeps the lock for making templates apart from runs' numbers, which
	// are locks of the other kind (one bigint).
	lockSpace, templateLock = 1768189044, 1
)

// cluster is the process's share in the server.
type cluster struct {
	server   *builtin.Server
	admin    *pgxpool.Pool
	alive    *pgx.Conn // holds the lock on run: who cannot take it knows that the run lives
	run      int64
	made     atomic.Int64
	template string
	strategy string // how PostgreSQL copies a database, in the syntax of create database
}

// open joins the server, sweeps what dead runs left and makes the template.
func open(ctx context.Context) (_ *cluster, err error) {
	dir, err := sharedDir()
	if err != nil {
		return nil, err
	}
	server, err := builtin.Start(ctx, builtin.Options{DataDir: dir, Disposable: true, Settings: settings()})
	if err != nil {
		return nil, fmt.Errorf("start the tests' server: %w", err)
	}
	c := &cluster{server: server}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.close(ctx))
		}
	}()
	if err := c.register(ctx); err != nil {
		return nil, err
	}
	config, err := pgxpool.ParseConfig(server.AdminURL())
	if err != nil {
		return nil, fmt.Errorf("connect to the tests' server: %w", err)
	}
	config.MaxConns = 4
	if c.admin, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("connect to the tests' server: %w", err)
	}
	if c.template, err = templateName(); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx); err != nil {
		return nil, err
	}
	return c, nil
}

// settings suit many small databases that nobody will miss.
func settings() map[string]string {
	return map[string]string{
		"autovacuum":         "off",
		"checkpoint_timeout": "1h",
		"max_connections":    "400",
		"max_wal_senders":    "0",
		"max_wal_size":       "2GB",
		"synchronous_commit": "off",
		"wal_level":          "minimal",
	}
}

// register gives the run a number and holds the lock of that number.
func (c *cluster) register(ctx context.Context) error {
	var number [8]byte
	if _, err := rand.Read(number[:]); err != nil {
		return fmt.Errorf("number of the run: %w", err)
	}
	c.run = int64(binary.BigEndian.Uint64(number[:]) >> 1)
	var err error
	if c.alive, err = pgx.Connect(ctx, c.server.AdminURL()); err != nil {
		return fmt.Errorf("connect to the tests' server: %w", err)
	}
	if _, err := c.alive.Exec(ctx, "select pg_advisory_lock($1)", c.run); err != nil {
		return fmt.Errorf("lock the run: %w", err)
	}
	return nil
}

// templateName changes with the migrations, so a changed schema makes a new one.
func templateName() (string, error) {
	sum := sha256.New()
	err := fs.WalkDir(migrations.FS, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(migrations.FS, path)
		_, _ = fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text) // a hash takes everything
		return err                                                  //nolint:wrapcheck // wrapped below
	})
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	return templatePrefix + hex.EncodeToString(sum.Sum(nil)[:8]), nil
}

// prepare sweeps, and makes the template unless it is there, while no other test
// binary does.
func (c *cluster) prepare(ctx context.Context) error {
	conn, err := c.admin.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("prepare the template: %w", err)
	}
	defer conn.Release()
	var version int
	if err := conn.QueryRow(ctx, "select current_setting('server_version_num')::int").Scan(&version); err != nil {
		return fmt.Errorf("prepare the template: %w", err)
	}
	if version >= 150000 {
		// The only way before, and where nothing is synced three times as fast as the
		// new default.
		c.strategy = " strategy file_copy"
	}
	if _, err := conn.Exec(ctx, "select pg_advisory_lock($1, $2)", lockSpace, templateLock); err != nil {
		return fmt.Errorf("prepare the template: %w", err)
	}
	err = c.sweep(ctx, conn.Conn())
	if err == nil {
		err = c.makeTemplate(ctx, conn.Conn())
	}
	_, unlock := conn.Exec(ctx, "select pg_advisory_unlock($1, $2)", lockSpace, templateLock)
	if err := errors.Join(err, unlock); err != nil {
		return fmt.Errorf("prepare the template: %w", err)
	}
	return nil
}

// sweep drops the databases of runs that are dead, and templates of other schemas
// when no other run is alive.
func (c *cluster) sweep(ctx context.Context, conn *pgx.Conn) error {
	rows, err := conn.Query(ctx, "select datname from pg_database where datname like 'idp\\_te%'")
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("list databases: %w", err)
	}
	var alone bool
	err = conn.QueryRow(ctx, `select count(*) = 1 from pg_locks where locktype = 'advisory' and objsubid = 1 and granted`).Scan(&alone)
	if err != nil {
		return fmt.Errorf("count runs: %w", err)
	}
	for _, name := range names {
		dead, err := c.isWaste(ctx, conn, name, alone)
		if err != nil {
			return err
		}
		if dead {
			if err := c.drop(ctx, name); err != nil {
				return err
			}
		}
	}
	return nil
}

// isWaste reports whether nobody needs the database any more; alone says that no
// other run is alive.
func (c *cluster) isWaste(ctx context.Context, conn *pgx.Conn, name string, alone bool) (bool, error) {
	if strings.HasPrefix(name, templatePrefix) {
		return alone && name != c.template, nil
	}
	number, _, _ := strings.Cut(strings.TrimPrefix(name, databasePrefix), "_")
	run, err := strconv.ParseInt(number, 16, 64)
	if alone || err != nil { // a name that is none of ours says nothing
		return alone, nil //nolint:nilerr // see above
	}
	return isDead(ctx, conn, run)
}

// isDead reports whether nobody holds the lock of the run.
func isDead(ctx context.Context, conn *pgx.Conn, run int64) (bool, error) {
	var dead bool
	err := conn.QueryRow(ctx, `select not exists (select from pg_locks where locktype = 'advisory' and objsubid = 1 and granted
		and classid::bigint << 32 | objid::bigint = $1)`, run).Scan(&dead)
	if err != nil {
		return false, fmt.Errorf("look for the run of a database: %w", err)
	}
	return dead, nil
}

// makeTemplate makes the template under another name, so that its own name says
// that it is complete.
func (c *cluster) makeTemplate(ctx context.Context, conn *pgx.Conn) error {
	var exists bool
	if err := conn.QueryRow(ctx, "select exists (select from pg_database where datname = $1)", c.template).Scan(&exists); err != nil {
		return fmt.Errorf("look for the template: %w", err)
	}
	if exists {
		return nil
	}
	unfinished := c.template + "_new"
	if err := c.drop(ctx, unfinished); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "create database "+unfinished+" owner idp"); err != nil {
		return fmt.Errorf("make the template: %w", err)
	}
	if err := storage.Migrate(ctx, c.url(unfinished)); err != nil {
		return fmt.Errorf("make the template: %w", err)
	}
	if _, err := conn.Exec(ctx, "alter database "+unfinished+" rename to "+c.template); err != nil {
		return fmt.Errorf("make the template: %w", err)
	}
	return nil
}

// create makes a database of this run.
func (c *cluster) create(ctx context.Context, schema bool) (string, error) {
	name := fmt.Sprintf("%s%x_%d", databasePrefix, c.run, c.made.Add(1))
	template := "template1"
	if schema {
		template = c.template
	}
	if _, err := c.admin.Exec(ctx, "create database "+name+" owner idp template "+template+c.strategy); err != nil {
		return "", fmt.Errorf("make a database: %w", err)
	}
	return name, nil
}

// drop removes a database, if it is there, with the connections to it.
func (c *cluster) drop(ctx context.Context, name string) error {
	_, err := c.admin.Exec(ctx, "drop database if exists "+name+" with (force)")
	if err != nil {
		return fmt.Errorf("drop a database: %w", err)
	}
	return nil
}

// url is the connection string of a database as the role idp.
func (c *cluster) url(name string) string {
	u, err := url.Parse(c.server.URL())
	if err != nil {
		panic(err) // builtin made it
	}
	u.Path = "/" + name
	return u.String()
}

// close leaves the server.
func (c *cluster) close(ctx context.Context) error {
	if c.admin != nil {
		c.admin.Close()
	}
	var err error
	if c.alive != nil {
		err = c.alive.Close(ctx)
	}
	if err := errors.Join(err, c.server.Stop(ctx)); err != nil {
		return fmt.Errorf("leave the tests' server: %w", err)
	}
	return nil
}
