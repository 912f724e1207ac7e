package storage

import (
	"context"
	"fmt"
)

// sweepBatch keeps each deletion short, so that it never holds others up.
const sweepBatch = 1000

// sweepSeals are as many audit seals, most of a few events each.
const sweepSeals = 50

// sweptTables are those whose rows expire, each with an expires_at.
var sweptTables = [...]string{
	"authorization_codes", "access_tokens", "refresh_families", "refresh_successors", "sessions", "sign_in_throttle", "logout_notices", "client_assertions",
	"login_challenges", "logout_challenges", "session_events", "webhook_secrets",
	"subject_assertions", "idempotency_keys", "instances",
}

// An import that was left has met as many consumers as it has lines: they go first, by
// themselves, so that none goes with its import in one statement.
const (
	sweepImportConsumersSQL = `delete from import_job_consumers where ctid = any (array(
		select m.ctid from import_jobs j join import_job_consumers m on m.import_job_id = j.id where j.expires_at <= idp_now() limit $1 for update of m skip locked))`
	sweepImportsSQL = `delete from import_jobs where ctid = any (array(
		select ctid from import_jobs j where expires_at <= idp_now() and not exists (select from import_job_consumers m where m.import_job_id = j.id)
		order by expires_at limit $1 for update skip locked))`
)

// Sweep deletes expired rows in small batches until none is left, and tells how
// many. Several instances may sweep at once: a row that another has locked is
// passed over. Used codes lose the tokens that they are no longer answered with.
func (s *Store) Sweep(ctx context.Context) (int64, error) {
	var total int64
	for _, table := range sweptTables {
		rows, err := s.sweep(ctx, `delete from `+table+` where ctid = any (array(
			select ctid from `+table+` where expires_at <= idp_now() order by expires_at limit $1 for update skip locked))`, sweepBatch)
		total += rows
		if err != nil {
			return total, fmt.Errorf("sweep %s: %w", table, err)
		}
	}
	for _, sql := range []string{sweepImportConsumersSQL, sweepImportsSQL} {
		rows, err := s.sweep(ctx, sql, sweepBatch)
		total += rows
		if err != nil {
			return total, fmt.Errorf("sweep import_jobs: %w", err)
		}
	}
	if _, err := s.sweep(ctx, `update authorization_codes set retry_sealed = null where ctid = any (array(
		select ctid from authorization_codes where retry_sealed is not null and consumed_at < idp_now() - interval '1 minute'
		order by consumed_at limit $1 for update skip locked))`, sweepBatch); err != nil {
		return total, fmt.Errorf("sweep sealed tokens of codes: %w", err)
	}
	seals, err := s.sweep(ctx, sweepAuditSQL, sweepSeals)
	if err != nil {
		err = fmt.Errorf("sweep audit events: %w", err)
	}
	return total + seals, err
}

// sweep repeats a statement until its batch is not full, and tells of how many rows
// it was.
func (s *Store) sweep(ctx context.Context, sql string, batch int64) (int64, error) {
	var total int64
	for {
		tag, err := s.pool.Exec(ctx, sql, batch)
		if err != nil {
			return total, wrap(err)
		}
		total += tag.RowsAffected()
		if tag.RowsAffected() < batch {
			return total, nil
		}
	}
}
