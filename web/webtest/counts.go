package webtest

import (
	"context"
	"regexp"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Counts counts what the provider asks of PostgreSQL in the course of requests.
// What it does by itself (reading the change counter, sweeping, moving an idle
// expiry on) is left out.
type Counts struct {
	mu sync.Mutex
	// RoundTrips are statements or batches sent, begin and commit included.
	RoundTrips int
	// Commits are transactions that wrote.
	Commits int

	transactions map[*pgx.Conn]*transaction
	statements   []string
	loss         *loss
}

// transaction is one that a connection is in the middle of.
type transaction struct{ itself, wrote bool }

var (
	_ pgx.QueryTracer = (*Counts)(nil)
	_ pgx.BatchTracer = (*Counts)(nil)
)

var (
	writes = regexp.MustCompile(`(?i)\b(insert into|update|delete from)\b`)
	// snapshot begins the transaction in which clients and keys are read anew.
	snapshot = regexp.MustCompile(`^begin .*read only`)
	itself   = regexp.MustCompile(`\binstances\b|skip locked|delete from (?:logout_notices|session_events)|set last_seen_at = idp_now\(\), expires_at|idp_password_form|listen |select pg_current_xact_id`)
)

// verdict is what the expressions say of a statement.
type verdict struct{ writes, itself bool }

// verdicts are those of the statements so far: they are the same few, and every
// test runs through here.
var verdicts sync.Map // of verdict, by statement

func judge(sql string) verdict {
	known, _ := verdicts.Load(sql)
	if v, ok := known.(verdict); ok {
		return v
	}
	v := verdict{writes: writes.MatchString(sql), itself: itself.MatchString(sql) && !strings.Contains(sql, "with person")}
	verdicts.Store(sql, v)
	return v
}

// Take gives the counts since the last call and begins anew.
func (c *Counts) Take() (roundTrips, commits int, statements []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	roundTrips, commits, statements = c.RoundTrips, c.Commits, c.statements
	c.RoundTrips, c.Commits, c.statements = 0, 0, nil
	return roundTrips, commits, statements
}

func (c *Counts) count(conn *pgx.Conn, sql string) {
	v := judge(sql)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loss != nil && c.loss.statement != "" && strings.Contains(sql, c.loss.statement) {
		c.lose(conn)
	}
	tx := c.transactions[conn]
	switch {
	case strings.HasPrefix(sql, "begin"):
		tx = &transaction{itself: snapshot.MatchString(sql)}
		if c.transactions == nil {
			c.transactions = map[*pgx.Conn]*transaction{}
		}
		c.transactions[conn] = tx
	case strings.HasPrefix(sql, "commit"), strings.HasPrefix(sql, "rollback"):
		delete(c.transactions, conn)
		if tx != nil && tx.wrote && sql == "commit" {
			c.commit(conn)
		}
	case tx != nil:
		tx.wrote = tx.wrote || v.writes
	case v.itself:
		return
	case v.writes:
		c.commit(conn)
	}
	if tx != nil && tx.itself {
		return
	}
	c.RoundTrips++
	c.statements = append(c.statements, sql)
}

// TraceQueryStart counts a statement.
func (c *Counts) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.count(conn, data.SQL)
	return ctx
}

// TraceQueryEnd has nothing to add.
func (*Counts) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart counts a batch, which is one round trip and one transaction.
func (c *Counts) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	var all []string
	for _, query := range data.Batch.QueuedQueries {
		all = append(all, query.SQL)
	}
	c.count(conn, strings.Join(all, ";\n"))
	return ctx
}

// TraceBatchQuery has nothing to add.
func (*Counts) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd has nothing to add.
func (*Counts) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
