package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// The kinds of actors; audit_events knows no other. Actor is the name of an API key, the
// client_id of a client, the name of the operating system's user who gave a command, or
// that of a schedule of keys.
const (
	ActorAPIKey   = "api_key"
	ActorClient   = "client"
	ActorCommand  = "command"
	ActorSchedule = "schedule"
)

// AuditEvent tells who did what to what. Before and After must have no secret and no
// personal data in them.
type AuditEvent struct {
	ID int64
	At time.Time
	// Actor is a name, by ActorKind. An event without either is refused by the database.
	Actor, ActorKind string
	// Action is the operation of the API, such as put-consumer, or the command, such as
	// consumer sign-out.
	Action string
	// Target is a sub, a client_id or another name, by TargetKind. If it is empty, that
	// of the row that is written takes its place.
	Target, TargetKind string
	// Address is where the request came from; the zero value if it was no request.
	Address   netip.Addr
	RequestID string
	// Before and After are JSON objects, nil if there was nothing.
	Before, After json.RawMessage
	// ExpiresAt is set when it is read.
	ExpiresAt time.Time
}

// auditSQL tells of what the rows c of the statement that it is a part of have become;
// they have a column target. Its parameters are those of AuditEvent.args. The
// transaction gets its number before the events get theirs: AuditHorizon relies on it.
const auditSQL = `audit as (
  insert into audit_events (actor, actor_kind, action, target_kind, target, address, request_id, before, after, at)
  select $1, $2, $3, $4, coalesce(nullif($5, ''), c.target), $6, $7, $8, $9, coalesce($10::timestamptz, idp_now()) from c where case when $11 then pg_current_xact_id() is not null end
)`

// args are the first eleven parameters of a statement with auditSQL, with those behind
// them that the rest of it has. An event without an action is not told.
func (e AuditEvent) args(rest ...any) []any {
	var address *netip.Addr
	if e.Address.IsValid() {
		plain := e.Address.Unmap().WithZone("")
		address = &plain
	}
	return append([]any{
		e.Actor, e.ActorKind, e.Action, e.TargetKind, e.Target, address, e.RequestID, e.Before, e.After, instant(e.At), e.Action != "",
	}, rest...)
}

// aloneSQL tells of what no row that is written stands for.
const aloneSQL = "with c as (select ''::text as target), " + auditSQL + " select"

// insert tells of what happens in a transaction.
func (e AuditEvent) insert(ctx context.Context, q querier) error {
	if _, err := q.Exec(ctx, aloneSQL, e.args()...); err != nil {
		return fmt.Errorf("insert audit event: %w", wrap(err))
	}
	return nil
}

// AuditFilter says which events are wanted. What is zero leaves none out.
type AuditFilter struct {
	Actor, Action, Target string
	// Since is when they begin, Until when they end.
	Since, Until time.Time
	// After is the ID of the event that they come behind, Before of the one that they come
	// before.
	After, Before int64
	// Limit is how many there are at most.
	Limit int
}

// where is the condition, and its parameters. Only what is asked for is in it, so that
// each is planned for itself.
func (f AuditFilter) where() (sql string, args []any) {
	conditions := []string{"expires_at > idp_now()"}
	for _, by := range [...]struct {
		condition string
		value     any
		given     bool
	}{
		{"actor =", f.Actor, f.Actor != ""},
		{"action =", f.Action, f.Action != ""},
		{"target =", f.Target, f.Target != ""},
		{"at >=", f.Since, !f.Since.IsZero()},
		{"at <", f.Until, !f.Until.IsZero()},
		{"id >", f.After, f.After != 0},
		{"id <", f.Before, f.Before != 0},
	} {
		if by.given {
			args = append(args, by.value)
			conditions = append(conditions, fmt.Sprintf("%s $%d", by.condition, len(args)))
		}
	}
	return strings.Join(conditions, " and "), args
}

// AuditEvents reads events in the order of their ids. They are those that are sealed:
// none comes before them any more, so that who goes on after the last one that was read
// misses none.
func (s *Store) AuditEvents(ctx context.Context, f AuditFilter) ([]AuditEvent, error) {
	where, args := f.where()
	where += fmt.Sprintf(" and id <= (select last_event_id from audit_seals order by id desc limit 1) order by id limit $%d", len(args)+1)
	return queryAuditEvents(ctx, s.pool, where, append(args, f.Limit)...)
}

// FindAuditEvents reads events, the newest first, those that are not sealed yet included.
func (s *Store) FindAuditEvents(ctx context.Context, f AuditFilter) ([]AuditEvent, error) {
	where, args := f.where()
	return queryAuditEvents(ctx, s.pool, fmt.Sprintf("%s order by id desc limit $%d", where, len(args)+1), append(args, f.Limit)...)
}

const auditEventColumns = "id, at, actor, actor_kind, action, target, target_kind, address, request_id, before, after, expires_at"

func queryAuditEvents(ctx context.Context, q querier, where string, args ...any) ([]AuditEvent, error) {
	rows, err := q.Query(ctx, "select "+auditEventColumns+" from audit_events where "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit events: %w", wrap(err))
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (AuditEvent, error) {
		var (
			e       AuditEvent
			address *netip.Addr
		)
		err := row.Scan(&e.ID, &e.At, &e.Actor, &e.ActorKind, &e.Action, &e.Target, &e.TargetKind, &address, &e.RequestID, &e.Before, &e.After, &e.ExpiresAt)
		if address != nil {
			e.Address = *address
		}
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read audit events: %w", wrap(err))
	}
	return events, nil
}

// Recorded is what is written down of requests after they were answered.
type Recorded struct {
	Events []AuditEvent
	// Uses are when API keys were last used, by row ID.
	Uses map[int64]time.Time
}

// Record writes down what was recorded, in one transaction.
func (s *Store) Record(ctx context.Context, r Recorded) error {
	batch := &pgx.Batch{}
	batch.Queue("select pg_current_xact_id()") // see auditSQL
	for _, e := range r.Events {
		batch.Queue(aloneSQL, e.args()...)
	}
	for id, at := range r.Uses {
		batch.Queue(`insert into api_key_uses as u (api_key_id, last_used_at) select id, $2 from api_keys where id = $1
			on conflict (api_key_id) do update set last_used_at = greatest(u.last_used_at, excluded.last_used_at)`, id, at)
	}
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("record requests: %w", wrap(err))
	}
	return nil
}
