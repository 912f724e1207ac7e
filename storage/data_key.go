package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// DataKey is a key for one purpose, wrapped by the master key.
type DataKey struct {
	ID      int64
	Purpose string
	Wrapped []byte
	// WrappedNext is the same by the next master key, nil if there is none.
	WrappedNext []byte
	CreatedAt   time.Time
	// UsableIn is how long it still has to wait before it may seal; 0 or less if it
	// may. It opens at once.
	UsableIn time.Duration
}

const dataKeyColumns = "id, purpose, wrapped, wrapped_next, created_at, usable_from - idp_now()"

// MasterKeyState tells which master keys open a database, by their fingerprints.
type MasterKeyState struct {
	Fingerprint []byte // of the one in force
	Next        []byte // of the one that takes its place, nil if none does
}

// MasterKeyState reads which master keys open the database. One that was never sealed
// is ErrNotFound.
func (tx *Tx) MasterKeyState(ctx context.Context) (MasterKeyState, error) {
	var state MasterKeyState
	err := tx.tx.QueryRow(ctx, "select fingerprint, next_fingerprint from master_keys order by id desc limit 1").Scan(&state.Fingerprint, &state.Next)
	if err != nil {
		return MasterKeyState{}, fmt.Errorf("read master key fingerprint: %w", wrap(err))
	}
	return state, nil
}

// WrapDataKeyNext stores what a data key is wrapped in by the next master key.
func (tx *Tx) WrapDataKeyNext(ctx context.Context, id int64, wrapped []byte) error {
	return tx.changeMasterKey(ctx, "update data_keys set wrapped_next = $2 where id = $1", id, wrapped)
}

// SetNextMasterKey tells that every data key is wrapped by the next master key.
func (tx *Tx) SetNextMasterKey(ctx context.Context, fingerprint []byte) error {
	return tx.changeMasterKey(ctx, "update master_keys set next_fingerprint = $1 where id = (select max(id) from master_keys)", fingerprint)
}

// PromoteMasterKey puts the next master key in force.
func (tx *Tx) PromoteMasterKey(ctx context.Context) error {
	if err := tx.changeMasterKey(ctx, "update data_keys set wrapped = wrapped_next, wrapped_next = null"); err != nil {
		return err
	}
	return tx.changeMasterKey(ctx, "with gone as (delete from master_keys returning id, next_fingerprint) "+
		"insert into master_keys (fingerprint) select next_fingerprint from gone order by id desc limit 1")
}

// DropNextMasterKey leaves the one in force alone.
func (tx *Tx) DropNextMasterKey(ctx context.Context) error {
	if err := tx.changeMasterKey(ctx, "update data_keys set wrapped_next = null"); err != nil {
		return err
	}
	return tx.changeMasterKey(ctx, "update master_keys set next_fingerprint = null")
}

// ForgetSealed deletes the data keys and whatever cannot be opened without them.
func (tx *Tx) ForgetSealed(ctx context.Context) error {
	for _, sql := range []string{
		"delete from data_keys", "delete from master_keys", "delete from webhook_secrets", "delete from idempotency_keys",
		"delete from login_challenges", "delete from logout_challenges",
		"update signing_keys set private_sealed = '' where private_uri is null", "update audit_seals set key_sealed = ''",
	} {
		if err := tx.changeMasterKey(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) changeMasterKey(ctx context.Context, sql string, args ...any) error {
	if _, err := tx.tx.Exec(ctx, sql, args...); err != nil {
		return fmt.Errorf("change master key: %w", wrap(err))
	}
	return nil
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
