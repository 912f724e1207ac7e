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
}

// Sweep deletes expired rows in small batches until none is left, and tells how
// many. Several instances may sweep at once: a row that another has locked is
// passed over.
func (s *Store) Sweep(ctx context.Context) (int64, error) {
	var total int64
	for _, table := range sweptTables {
		for {
			tag, err := s.pool.Exec(ctx, `delete from `+table+` where ctid = any (array(
				select ctid from `+table+` where expires_at <= idp_now() order by expires_at limit $1 for update skip locked))`,
				sweepBatch)
			if err != nil {
				return total, fmt.Errorf("sweep %s: %w", table, wrap(err))
			}
			total += tag.RowsAffected()
			if tag.RowsAffected() < sweepBatch {
				break
			}
		}
	}
	return total, nil
}
