package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// ConsumerSession is a session as its consumer's brand sees it.
type ConsumerSession struct {
	Sid        string
	AuthTime   time.Time
	ACR        string
	AMR        []string
	LastSeenAt time.Time
	ExpiresAt  time.Time // by idleness, too
	// Clients are those that are noted to know of the session, by client_id.
	Clients []string
}

// SessionsOf reads a consumer's live sessions, oldest first.
func (s *Store) SessionsOf(ctx context.Context, consumerID int64) ([]ConsumerSession, error) {
	rows, err := s.pool.Query(ctx, `
		select s.sid, s.auth_time, s.acr, s.amr, s.last_seen_at, s.expires_at,
		  array(select c.client_id from session_clients n join clients c on c.id = n.client_id where n.session_id = s.id order by 1)
		from sessions s where s.consumer_id = $1 and s.expires_at > idp_now() order by s.id`, consumerID)
	if err != nil {
		return nil, fmt.Errorf("read sessions of consumer: %w", wrap(err))
	}
	sessions, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ConsumerSession])
	if err != nil {
		return nil, fmt.Errorf("read sessions of consumer: %w", wrap(err))
	}
	return sessions, nil
}

// EndSession ends one session of a consumer, as the consumer's own sign-out would. One
// that is none of theirs is ErrNotFound.
func (s *Store) EndSession(ctx context.Context, consumerID int64, sid string, audit AuditEvent) error {
	const own = "(select id from sessions where consumer_id = $1 and sid = $2)"
	var ended int64
	batch := &pgx.Batch{}
	queueEndReason(batch, EndRevoked)
	batch.Queue("select from sessions where consumer_id = $1 and sid = $2 for update", consumerID, sid)
	queueEnd(batch, own, consumerID, sid)
	batch.Queue(`with c as (delete from sessions where consumer_id = $12 and sid = $13 returning expires_at, ''::text as target), `+auditSQL+`
		select count(*) from c where expires_at > idp_now()`, audit.args(consumerID, sid)...).
		QueryRow(func(row pgx.Row) error { return row.Scan(&ended) })
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("end session: %w", wrap(err))
	}
	if ended == 0 {
		return fmt.Errorf("end session: %w", ErrNotFound)
	}
	return nil
}
