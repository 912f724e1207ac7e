package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// NoteClient notes that a client knows of a live session, so that it hears of the
// session's end. It is done before the client is given anything. A session that has
// ended meanwhile is ErrNotFound.
func (s *Store) NoteClient(ctx context.Context, sessionID, clientID int64) error {
	var id int64
	// The lock has who signs out wait for it, or be seen by it.
	err := s.pool.QueryRow(ctx, `
		with s as (
		  select s.id, s.sid, c.sub from sessions s join consumers c on c.id = s.consumer_id
		  where s.id = $1 and s.expires_at > idp_now() for key share of s
		), noted as (
		  insert into session_clients (session_id, client_id, sid, sub) select id, $2, sid, sub from s on conflict do nothing
		)
		select id from s`, sessionID, clientID).Scan(&id)
	if err != nil {
		return fmt.Errorf("note client of session: %w", wrap(err))
	}
	return nil
}

// LogoutNotice is what a client has to be told: that a session has ended.
type LogoutNotice struct {
	ID       int64
	ClientID int64
	Sid      string
	Sub      string
	// Attempt counts from 1. Last is set if there will be no other.
	Attempt int
	Last    bool
}

// LogoutClaim says which notices to take.
type LogoutClaim struct {
	ClientIDs []int64
	// Limit is how many are taken for each client.
	Limit int
	// Wait is until the second attempt; it doubles with each, up to MaxWait. It has to
	// be longer than an attempt takes.
	Wait, MaxWait time.Duration
}

// ClaimLogoutNotices takes notices that are due, the oldest first, each for one
// attempt: whoever else claims passes them over until their wait is over. A notice
// whose attempt was lost with its process is so tried again.
func (s *Store) ClaimLogoutNotices(ctx context.Context, claim LogoutClaim) ([]LogoutNotice, error) {
	rows, err := s.pool.Query(ctx, `
		with due as (
		  select d.id from unnest($1::bigint[]) as c (id) cross join lateral (
		    select n.id from logout_notices n where n.client_id = c.id and n.next_at <= idp_now() and n.expires_at > idp_now()
		    order by n.next_at limit $2 for update skip locked
		  ) d
		)
		update logout_notices n set attempts = n.attempts + 1,
		  next_at = idp_now() + least($4::interval, $3::interval * power(2, least(n.attempts, 30)))
		from due where n.id = due.id
		returning n.id, n.client_id, n.sid, n.sub, n.attempts, n.next_at >= n.expires_at`,
		claim.ClientIDs, claim.Limit, claim.Wait, claim.MaxWait)
	if err != nil {
		return nil, fmt.Errorf("claim logout notices: %w", wrap(err))
	}
	notices, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (n LogoutNotice, err error) {
		err = row.Scan(&n.ID, &n.ClientID, &n.Sid, &n.Sub, &n.Attempt, &n.Last)
		return n, err
	})
	if err != nil {
		return nil, fmt.Errorf("claim logout notices: %w", wrap(err))
	}
	return notices, nil
}

// DeleteLogoutNotice takes away what was delivered.
func (s *Store) DeleteLogoutNotice(ctx context.Context, id int64) error {
	if _, err := s.pool.Exec(ctx, "delete from logout_notices where id = $1", id); err != nil {
		return fmt.Errorf("delete logout notice: %w", wrap(err))
	}
	return nil
}

// SignOutEverywhere ends every session of a consumer, and what was issued without one,
// with their codes and tokens but those granted by offline_access, and tells how many
// sessions there were.
func (s *Store) SignOutEverywhere(ctx context.Context, consumerID int64, audit AuditEvent) (sessions int64, err error) {
	const own = "(select id from sessions where consumer_id = $1)"
	batch := &pgx.Batch{}
	if audit.Action != "" && audit.ActorKind != ActorCommand { // else the consumer has, or somebody in their place
		queueEndReason(batch, EndRevoked)
	}
	// Nobody signs in as the consumer between the statements.
	batch.Queue("select from consumers where id = $1 for no key update", consumerID)
	batch.Queue("select from sessions where consumer_id = $1 order by id for update", consumerID)
	queueEnd(batch, own, consumerID)
	queueEndOf(batch, "session_id is null and consumer_id = $1", consumerID)
	batch.Queue("delete from login_challenges where consumer_id = $1", consumerID)
	batch.Queue("with gone as (delete from sessions where consumer_id = $1 returning expires_at) select count(*) from gone where expires_at > idp_now()", consumerID).
		QueryRow(func(row pgx.Row) error { return row.Scan(&sessions) })
	batch.Queue(aloneSQL, audit.args()...)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return 0, fmt.Errorf("sign out everywhere: %w", wrap(err))
	}
	return sessions, nil
}
