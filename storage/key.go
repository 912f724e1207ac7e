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
	Kid           string // RFC 7638 thumbprint
	Alg           string
	State         string // created, published, active or retired
	PublicJWK     json.RawMessage
	PrivateSealed []byte
	// PrivateURI is where the private half is (RFC 7512) that is in a PKCS #11 token
	// instead, "" if it is not.
	PrivateURI string
	CreatedAt  time.Time
}

const signingKeyColumns = "id, coalesce(client_id, 0), kid, alg, state, public_jwk, private_sealed, coalesce(private_uri, ''), created_at"

func querySigningKeys(ctx context.Context, q querier) ([]*SigningKey, error) {
	rows, err := q.Query(ctx, "select "+signingKeyColumns+" from signing_keys order by id")
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", wrap(err))
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*SigningKey, error) {
		var k SigningKey
		err := row.Scan(&k.ID, &k.ClientID, &k.Kid, &k.Alg, &k.State, &k.PublicJWK, &k.PrivateSealed, &k.PrivateURI, &k.CreatedAt)
		return &k, err
	})
	if err != nil {
		return nil, fmt.Errorf("read signing keys: %w", wrap(err))
	}
	return keys, nil
}

// SigningKeys reads every key, the oldest first.
func (s *Store) SigningKeys(ctx context.Context) ([]*SigningKey, error) {
	return querySigningKeys(ctx, s.pool)
}

// SigningKeys reads every key, the oldest first.
func (tx *Tx) SigningKeys(ctx context.Context) ([]*SigningKey, error) {
	return querySigningKeys(ctx, tx.tx)
}

// InsertSigningKey adds a key and sets its ID. A kid that exists, or a second
// active key of the same owner and algorithm, is ErrConflict.
func (tx *Tx) InsertSigningKey(ctx context.Context, k *SigningKey) error {
	err := tx.tx.QueryRow(ctx, `
		insert into signing_keys (client_id, kid, alg, state, public_jwk, private_sealed, private_uri, activated_at)
		values (nullif($1::bigint, 0), $2, $3, $4, $5, $6, nullif($7, ''), case when $4 = 'active' then idp_now() end)
		returning id, created_at`,
		k.ClientID, k.Kid, k.Alg, k.State, k.PublicJWK, k.PrivateSealed, k.PrivateURI).Scan(&k.ID, &k.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert signing key: %w", wrap(err))
	}
	return nil
}
