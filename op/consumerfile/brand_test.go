package consumerfile_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/op/consumerfile"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// brand is a database with what an import needs.
type brand struct {
	t      *testing.T
	url    string
	store  *storage.Store
	report string
}

func newBrand(t *testing.T) *brand {
	t.Helper()
	b := &brand{t: t, url: storagetest.New(t), report: filepath.Join(t.TempDir(), "refused.jsonl")}
	var err error
	if b.store, err = storage.Open(t.Context(), storage.Options{URL: b.url}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.store.Close)
	return b
}

func (b *brand) options() consumerfile.Options {
	return consumerfile.Options{
		Report:       consumerfile.NewReport(b.report),
		HashPassword: func(_ context.Context, password string) (string, error) { return "hash of " + password, nil },
	}
}

// load imports lines and gives what has become of them.
func (b *brand) load(text string, opts consumerfile.Options) storage.ImportCounts {
	b.t.Helper()
	state, err := consumerfile.Import(b.t.Context(), b.store, strings.NewReader(text), opts)
	if err != nil {
		b.t.Fatal(err)
	}
	return state.ImportCounts
}

func (b *brand) refusals() []consumerfile.Refusal {
	b.t.Helper()
	text, err := os.ReadFile(b.report)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		b.t.Fatal(err)
	}
	var refusals []consumerfile.Refusal
	for line := range strings.Lines(string(text)) {
		var refusal consumerfile.Refusal
		if err := json.Unmarshal([]byte(line), &refusal); err != nil {
			b.t.Fatal(err)
		}
		refusals = append(refusals, refusal)
	}
	return refusals
}

func (b *brand) find(name string) *storage.Consumer {
	b.t.Helper()
	c, err := b.store.FindConsumer(b.t.Context(), name)
	if err != nil {
		b.t.Fatalf("%s: %v", name, err)
	}
	return c
}

// query gives the first column of the first row.
func query[T any](b *brand, sql string, args ...any) (value T) {
	b.t.Helper()
	conn, err := pgx.Connect(b.t.Context(), b.url)
	if err != nil {
		b.t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(b.t.Context())) //nolint:errcheck // nothing is left to do
	if err := conn.QueryRow(b.t.Context(), sql, args...).Scan(&value); err != nil {
		b.t.Fatal(err)
	}
	return value
}

// dump is everything that the store has of consumers.
func (b *brand) dump() string {
	return query[string](b, `select coalesce(string_agg(row_to_json(c)::text || coalesce((select string_agg(i.identifier || ' ' || i.kind, ',' order by 1) from identifiers i where i.consumer_id = c.id), ''), E'\n' order by id), '') from consumers c`)
}

func (b *brand) told() (text []string) {
	for _, r := range b.refusals() {
		text = append(text, fmt.Sprint(r.Line, " ", r.Pointer, " ", r.Rule))
	}
	return text
}

func numbered(from, to int) string {
	var text strings.Builder
	for i := from; i < to; i++ {
		fmt.Fprintf(&text, `{"external_id":"crm-%d","username":"user%d"}`+"\n", i, i)
	}
	return text.String()
}

// stopping imports until so many lines are done.
func (b *brand) stopping(input io.Reader, after int64, opts consumerfile.Options) consumerfile.State {
	b.t.Helper()
	ctx, cancel := context.WithCancel(b.t.Context())
	defer cancel()
	opts.Progress = func(s consumerfile.State) {
		if s.Lines >= after {
			cancel()
		}
	}
	state, err := consumerfile.Import(ctx, b.store, input, opts)
	if !errors.Is(err, consumerfile.ErrStopped) {
		b.t.Fatalf("%+v, %v, want that it was stopped", state, err)
	}
	return state
}
