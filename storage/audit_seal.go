package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// AuditSeal says which audit events there were when it was made. Seals are a chain.
type AuditSeal struct {
	// ID counts from 1, without gaps.
	ID int64
	// The seal covers the events after one up to another, so many of them: none if it
	// tells of a reset of the keys, since which those before it cannot be opened.
	AfterEventID, LastEventID int64
	Events                    int
	EventsSHA256              []byte
	// PreviousHMAC is that of the seal before it, empty for the first, which has no
	// PreviousExpiresAt either.
	PreviousHMAC      []byte
	PreviousExpiresAt time.Time
	// HMAC is over all other fields, by the key that is sealed.
	HMAC, KeySealed []byte
	SealedAt        time.Time
	// ExpiresAt is when all events of this seal, and of those before it, have expired.
	ExpiresAt time.Time
}

const auditSealColumns = "id, after_event_id, last_event_id, events, events_sha256, previous_hmac, previous_expires_at, hmac, key_sealed, sealed_at, expires_at"

// dest are the places of auditSealColumns.
func (l *AuditSeal) dest(previous **time.Time) []any {
	return []any{
		&l.ID, &l.AfterEventID, &l.LastEventID, &l.Events, &l.EventsSHA256, &l.PreviousHMAC, previous, &l.HMAC, &l.KeySealed, &l.SealedAt, &l.ExpiresAt,
	}
}

// AuditTail is where audit events are being added.
type AuditTail struct {
	// Last is the last seal; its ID is 0 if there is none.
	Last AuditSeal
	// NewestEventID is the highest so far, 0 if there are no events.
	NewestEventID int64
	// Now is the database's time.
	Now time.Time
}

// AuditTail reads the last seal, and up to where there are events.
func (s *Store) AuditTail(ctx context.Context) (*AuditTail, error) { return auditTail(ctx, s.pool) }

// AuditTail reads the last seal, and up to where there are events.
func (tx *Tx) AuditTail(ctx context.Context) (*AuditTail, error) { return auditTail(ctx, tx.tx) }

// LastAuditReset reads the last seal that tells of a reset of the keys; its ID is 0 if
// there is none.
func (s *Store) LastAuditReset(ctx context.Context) (*AuditSeal, error) {
	var (
		last     AuditSeal
		previous *time.Time
	)
	err := s.pool.QueryRow(ctx, "select "+auditSealColumns+" from audit_seals where events = 0 order by id desc limit 1").Scan(last.dest(&previous)...)
	last.PreviousExpiresAt = orZero(previous)
	if err = wrap(err); err != nil && !errors.Is(err, ErrNotFound) {
		return nil, fmt.Errorf("read the last audit seal of a reset: %w", err)
	}
	return &last, nil
}

func auditTail(ctx context.Context, db interface {
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
},
) (*AuditTail, error) {
	var tail AuditTail
	batch := &pgx.Batch{}
	batch.Queue("select " + auditSealColumns + " from audit_seals order by id desc limit 1").Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var previous *time.Time
			if err := rows.Scan(tail.Last.dest(&previous)...); err != nil {
				return err
			}
			tail.Last.PreviousExpiresAt = orZero(previous)
		}
		return rows.Err()
	})
	batch.Queue("select coalesce(max(id), 0), idp_now() from audit_events").QueryRow(func(row pgx.Row) error {
		return row.Scan(&tail.NewestEventID, &tail.Now)
	})
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("read the last audit seal: %w", wrap(err))
	}
	return &tail, nil
}

// orZero is the time, or the zero time for none.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// AuditHorizon is an event together with a transaction: once that transaction and all
// before it have ended, no event comes before this one any more that is not there yet.
type AuditHorizon struct {
	EventID     int64
	transaction string
}

// AuditHorizon gives one for the newest event. It holds because a transaction has its
// number before its events have theirs: whatever has got a lower id so far belongs to a
// transaction with a lower number than the one that begins here.
func (s *Store) AuditHorizon(ctx context.Context) (AuditHorizon, error) {
	var h AuditHorizon
	err := s.pool.QueryRow(ctx, "select pg_current_xact_id()::text, coalesce(max(id), 0) from audit_events").Scan(&h.transaction, &h.EventID)
	if err != nil {
		return h, fmt.Errorf("read the newest audit event: %w", wrap(err))
	}
	return h, nil
}

// AuditEventsTo reads at most limit events after the one with the ID after, up to a
// horizon: none if a transaction from before it has not ended.
func (s *Store) AuditEventsTo(ctx context.Context, after int64, horizon AuditHorizon, limit int) ([]AuditEvent, error) {
	return queryAuditEvents(ctx, s.pool, `id > $1 and id <= $2 and $3::text::xid8 <= pg_snapshot_xmin(pg_current_snapshot())
		order by id limit $4`, after, horizon.EventID, horizon.transaction, limit)
}

// InsertAuditSeal adds a seal to the chain. If another has its place already, it is
// ErrConflict.
func (s *Store) InsertAuditSeal(ctx context.Context, l *AuditSeal) error {
	return l.insert(ctx, s.pool)
}

// InsertAuditSeal adds a seal to the chain. If another has its place already, it is
// ErrConflict.
func (tx *Tx) InsertAuditSeal(ctx context.Context, l *AuditSeal) error { return l.insert(ctx, tx.tx) }

func (l *AuditSeal) insert(ctx context.Context, q querier) error {
	tag, err := q.Exec(ctx, "insert into audit_seals ("+auditSealColumns+") values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) on conflict do nothing",
		l.ID, l.AfterEventID, l.LastEventID, l.Events, l.EventsSHA256, l.PreviousHMAC, instant(l.PreviousExpiresAt), l.HMAC, l.KeySealed, l.SealedAt, l.ExpiresAt)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrConflict
	}
	if err != nil {
		return fmt.Errorf("insert audit seal: %w", wrap(err))
	}
	return nil
}

// sweepAuditSQL deletes seals from the first on, with their events, but for the last
// seal, which the next follows on.
const sweepAuditSQL = `
with gone as (
  delete from audit_seals where id = any (array(
    select id from audit_seals where expires_at <= idp_now() and id < (select max(id) from audit_seals) order by id limit $1 for update))
  returning after_event_id, last_event_id
), events as (
  delete from audit_events e using gone g where e.id > g.after_event_id and e.id <= g.last_event_id
)
select from gone`

// AuditLink is a seal with the events that are there in its place.
type AuditLink struct {
	AuditSeal

	// Expired tells that all of its events may be gone, and they are not read;
	// PreviousExpired that the seals before it may.
	Expired, PreviousExpired bool
	Covered                  []AuditEvent
}

// AuditRest are the events that no seal covers.
type AuditRest struct {
	// Before lie before the first seal.
	Before int64
	// After are not sealed yet.
	After int64
}

// AuditChain reads all seals with their events, as of one moment, and calls f for each in
// order. Of the events of one seal it gives not many more than limit. What has expired is
// told by the caller's clock: the database's, like all in it, may be another's by now.
func (s *Store) AuditChain(ctx context.Context, now time.Time, limit int, f func(*AuditLink) error) (*AuditRest, error) {
	var rest AuditRest
	opts := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, s.pool, opts, func(tx pgx.Tx) error {
		first, last := int64(0), AuditSeal{} // after which event the first seal begins
		for {
			links, err := auditLinks(ctx, tx, now, last.ID)
			if err != nil {
				return err
			}
			if len(links) == 0 {
				break
			}
			if last.ID == 0 {
				first = links[0].AfterEventID
			}
			if err := eachAuditLink(ctx, tx, links, limit, f); err != nil {
				return err
			}
			last = links[len(links)-1].AuditSeal
		}
		return tx.QueryRow(ctx, "select count(*) filter (where id <= $1), count(*) filter (where id > $2) from audit_events",
			first, last.LastEventID).Scan(&rest.Before, &rest.After)
	})
	if err != nil {
		return nil, fmt.Errorf("read audit seals: %w", wrap(err))
	}
	return &rest, nil
}

// eachAuditLink calls f for each seal, with its events.
func eachAuditLink(ctx context.Context, tx pgx.Tx, links []*AuditLink, limit int, f func(*AuditLink) error) error {
	for _, link := range links {
		if !link.Expired {
			var err error
			if link.Covered, err = queryAuditEvents(ctx, tx, "id > $1 and id <= $2 order by id limit $3", link.AfterEventID, link.LastEventID, limit+1); err != nil {
				return err
			}
		}
		if err := f(link); err != nil {
			return err
		}
		link.Covered = nil
	}
	return nil
}

// auditLinks reads the next seals, without events.
func auditLinks(ctx context.Context, tx pgx.Tx, now time.Time, after int64) ([]*AuditLink, error) {
	const together = 1000
	rows, err := tx.Query(ctx, "select "+auditSealColumns+`
		from audit_seals where id > $1 order by id limit $2`, after, together)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (*AuditLink, error) {
		var (
			link     AuditLink
			previous *time.Time
		)
		err := row.Scan(link.dest(&previous)...)
		link.PreviousExpiresAt = orZero(previous)
		link.Expired = !link.ExpiresAt.After(now)
		link.PreviousExpired = previous != nil && !previous.After(now)
		return &link, err
	})
}
