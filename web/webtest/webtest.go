// Package webtest starts a whole provider for a test: over real TCP, with a
// database of its own and a clock that the test moves. It must never be imported
// by anything but tests.
package webtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
	"github.com/brandidp/idp/web"
)

// Provider is a provider that a test has for itself.
type Provider struct {
	// Issuer is its issuer identifier.
	Issuer string
	// Address is where it answers, the issuer's path included: the issuer itself,
	// but for a second instance (Another).
	Address string
	Server  *web.Server
	Store   *storage.Store
	// DatabaseURL is the connection string of its database.
	DatabaseURL string
	// Counts are the round trips and commits since they were last taken.
	Counts *Counts
	// Log is everything that was logged so far.
	Log *LogBuffer

	tb        testing.TB
	seeded    *seed
	keys      *atomic.Int64
	offset    *atomic.Int64
	lost      chan *httptest.ResponseRecorder // answers that no browser gets
	transport http.RoundTripper
	options   web.Options
	stop      func()
	aside     func() (*pgxpool.Pool, error) // see openAside
}

// Start starts a provider in a database of its own and applies the brand files,
// if any. Change, if not nil, edits the options first; an issuer that it makes
// https is served over TLS. It ends with the test.
func Start(tb testing.TB, change func(*web.Options), brandFiles ...string) *Provider {
	tb.Helper()
	return StartAt(tb, storagetest.New(tb), change, brandFiles...)
}

// StartAt is Start in a database that has the schema and nothing else.
func StartAt(tb testing.TB, databaseURL string, change func(*web.Options), brandFiles ...string) *Provider {
	tb.Helper()
	p := &Provider{tb: tb, DatabaseURL: databaseURL, seeded: seedOf(tb), keys: new(atomic.Int64), offset: new(atomic.Int64)}
	p.aside = sync.OnceValues(p.openAside)
	p.seeded.plant(p)
	p.open()
	p.serve(func(opts *web.Options) {
		if change != nil {
			change(opts)
		}
		p.plantKey(opts)
	})
	for _, file := range brandFiles {
		p.apply(file)
	}
	if len(brandFiles) > 0 {
		p.Reload()
	}
	return p
}

// Another starts one more instance of the same provider: same issuer, same
// database, same clock, at an address of its own.
func (p *Provider) Another() *Provider {
	p.tb.Helper()
	return p.another(func(opts *web.Options) { opts.Issuer = p.Issuer })
}

// AnotherIssuer starts a provider over the same database with an issuer of its
// own, which has a path.
func (p *Provider) AnotherIssuer(path string) *Provider {
	p.tb.Helper()
	return p.another(func(opts *web.Options) { opts.Issuer += path })
}

func (p *Provider) another(change func(*web.Options)) *Provider {
	p.tb.Helper()
	other := &Provider{tb: p.tb, DatabaseURL: p.DatabaseURL, seeded: p.seeded, keys: p.keys, offset: p.offset, aside: p.aside}
	other.open()
	other.serve(func(opts *web.Options) {
		opts.Signers = p.options.Signers
		opts.Hashing, opts.SessionIdle, opts.SessionLifetime = p.options.Hashing, p.options.SessionIdle, p.options.SessionLifetime
		opts.RefreshGrace, opts.HandOver, opts.Keys = p.options.RefreshGrace, p.options.HandOver, p.options.Keys
		change(opts)
	})
	return other
}

func (p *Provider) open() {
	p.tb.Helper()
	p.Counts, p.Log = &Counts{}, &LogBuffer{}
	store, err := storage.Open(p.tb.Context(), storage.Options{URL: p.DatabaseURL, MaxConnections: 8, Tracer: p.Counts})
	if err != nil {
		p.tb.Fatal(err)
	}
	p.Store = store
	p.tb.Cleanup(store.Close)
}

func (p *Provider) serve(change func(*web.Options)) {
	p.tb.Helper()
	listener := httptest.NewUnstartedServer(nil)
	host := strings.Replace(listener.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	p.options = web.Options{
		Issuer: "http://" + host, Store: p.Store, MasterKey: p.seeded.master, Signers: p.seeded.signers, Brand: web.Brand{Name: "Brand"},
		Hashing:     cheapHashing(),
		SessionIdle: 24 * time.Hour, SessionLifetime: 30 * 24 * time.Hour, RefreshGrace: 10 * time.Second,
		Keys: keys.DefaultSettings(),
		Now:  p.Now, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(p.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	change(&p.options)
	p.Issuer = p.options.Issuer
	server, err := web.New(p.tb.Context(), p.options)
	if err != nil {
		p.tb.Fatal(err)
	}
	p.Server = server
	p.lost = make(chan *httptest.ResponseRecorder, 1)
	listener.Config.Handler = p.watch(losing(server.Handler(), p.lost))
	listener.Config.ErrorLog = log.New(p.Log, "", 0)
	p.Address = "http://" + host + server.Provider.BasePath()
	if strings.HasPrefix(p.Issuer, "https:") {
		p.Address = "https://" + host + server.Provider.BasePath()
		listener.StartTLS()
		transport := listener.Client().Transport.(*http.Transport).Clone() //nolint:forcetypeassert // httptest's
		transport.TLSClientConfig.ServerName = "example.com"               // which its certificate names
		p.transport = transport
	} else {
		listener.Start()
	}
	p.tb.Cleanup(listener.Close)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { server.Run(ctx) })
	p.stop = func() { stop(); running.Wait() }
	p.tb.Cleanup(func() {
		p.stop()
		if p.seeded.leaked([]byte(p.Log.String())) {
			p.tb.Error("a private key was logged")
		}
	})
}

// StopRunning ends what the provider does by itself, as its end would. Requests are
// answered as long as what it has read is not too old.
func (p *Provider) StopRunning() { p.stop() }

// cheapHashing is what tests hash passwords with.
func cheapHashing() password.Options {
	return password.Options{Memory: 64, Iterations: 1, Concurrency: 4, Queue: 64, Random: rand.Reader}
}

// Apply applies a brand file, as idp apply does, and has the provider read it.
func (p *Provider) Apply(yaml string) *brandfile.Result {
	p.tb.Helper()
	result := p.apply(yaml)
	p.Reload()
	return result
}

func (p *Provider) apply(yaml string) *brandfile.Result {
	p.tb.Helper()
	file, faults := brandfile.Parse("brand.yaml", []byte(yaml), brandfile.Options{Issuer: p.Issuer})
	if len(faults) > 0 {
		p.tb.Fatal(faults)
	}
	hasher, err := password.New(cheapHashing())
	if err != nil {
		p.tb.Fatal(err)
	}
	result, err := brandfile.Apply(p.tb.Context(), p.Store, file, brandfile.Changes{}, brandfile.Makers{
		HashPassword: hasher.Hash, SigningKey: p.NewSigningKey, Rand: rand.Reader,
	})
	if err != nil {
		p.tb.Fatal(err)
	}
	return result
}

// SetPassword changes a consumer's password, as idp consumer set-password does.
func (p *Provider) SetPassword(username, newPassword string) {
	p.tb.Helper()
	hasher, err := password.New(cheapHashing())
	if err != nil {
		p.tb.Fatal(err)
	}
	hash, err := hasher.Hash(p.tb.Context(), newPassword)
	if err != nil {
		p.tb.Fatal(err)
	}
	consumer, err := p.Store.FindConsumer(p.tb.Context(), username)
	if err != nil {
		p.tb.Fatal(err)
	}
	err = p.Store.Administer(p.tb.Context(), func(tx *storage.Tx) error {
		return tx.SetPassword(p.tb.Context(), consumer.ID, hash)
	})
	if err != nil {
		p.tb.Fatal(err)
	}
}

// RenewDataKey makes a new data key for a purpose, as idp data-key renew does, and
// gives its id.
func (p *Provider) RenewDataKey(purpose string) int64 {
	p.tb.Helper()
	id, err := p.seeded.keyring.Renew(p.tb.Context(), p.Store, purpose, storage.AuditEvent{})
	if err != nil {
		p.tb.Fatal(err)
	}
	return id
}

// OpenKeyring opens the data keys of the provider's database as they are now, as a
// command does.
func (p *Provider) OpenKeyring() *seal.Keyring {
	p.tb.Helper()
	opened, err := seal.Open(p.tb.Context(), p.Store, p.seeded.master, rand.Reader)
	if err != nil {
		p.tb.Fatal(err)
	}
	return opened.Keyring
}

// Reload has the provider read clients and keys now.
func (p *Provider) Reload() {
	p.tb.Helper()
	if err := p.Server.Provider.Load(p.tb.Context()); err != nil {
		p.tb.Fatal(err)
	}
}

// MasterKey is the source of the master key of its database.
func (p *Provider) MasterKey() seal.MasterKeySource { return p.seeded.master }

// Now is the provider's clock.
func (p *Provider) Now() time.Time { return time.Now().Add(time.Duration(p.offset.Load())) } //nolint:forbidigo // it is the clock

// Advance moves the clock on, the database's and the provider's alike.
func (p *Provider) Advance(d time.Duration) {
	p.tb.Helper()
	offset := time.Duration(p.offset.Add(int64(d)))
	p.Exec(fmt.Sprintf(`create or replace function idp_now() returns timestamptz language sql volatile parallel safe
		as 'select clock_timestamp() + interval ''%d microseconds'''`, offset.Microseconds()))
	p.Reload()
}

// AdvanceInstance moves the clock of this process on, and not the database's.
func (p *Provider) AdvanceInstance(d time.Duration) { p.offset.Add(int64(d)) }

// Exec runs SQL in the provider's database, over a connection that is not counted.
func (p *Provider) Exec(sql string, args ...any) {
	p.tb.Helper()
	p.withConn(func(conn *pgx.Conn) error {
		_, err := conn.Exec(p.tb.Context(), sql, args...)
		return err
	})
}

// Query reads one value from the provider's database.
func Query[T any](p *Provider, sql string, args ...any) T {
	p.tb.Helper()
	var value T
	p.withConn(func(conn *pgx.Conn) error {
		return conn.QueryRow(p.tb.Context(), sql, args...).Scan(&value)
	})
	return value
}

// withConn lends a connection that is not the provider's. It is kept for the next, since
// PostgreSQL starts a process for each.
func (p *Provider) withConn(f func(*pgx.Conn) error) {
	p.tb.Helper()
	pool, err := p.aside()
	if err == nil {
		err = pool.AcquireFunc(p.tb.Context(), func(conn *pgxpool.Conn) error { return f(conn.Conn()) })
	}
	if err != nil {
		p.tb.Fatal(err)
	}
}

// openAside prepares the connections that are not the provider's. No statement is
// prepared for longer than it runs, so that a test may change the schema in between, and
// no connection is lent that has been cut since.
func (p *Provider) openAside() (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(p.DatabaseURL)
	if err != nil {
		return nil, err
	}
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeDescribeExec
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return true }
	config.MaxConns = 32 // of tests, one may wait for another
	pool, err := pgxpool.NewWithConfig(context.WithoutCancel(p.tb.Context()), config)
	if err == nil {
		p.tb.Cleanup(pool.Close)
	}
	return pool, err
}

// LogBuffer keeps what was logged. It is safe for concurrent use.
type LogBuffer struct {
	mu   sync.Mutex
	text strings.Builder
}

var _ io.Writer = (*LogBuffer)(nil)

// Write appends to the log.
func (b *LogBuffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(line) //nolint:wrapcheck // never fails
}

// String is the log so far.
func (b *LogBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// masterKeyOf is a source of a key for tests.
func masterKeyOf(text string) seal.MasterKeySource { return seal.MasterKeyValue(text) }

// Eventually waits until something holds that happens in the background.
func Eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	const patience, pause = 10 * time.Second, 10 * time.Millisecond
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for !holds() {
		select {
		case <-ctx.Done():
			tb.Fatalf("after %v: %s", patience, what)
		case <-time.After(pause):
		}
	}
}
