package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrAssertionRefused means that an assertion has expired, or was used before.
var ErrAssertionRefused = errors.New("assertion refused")

// UseAssertion takes a client's assertion, known by the hash of its jti, and keeps
// it in mind until it expires. Of several at once one is taken.
func (s *Store) UseAssertion(ctx context.Context, clientID int64, jtiSHA256 []byte, expires time.Time) error {
	tag, err := s.pool.Exec(ctx, `insert into client_assertions (client_id, jti_sha256, expires_at)
		select $1, $2, $3::timestamptz where $3::timestamptz > idp_now() on conflict do nothing`, clientID, jtiSHA256, expires)
	if err != nil {
		return fmt.Errorf("use client assertion: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("use client assertion: %w", ErrAssertionRefused)
	}
	return nil
}
