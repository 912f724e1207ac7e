package storage

import (
	"context"
	"fmt"
)

// sweepBatch keeps each deletion short, so that it never holds others up.
const sweepBatch = 1000

// sweptTables are those whose rows expire, each with an expires_at.
var sweptTables = [...]string{
	"authorization_codes", "access_tokens", "refresh_families", "refresh_successors", "sessions", "sign_in_throttle", "logout_notices", "client_assertions",
	"login_challenges", "logout_challenges", "session_events", "webhook_secrets",
	"subject_assertions", "audit_events", "idempotency_keys", "import_jobs", "instances",
}

// Sweep deletes expired rows in small batches until none is left, and tells how
// many. Several instances may sweep at once: a row that another has locked is
// passed over. Used codes lose the tokens that they are no longer answered with.
func (s *Store) Sweep(ctx context.Context) (int64, error) {
	var total int64
	for _, table := range sweptTables {
		rows, err := s.sweep(ctx, `delete from `+table+` where ctid = any (array(
			select ctid from `+table+` where expires_at <= idp_now() order by expires_at limit $1 for update skip locked))`)
		total += rows
		if err != nil {
			return total, fmt.Errorf("sweep %s: %w", table, err)
		}
	}
	if _, err := s.sweep(ctx, `update authorization_codes set retry_sealed = null where ctid = any (array(
		select ctid from authorization_codes where retry_sealed is not null and consumed_at < idp_now() - interval '1 minute'
		order by consumed_at limit $1 for update skip locked))`); err != nil {
		return total, fmt.Errorf("sweep sealed tokens of codes: %w", err)
	}
	return total, nil
}

// sweep repeats a statement until its batch is not full, and tells of how many rows
// it was.
func (s *Store) sweep(ctx context.Context, sql string) (int64, error) {
	var total int64
	for {
		tag, err := s.pool.Exec(ctx, sql, sweepBatch)
		if err != nil {
			return total, wrap(err)
		}
		total += tag.RowsAffected()
		if tag.RowsAffected() < sweepBatch {
			return total, nil
		}
	}
}
