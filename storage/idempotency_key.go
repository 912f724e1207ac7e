package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// IdempotencyKey is what a caller names a request by, so that it happens once.
type IdempotencyKey struct {
	// Caller is whose key it is.
	Caller        string
	KeySHA256     []byte
	RequestSHA256 []byte
}

var (
	// ErrInProgress means that a request under the same idempotency key has not ended.
	ErrInProgress = errors.New("a request under this idempotency key is under way")
	// ErrOtherRequest means that an idempotency key was used for another request.
	ErrOtherRequest = errors.New("the idempotency key was used for another request")
)

const (
	// answerLifetime is how long a repeated request is answered as the first one was.
	answerLifetime = 24 * time.Hour
	// underWay is after when a request that has not ended is taken to have failed. No
	// request may last as long.
	underWay = time.Minute
)

// Claim is an idempotency key that a request has for itself.
type Claim struct {
	// ID is that of its row.
	ID int64
	// Answer makes what the request is answered with, sealed, after its change and
	// before that is committed.
	Answer func() ([]byte, error)
	// Done is set when a change was committed with the answer.
	Done bool
}

// ClaimKey takes an idempotency key for a request, or gives the sealed answer that a
// request under it had, with the row that it is sealed for. ErrInProgress and
// ErrOtherRequest say why there is neither.
func (s *Store) ClaimKey(ctx context.Context, k IdempotencyKey) (claim *Claim, answered int64, sealed []byte, err error) {
	var id int64
	err = s.pool.QueryRow(ctx, `
		insert into idempotency_keys as i (caller, key_sha256, request_sha256, expires_at) values ($1, $2, $3, idp_now() + $4::interval)
		on conflict (caller, key_sha256) do update set request_sha256 = excluded.request_sha256, answer_sealed = null,
		  created_at = idp_now(), expires_at = excluded.expires_at
		where i.expires_at <= idp_now()
		returning id`, k.Caller, k.KeySHA256, k.RequestSHA256, underWay).Scan(&id)
	if err == nil {
		return &Claim{ID: id}, 0, nil, nil
	}
	if !errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, nil, fmt.Errorf("claim idempotency key: %w", wrap(err))
	}
	var same bool
	err = s.pool.QueryRow(ctx, "select id, request_sha256 = $3, answer_sealed from idempotency_keys where caller = $1 and key_sha256 = $2",
		k.Caller, k.KeySHA256, k.RequestSHA256).Scan(&id, &same, &sealed)
	switch {
	case errors.Is(err, pgx.ErrNoRows): // released meanwhile
		return nil, 0, nil, ErrInProgress
	case err != nil:
		return nil, 0, nil, fmt.Errorf("read idempotency key: %w", wrap(err))
	case !same:
		return nil, 0, nil, ErrOtherRequest
	case sealed == nil:
		return nil, 0, nil, ErrInProgress
	}
	return nil, id, sealed, nil
}

// ReleaseKey gives back an idempotency key whose request has changed nothing.
func (s *Store) ReleaseKey(ctx context.Context, claim *Claim) error {
	_, err := s.pool.Exec(ctx, "delete from idempotency_keys where id = $1 and answer_sealed is null", claim.ID)
	if err != nil {
		return fmt.Errorf("release idempotency key: %w", wrap(err))
	}
	return nil
}

// change runs f, which sends one statement. Under an idempotency key the answer is
// stored in the same transaction; a key that has been lost meanwhile undoes it.
func (s *Store) change(ctx context.Context, claim *Claim, f func(q querier) error) error {
	if claim == nil {
		return wrap(f(s.pool))
	}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return claim.complete(ctx, tx)
	})
	claim.Done = err == nil
	return err
}

func (c *Claim) complete(ctx context.Context, tx pgx.Tx) error {
	sealed, err := c.Answer()
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, "update idempotency_keys set answer_sealed = $2, expires_at = idp_now() + $3::interval where id = $1 and answer_sealed is null",
		c.ID, sealed, answerLifetime)
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrInProgress
	}
	return err
}
