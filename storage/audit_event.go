package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
)

// AuditEvent tells who did what to what. Before and After must have no secret and no
// personal data in them.
type AuditEvent struct {
	ID int64
	At time.Time
	// Actor is the name of an API key or the client_id of a client, by ActorKind.
	Actor, ActorKind string
	// Action is a verb behind what it is done to, such as consumers.update.
	Action string
	// Target is a sub, a client_id or another name, by TargetKind. If it is empty, that
	// of the row that is written takes its place.
	Target, TargetKind string
	// Address is where the request came from; the zero value if it was no request.
	Address   netip.Addr
	RequestID string
	// Before and After are JSON objects, nil if there was nothing.
	Before, After json.RawMessage
}

// auditSQL tells of what the rows c of the statement that it is a part of have become;
// they have a column target. Its parameters are those of AuditEvent.args.
const auditSQL = `audit as (
  insert into audit_events (actor, actor_kind, action, target_kind, target, address, request_id, before, after, at)
  select $1, $2, $3, $4, coalesce(nullif($5, ''), c.target), $6, $7, $8, $9, coalesce($10::timestamptz, idp_now()) from c where $11
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

// AuditQuery says which events are asked for.
type AuditQuery struct {
	// After is the ID of the event behind which they begin, Limit how many at most.
	After int64
	Limit int
	// Actor, Action and Target are what they have; "" for any.
	Actor, Action, Target string
	// Since and Until are from when and before when; zero for any time.
	Since, Until time.Time
}

// AuditEvents reads events in the order of their ids. Events of transactions that others which have not ended
// may still come before are left for later, so that who goes on after the last one
// that was read misses none.
func (s *Store) AuditEvents(ctx context.Context, q AuditQuery) ([]AuditEvent, error) {
	where, args := "", []any{q.After, q.Limit}
	filter := func(condition string, value any) {
		args = append(args, value)
		where += fmt.Sprintf(" and %s $%d", condition, len(args))
	}
	// Only what is asked for is in the statement, so that each is planned for itself.
	for _, by := range [...]struct{ condition, value string }{{"actor =", q.Actor}, {"action =", q.Action}, {"target =", q.Target}} {
		if by.value != "" {
			filter(by.condition, by.value)
		}
	}
	for _, by := range [...]struct {
		condition string
		at        time.Time
	}{{"at >=", q.Since}, {"at <", q.Until}} {
		if !by.at.IsZero() {
			filter(by.condition, by.at)
		}
	}
	rows, err := s.pool.Query(ctx, `
		select id, at, actor, actor_kind, action, target, target_kind, address, request_id, before, after
		from audit_events where id > $1 and expires_at > idp_now()
		  and age(xmin) > age(pg_snapshot_xmin(pg_current_snapshot())::xid)`+where+`
		order by id limit $2`, args...)
	if err != nil {
		return nil, fmt.Errorf("read audit events: %w", wrap(err))
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (AuditEvent, error) {
		var (
			e       AuditEvent
			address *netip.Addr
		)
		err := row.Scan(&e.ID, &e.At, &e.Actor, &e.ActorKind, &e.Action, &e.Target, &e.TargetKind, &address, &e.RequestID, &e.Before, &e.After)
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
	// The id of the transaction comes before those of its events: AuditEvents relies on it.
	batch.Queue("select pg_current_xact_id()")
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
