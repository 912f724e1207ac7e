package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// SigningKey is a key that signs tokens. Its private half is sealed, or
// elsewhere.
type SigningKey struct {
	ID int64
	// ClientID is the row of the client that owns the key, 0 for the provider.
	ClientID      int64
	Kid           string // RFC 7638 thumbprint, or that of an imported key
	Alg           string
	State         string // created, published, active, retired or deleted
	PublicJWK     json.RawMessage
	PrivateSealed []byte // empty if the key is deleted, or in a token
	// PrivateURI is where the private half is (RFC 7512) that is in a PKCS #11 token,
	// "" if it is not.
	PrivateURI string
	// The times of the steps of its life; the zero value for those not made yet.
	CreatedAt, PublishedAt, ActivatedAt, RetiredAt, DeletedAt, RevokedAt time.Time
	// PublishedCounter is the least change counter of who knows the key to be published.
	PublishedCounter int64
	// TokensUntil is when the last token ends that a retired key has signed; of an active
	// one, that it signed while they lived longer than now. The zero value for none.
	TokensUntil time.Time
}

// Lost tells that the private half of a key is nowhere: it is deleted, or was sealed by a
// master key that is lost.
func (k *SigningKey) Lost() bool { return len(k.PrivateSealed) == 0 && k.PrivateURI == "" }

const signingKeyColumns = `id, coalesce(client_id, 0), kid, alg, state, public_jwk, private_sealed, coalesce(private_uri, ''), created_at,
	case when state <> 'created' then coalesce(published_at, activated_at, created_at) end, activated_at, retired_at, deleted_at, revoked_at, tokens_until, published_counter`

func querySigningKeys(ctx context.Context, q querier) ([]*SigningKey, error) {
	rows, err := q.Query(ctx, "select "+signingKeyColumns+" from signing_keys order by id")
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", wrap(err))
	}
	keys, err := pgx.CollectRows(rows, scanSigningKey)
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", wrap(err))
	}
	return keys, nil
}

func scanSigningKey(row pgx.CollectableRow) (*SigningKey, error) {
	var (
		k                                                        SigningKey
		published, activated, retired, deleted, revoked, tokened *time.Time
	)
	err := row.Scan(&k.ID, &k.ClientID, &k.Kid, &k.Alg, &k.State, &k.PublicJWK, &k.PrivateSealed, &k.PrivateURI, &k.CreatedAt,
		&published, &activated, &retired, &deleted, &revoked, &tokened, &k.PublishedCounter)
	for at, value := range map[*time.Time]*time.Time{
		&k.PublishedAt: published, &k.ActivatedAt: activated, &k.RetiredAt: retired,
		&k.DeletedAt: deleted, &k.RevokedAt: revoked, &k.TokensUntil: tokened,
	} {
		if value != nil {
			*at = *value
		}
	}
	return &k, err
}

// SigningKeys reads every key, the oldest first, those that are deleted included.
func (s *Store) SigningKeys(ctx context.Context) ([]*SigningKey, error) {
	return querySigningKeys(ctx, s.pool)
}

// SigningKeys reads every key, the oldest first, those that are deleted included.
func (tx *Tx) SigningKeys(ctx context.Context) ([]*SigningKey, error) {
	return querySigningKeys(ctx, tx.tx)
}

// InsertSigningKey adds a key and sets its ID. A kid that exists, or a second
// active key of the same owner and algorithm, is ErrConflict.
func (tx *Tx) InsertSigningKey(ctx context.Context, k *SigningKey) error {
	err := tx.tx.QueryRow(ctx, `
		insert into signing_keys (client_id, kid, alg, state, public_jwk, private_sealed, private_uri, published_at, activated_at, published_counter)
		values (nullif($1::bigint, 0), $2, $3, $4, $5, $6, nullif($7, ''), case when $4 <> 'created' then idp_now() end, case when $4 = 'active' then idp_now() end,
		  case when $4 <> 'created' then (select counter + 1 from changes) else 0 end)
		returning id, created_at`,
		k.ClientID, k.Kid, k.Alg, k.State, k.PublicJWK, k.PrivateSealed, k.PrivateURI).Scan(&k.ID, &k.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert signing key: %w", wrap(err))
	}
	return nil
}

// MoveSigningKey brings a key into another state of its life, now. tokensUntil is
// that of a key that retires. A key that is deleted loses its private half.
func (tx *Tx) MoveSigningKey(ctx context.Context, id int64, state string, tokensUntil time.Time) error {
	_, err := tx.tx.Exec(ctx, `
		update signing_keys set state = $2,
		  published_at = case when $2 = 'published' then idp_now() else coalesce(published_at, activated_at) end,
		  published_counter = case when $2 = 'published' then (select counter + 1 from changes) else published_counter end,
		  activated_at = case when $2 = 'active' then idp_now() else activated_at end,
		  retired_at = case when $2 = 'retired' then idp_now() else retired_at end,
		  tokens_until = case when $2 = 'retired' then $3 else tokens_until end,
		  deleted_at = case when $2 = 'deleted' then idp_now() else deleted_at end,
		  private_sealed = case when $2 = 'deleted' then '' else private_sealed end,
		  private_uri = case when $2 <> 'deleted' then private_uri end
		where id = $1`, id, state, instant(tokensUntil))
	if err != nil {
		return fmt.Errorf("move signing key: %w", wrap(err))
	}
	return nil
}

// RevokeSigningKey deletes a key that has leaked, and notes that it has.
func (tx *Tx) RevokeSigningKey(ctx context.Context, id int64) error {
	_, err := tx.tx.Exec(ctx, `
		update signing_keys set state = 'deleted', private_sealed = '', private_uri = null, revoked_at = idp_now(), deleted_at = idp_now(),
		  published_at = case when state <> 'created' then coalesce(published_at, activated_at) end
		where id = $1`, id)
	if err != nil {
		return fmt.Errorf("revoke signing key: %w", wrap(err))
	}
	return nil
}
