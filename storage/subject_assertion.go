package storage

import (
	"context"
	"fmt"
	"time"
)

// UseSubjectAssertion takes an assertion about a consumer, known by the hash of its
// issuer and jti, and keeps it in mind until it expires. Of several at once one is
// taken, whichever client brings it.
func (s *Store) UseSubjectAssertion(ctx context.Context, jtiSHA256 []byte, expires time.Time) error {
	tag, err := s.pool.Exec(ctx, `insert into subject_assertions (jti_sha256, expires_at)
		select $1, $2::timestamptz where $2::timestamptz > idp_now() on conflict do nothing`, jtiSHA256, expires)
	if err != nil {
		return fmt.Errorf("use assertion about a consumer: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("use assertion about a consumer: %w", ErrAssertionRefused)
	}
	return nil
}
