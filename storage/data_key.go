package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// DataKey is a key for one purpose, wrapped by the master key.
type DataKey struct {
	ID        int64
	Purpose   string
	Wrapped   []byte
	CreatedAt time.Time
	// UsableIn is how long it still has to wait before it may seal; 0 or less if it
	// may. It opens at once.
	UsableIn time.Duration
}

const dataKeyColumns = "id, purpose, wrapped, created_at, usable_from - idp_now()"

// MasterKeyFingerprint reads the fingerprint of the master key that the database
// was sealed with. A database that was never sealed is ErrNotFound.
func (tx *Tx) MasterKeyFingerprint(ctx context.Context) ([]byte, error) {
	var fingerprint []byte
	err := tx.tx.QueryRow(ctx, "select fingerprint from master_keys order by id desc limit 1").Scan(&fingerprint)
	if err != nil {
		return nil, fmt.Errorf("read master key fingerprint: %w", wrap(err))
	}
	return fingerprint, nil
}

// InsertMasterKeyFingerprint marks the database as sealed.
func (tx *Tx) InsertMasterKeyFingerprint(ctx context.Context, fingerprint []byte) error {
	_, err := tx.tx.Exec(ctx, "insert into master_keys (fingerprint) values ($1)", fingerprint)
	if err != nil {
		return fmt.Errorf("store master key fingerprint: %w", wrap(err))
	}
	return nil
}

// DataKeys reads every data key, the oldest first.
func (tx *Tx) DataKeys(ctx context.Context) ([]DataKey, error) { return queryDataKeys(ctx, tx.tx) }

func queryDataKeys(ctx context.Context, q querier) ([]DataKey, error) {
	rows, err := q.Query(ctx, "select "+dataKeyColumns+" from data_keys order by id")
	if err != nil {
		return nil, fmt.Errorf("read data keys: %w", wrap(err))
	}
	keys, err := pgx.CollectRows(rows, pgx.RowToStructByPos[DataKey])
	if err != nil {
		return nil, fmt.Errorf("read data keys: %w", wrap(err))
	}
	return keys, nil
}

// InsertDataKey makes a row for a purpose, which may seal after a wait, and stores
// what wrapFor gives for its ID, since the wrapping is bound to the row.
func (tx *Tx) InsertDataKey(ctx context.Context, purpose string, wait time.Duration, wrapFor func(id int64) ([]byte, error)) (DataKey, error) {
	key := DataKey{Purpose: purpose}
	err := tx.tx.QueryRow(ctx, "select nextval(pg_get_serial_sequence('data_keys', 'id'))").Scan(&key.ID)
	if err != nil {
		return DataKey{}, fmt.Errorf("insert data key: %w", wrap(err))
	}
	if key.Wrapped, err = wrapFor(key.ID); err != nil {
		return DataKey{}, fmt.Errorf("insert data key: %w", err)
	}
	err = tx.tx.QueryRow(ctx, `
		insert into data_keys (id, purpose, wrapped, usable_from) overriding system value values ($1, $2, $3, idp_now() + $4::interval)
		returning created_at`,
		key.ID, purpose, key.Wrapped, wait).Scan(&key.CreatedAt)
	key.UsableIn = wait
	if err != nil {
		return DataKey{}, fmt.Errorf("insert data key: %w", wrap(err))
	}
	return key, nil
}
