package storage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// statements keeps what a store sends.
type statements struct {
	mu   sync.Mutex
	sent []pgx.TraceQueryStartData
}

func (s *statements) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, data)
	return ctx
}

func (*statements) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// node is one of a plan, as EXPLAIN tells it.
type node struct {
	Type      string `json:"Node Type"`
	Index     string `json:"Index Name"`
	Relation  string `json:"Relation Name"`
	Hit       int    `json:"Shared Hit Blocks"`
	Read      int    `json:"Shared Read Blocks"`
	Plans     []node `json:"Plans"`
	Operation string `json:"Operation"`
}

// shape is what the plan is, without what it costs.
func (n node) shape() string {
	var below []string
	for _, plan := range n.Plans {
		below = append(below, plan.shape())
	}
	return strings.TrimSpace(n.Type+" "+n.Operation+" "+n.Index+n.Relation) + "(" + strings.Join(below, " ") + ")"
}

// TestConsumersCostTheSameHoweverMany: what is done for one consumer has the same plan
// among a thousand as among a hundred thousand, and reads as many pages, but for the
// further level that an index may have by then.
func TestConsumersCostTheSameHoweverMany(t *testing.T) {
	t.Parallel()
	few, many := costsAmong(t, 1_000), costsAmong(t, 100_000)
	for name, one := range few {
		other := many[name]
		if diff := cmp.Diff(one.shapes, other.shapes); diff != "" {
			t.Errorf("%s: the plan changes:\n%s", name, diff)
		}
		for _, shape := range other.shapes {
			if strings.Contains(shape, "Seq Scan consumers") || strings.Contains(shape, "Seq Scan identifiers") {
				t.Errorf("%s: reads a whole table: %s", name, shape)
			}
		}
		t.Logf("%s: %d pages of 1,000, %d of 100,000", name, one.pages, other.pages)
		if other.pages > one.pages+one.indexes {
			t.Errorf("%s: %d pages of 1,000, %d of 100,000, by %d indexes", name, one.pages, other.pages, one.indexes)
		}
	}
}

// cost is what statements ask of the database.
type cost struct {
	shapes         []string
	pages, indexes int
}

func costsAmong(t *testing.T, consumers int) map[string]cost {
	t.Helper()
	url, tracer := storagetest.New(t), &statements{}
	store, err := storage.Open(t.Context(), storage.Options{URL: url, MaxConnections: 1, Tracer: tracer})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	for _, sql := range []string{
		fmt.Sprintf(`insert into consumers (sub, external_id, username, claims, customer_info)
			select 'sub-' || n, 'crm-' || n, 'user' || n, '{"given_name":"Some"}', '{"ctype":"vip"}' from generate_series(1, %d) n`, consumers),
		"insert into identifiers (identifier, consumer_id, kind) select username, id, 'username' from consumers",
		`insert into clients (client_id, metadata) values ('shop', '{}')`,
		"vacuum analyze",
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	ctx, n := t.Context(), consumers/2
	in, err := store.VouchedConsumer(ctx, storage.ConsumerKey{Sub: fmt.Sprint("sub-", n)})
	if err != nil {
		t.Fatal(err)
	}
	in.Session.AuthTime, in.Session.EndsAt, in.Session.AMR = time.Now(), time.Now().Add(time.Hour), []string{}
	costs := map[string]cost{}
	key := fmt.Sprint("crm-", n)
	there, err := store.ConsumerByExternalID(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	event := storage.AuditEvent{Actor: "crm", ActorKind: "api_key", Action: "put-consumer", TargetKind: "consumer"}
	steps := map[string]func() error{
		"upsert, read": func() error {
			_, err := store.ConsumerByExternalID(ctx, key)
			return err
		},
		"upsert, replace": func() error {
			changed := *there
			changed.CustomerInfo = nil
			return store.ReplaceConsumer(ctx, &changed, []storage.Identifier{{Value: there.Username, Kind: "username"}}, false, event)
		},
		"upsert, create": func() error {
			made := storage.Consumer{ExternalID: "crm-new", Username: "new", ManagedBy: "api"}
			return store.CreateConsumer(ctx, &made, []storage.Identifier{{Value: "new", Kind: "username"}}, event, nil)
		},
		"engage by external_id": func() error {
			_, err := store.VouchedConsumer(ctx, storage.ConsumerKey{ExternalID: fmt.Sprint("crm-", n)})
			return err
		},
		"engage by sub": func() error {
			_, err := store.VouchedConsumer(ctx, storage.ConsumerKey{Sub: fmt.Sprint("sub-", n)})
			return err
		},
		"engage, code": func() error {
			return store.Issue(ctx, storage.Issue{
				Session: &in.Session, ClientID: 1,
				Code: &storage.NewCode{SHA256: handle("code"), ClientID: 1, RedirectURI: "https://shop.example/cb", Scope: "openid", Lifetime: time.Minute},
			})
		},
	}
	for _, name := range slices.Sorted(maps.Keys(steps)) {
		tracer.sent = nil
		if err := steps[name](); err != nil {
			t.Fatal(name, err)
		}
		// As it was before.
		for _, sql := range []string{
			"truncate authorization_codes", "truncate audit_events", "delete from consumers where external_id = 'crm-new'",
			fmt.Sprintf("update consumers set updated_at = '%[1]s' where id = %[2]d and updated_at <> '%[1]s'", there.UpdatedAt.Format(time.RFC3339Nano), there.ID),
		} {
			if _, err := conn.Exec(ctx, sql); err != nil {
				t.Fatal(err)
			}
		}
		costs[name] = explain(t, conn, tracer.sent)
	}
	return costs
}

// indexesOfConsumers are those of a consumer and of identifiers, which writing one sees.
const indexesOfConsumers = 8

// explain runs statements again, in a transaction that does not last.
func explain(t *testing.T, conn *pgx.Conn, sent []pgx.TraceQueryStartData) (c cost) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(context.WithoutCancel(t.Context())) //nolint:errcheck // the test has its answer
	for _, statement := range sent {
		if !slices.ContainsFunc([]string{"select", "with", "insert", "update", "delete"}, func(verb string) bool {
			return strings.HasPrefix(strings.TrimSpace(statement.SQL), verb)
		}) {
			continue // begin, commit
		}
		var document []byte
		// Twice: what is read of the catalogue, and a page that is split, are none of its
		// cost.
		for range 2 {
			attempt, err := tx.Begin(t.Context())
			if err == nil {
				err = attempt.QueryRow(t.Context(), "explain (analyze, buffers, format json) "+statement.SQL, statement.Args...).Scan(&document)
			}
			if err == nil {
				err = attempt.Rollback(t.Context())
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, statement.SQL)
			}
		}
		var plans []struct {
			Plan node `json:"Plan"`
		}
		if err := json.Unmarshal(document, &plans); err != nil {
			t.Fatal(err)
		}
		root := plans[0].Plan
		c.shapes = append(c.shapes, root.shape())
		c.pages += root.Hit + root.Read
		c.indexes += strings.Count(string(document), `"Index Name"`)
		if strings.Contains(statement.SQL, "consumers (") || strings.Contains(statement.SQL, "update consumers") {
			c.indexes += indexesOfConsumers
		}
	}
	return c
}
