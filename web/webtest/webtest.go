// Package webtest starts a whole provider for a test: over real TCP, with a
// database of its own and a clock that the test moves. It must never be imported
// by anything but tests.
package webtest

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
	"github.com/brandidp/idp/web"
)

// Provider is a provider that a test has for itself.
type Provider struct {
	// Issuer is its issuer identifier and the address it answers at, on
	// http://localhost.
	Issuer string
	Server *web.Server
	Store  *storage.Store
	// DatabaseURL is the connection string of its database.
	DatabaseURL string
	// Counts are the round trips and commits since they were last taken.
	Counts *Counts
	// Log is everything that was logged so far.
	Log *LogBuffer

	tb      testing.TB
	seeded  *seed
	keys    atomic.Int64
	offset  atomic.Int64
	options web.Options
}

// Start starts a provider and applies the brand files, if any. Change, if not
// nil, edits the options first. It ends with the test.
func Start(tb testing.TB, change func(*web.Options), brandFiles ...string) *Provider {
	tb.Helper()
	p := &Provider{tb: tb, Counts: &Counts{}, Log: &LogBuffer{}, DatabaseURL: storagetest.New(tb), seeded: seedOf(tb)}
	p.seeded.plant(tb, p.DatabaseURL)
	store, err := storage.Open(tb.Context(), storage.Options{URL: p.DatabaseURL, MaxConnections: 8, Tracer: p.Counts})
	if err != nil {
		tb.Fatal(err)
	}
	p.Store = store
	tb.Cleanup(store.Close)
	p.plantKey()

	listener := httptest.NewUnstartedServer(nil)
	p.Issuer = strings.Replace("http://"+listener.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	p.options = web.Options{
		Issuer: p.Issuer, Store: store, MasterKey: p.seeded.master, Brand: web.Brand{Name: "Brand"},
		Hashing:     password.Options{Memory: 64, Iterations: 1, Concurrency: 4, Queue: 64, Random: rand.Reader},
		SessionIdle: 24 * time.Hour, SessionLifetime: 30 * 24 * time.Hour,
		Now: p.Now, Rand: rand.Reader, Log: slog.New(slog.NewTextHandler(p.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if change != nil {
		change(&p.options)
	}
	p.Issuer = p.options.Issuer
	if p.Server, err = web.New(tb.Context(), p.options); err != nil {
		tb.Fatal(err)
	}
	listener.Config.Handler = p.Server.Handler()
	listener.Start()
	tb.Cleanup(listener.Close)
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { p.Server.Run(ctx) })
	tb.Cleanup(func() { stop(); running.Wait() })
	for _, file := range brandFiles {
		p.Apply(file)
	}
	return p
}

// Apply applies a brand file, as idp apply does, and has the provider read it.
func (p *Provider) Apply(yaml string) *brandfile.Result {
	p.tb.Helper()
	file, faults := brandfile.Parse("brand.yaml", []byte(yaml), brandfile.Options{Issuer: p.Issuer})
	if len(faults) > 0 {
		p.tb.Fatal(faults)
	}
	hasher, err := password.New(p.options.Hashing)
	if err != nil {
		p.tb.Fatal(err)
	}
	result, err := brandfile.Apply(p.tb.Context(), p.Store, file, brandfile.Changes{}, brandfile.Makers{
		HashPassword: hasher.Hash, SigningKey: p.nextKey, Rand: rand.Reader,
	})
	if err != nil {
		p.tb.Fatal(err)
	}
	p.Reload()
	return result
}

// Reload has the provider read clients and keys now.
func (p *Provider) Reload() {
	p.tb.Helper()
	if err := p.Server.Provider.Load(p.tb.Context()); err != nil {
		p.tb.Fatal(err)
	}
}

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

func (p *Provider) withConn(f func(*pgx.Conn) error) {
	p.tb.Helper()
	conn, err := pgx.Connect(p.tb.Context(), p.DatabaseURL)
	if err != nil {
		p.tb.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(p.tb.Context())) //nolint:errcheck // the test has its answer
	if err := f(conn); err != nil {
		p.tb.Fatal(err)
	}
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
