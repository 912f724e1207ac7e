package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// SessionEvent is the end of a session of which the brand has to be told.
type SessionEvent struct {
	ID int64
	// MessageID is the same for each attempt.
	MessageID            string
	Sid, Sub, ExternalID string
	// Reason is one of EndSignedOut and its like.
	Reason  string
	EndedAt time.Time
	// Attempt counts from 1. Last is set if there will be no other.
	Attempt int
	Last    bool
}

// ClaimSessionEvents takes events that are due, the oldest first, each for one
// attempt, with the waits that ClaimLogoutNotices has.
func (s *Store) ClaimSessionEvents(ctx context.Context, limit int, wait, maxWait time.Duration) ([]SessionEvent, error) {
	rows, err := s.pool.Query(ctx, `
		with due as (
		  select id from session_events where next_at <= idp_now() and expires_at > idp_now() order by next_at limit $1 for update skip locked
		)
		update session_events e set attempts = e.attempts + 1,
		  next_at = idp_now() + least($3::interval, $2::interval * power(2, least(e.attempts, 30)))
		from due where e.id = due.id
		returning e.id, e.message_id::text, e.sid, e.sub, coalesce(e.external_id, ''), e.reason, e.created_at, e.attempts, e.next_at >= e.expires_at`,
		limit, wait, maxWait)
	if err != nil {
		return nil, fmt.Errorf("claim session events: %w", wrap(err))
	}
	events, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (e SessionEvent, err error) {
		err = row.Scan(&e.ID, &e.MessageID, &e.Sid, &e.Sub, &e.ExternalID, &e.Reason, &e.EndedAt, &e.Attempt, &e.Last)
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim session events: %w", wrap(err))
	}
	return events, nil
}

// DeleteSessionEvent takes away what was delivered.
func (s *Store) DeleteSessionEvent(ctx context.Context, id int64) error {
	if _, err := s.pool.Exec(ctx, "delete from session_events where id = $1", id); err != nil {
		return fmt.Errorf("delete session event: %w", wrap(err))
	}
	return nil
}
