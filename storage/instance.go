package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Instance is a provider that runs on the database.
type Instance struct {
	ID [16]byte
	// Counter is the change counter of the clients and keys that it answers by, or a
	// greater one's.
	Counter int64
	Version string // of its program
	// MasterKeyFingerprint is that of the master key it has started with; nil for one of
	// an earlier release, which does not tell.
	MasterKeyFingerprint []byte

	StartedAt time.Time
	SeenAt    time.Time
}

// String names the instance as the database does, and says since when it runs.
func (i Instance) String() string {
	return fmt.Sprintf("%s, started at %s", pgtype.UUID{Bytes: i.ID, Valid: true}, i.StartedAt.UTC().Format(time.RFC3339))
}

func queryInstances(ctx context.Context, q querier) ([]Instance, error) {
	rows, err := q.Query(ctx, "select id, counter, version, master_key_fingerprint, started_at, seen_at from instances where expires_at > idp_now() order by started_at, id")
	if err != nil {
		return nil, fmt.Errorf("read instances: %w", wrap(err))
	}
	instances, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Instance, error) {
		var i Instance
		err := row.Scan(&i.ID, &i.Counter, &i.Version, &i.MasterKeyFingerprint, &i.StartedAt, &i.SeenAt)
		return i, err
	})
	if err != nil {
		return nil, fmt.Errorf("read instances: %w", wrap(err))
	}
	return instances, nil
}

// ErrMasterKeyChanged means that the master key which an instance has started with opens
// the database no more.
var ErrMasterKeyChanged = errors.New("the master key of the database was changed since this instance has started with another: start it anew with the one in force")

// JoinInstance has an instance that answers nothing yet counted among those that run,
// for a lifetime, as one that knows of every change so far: what it will answer by, it
// reads after this. One whose master key is neither the one in force nor the next is
// ErrMasterKeyChanged; nil says nothing of it. It joins before a change of the master key ends, or sees its end.
// Its ID, version and fingerprint have to be set.
func (s *Store) JoinInstance(ctx context.Context, instance Instance, lifetime time.Duration) error {
	err := s.Administer(ctx, func(tx *Tx) error {
		joined, err := tx.tx.Exec(ctx, `
			insert into instances (id, counter, version, master_key_fingerprint, expires_at) select $1, counter, $2, $3, idp_now() + $4::interval from changes
			where $3::bytea is null or exists (select from master_keys where $3 in (fingerprint, next_fingerprint))
			on conflict (id) do update set counter = excluded.counter, seen_at = idp_now(), expires_at = excluded.expires_at`,
			instance.ID, instance.Version, instance.MasterKeyFingerprint, lifetime)
		if err == nil && joined.RowsAffected() == 0 {
			return ErrMasterKeyChanged
		}
		return wrap(err)
	})
	if err != nil {
		return fmt.Errorf("join the instances: %w", err)
	}
	return nil
}

// ConfirmInstance tells by which change counter an instance answers from now on, and
// has it counted for another lifetime. The others are notified if notify is set. It is
// ErrNotFound if the instance is not counted any more and has to join anew.
func (s *Store) ConfirmInstance(ctx context.Context, id [16]byte, counter int64, lifetime time.Duration, notify bool) error {
	var confirmed bool
	err := s.pool.QueryRow(ctx, `
		with c as (
		  update instances set counter = $2, seen_at = idp_now(), expires_at = idp_now() + $3::interval
		  where id = $1 and expires_at > idp_now() returning id
		), told as (select pg_notify('idp_changes', '') from c where $4)
		select exists (select from c) from (select count(*) from told) t`, id, counter, lifetime, notify).Scan(&confirmed)
	if err == nil && !confirmed {
		err = ErrNotFound
	}
	if err != nil {
		return fmt.Errorf("confirm an instance: %w", wrap(err))
	}
	return nil
}

// LeaveInstance has an instance counted no more.
func (s *Store) LeaveInstance(ctx context.Context, id [16]byte) error {
	if _, err := s.pool.Exec(ctx, "delete from instances where id = $1", id); err != nil {
		return fmt.Errorf("leave the instances: %w", wrap(err))
	}
	return nil
}
