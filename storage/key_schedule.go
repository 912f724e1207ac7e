package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// KeySchedule is a rotation of signing keys that somebody has asked for.
type KeySchedule struct {
	ID int64
	// ClientID is the row of the client that owns the keys, 0 for the provider.
	ClientID int64
	Alg      string
	// Every is from the activation of one key to that of the next, Wait from the
	// publication of a key to its activation, and Keep how long a retired key stays.
	Every, Wait, Keep time.Duration
	CreatedAt         time.Time
	PausedAt          time.Time // the zero value if it is not paused
}

func queryKeySchedules(ctx context.Context, q querier) ([]*KeySchedule, error) {
	rows, err := q.Query(ctx, "select id, coalesce(client_id, 0), alg, every, wait, keep, created_at, paused_at from key_schedules order by id")
	if err != nil {
		return nil, fmt.Errorf("read key schedules: %w", wrap(err))
	}
	schedules, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*KeySchedule, error) {
		var (
			s      KeySchedule
			paused *time.Time
		)
		err := row.Scan(&s.ID, &s.ClientID, &s.Alg, &s.Every, &s.Wait, &s.Keep, &s.CreatedAt, &paused)
		if paused != nil {
			s.PausedAt = *paused
		}
		return &s, err
	})
	if err != nil {
		return nil, fmt.Errorf("read key schedules: %w", wrap(err))
	}
	return schedules, nil
}

// SetKeySchedule makes the schedule of an owner and algorithm, or replaces its times.
// One that is paused stays so.
func (tx *Tx) SetKeySchedule(ctx context.Context, s *KeySchedule) error {
	_, err := tx.tx.Exec(ctx, `
		insert into key_schedules (client_id, alg, every, wait, keep) values (nullif($1::bigint, 0), $2, $3, $4, $5)
		on conflict (coalesce(client_id, 0), alg) do update set every = excluded.every, wait = excluded.wait, keep = excluded.keep`,
		s.ClientID, s.Alg, s.Every, s.Wait, s.Keep)
	if err != nil {
		return fmt.Errorf("set key schedule: %w", wrap(err))
	}
	return nil
}

// PauseKeySchedule pauses a schedule, or has it go on.
func (tx *Tx) PauseKeySchedule(ctx context.Context, id int64, paused bool) error {
	_, err := tx.tx.Exec(ctx, "update key_schedules set paused_at = case when $2 then coalesce(paused_at, idp_now()) end where id = $1", id, paused)
	if err != nil {
		return fmt.Errorf("pause key schedule: %w", wrap(err))
	}
	return nil
}

// DeleteKeySchedule removes a schedule. The keys stay as they are.
func (tx *Tx) DeleteKeySchedule(ctx context.Context, id int64) error {
	if _, err := tx.tx.Exec(ctx, "delete from key_schedules where id = $1", id); err != nil {
		return fmt.Errorf("delete key schedule: %w", wrap(err))
	}
	return nil
}

// TakeKeySchedule takes a schedule for a while, and tells whether no other instance has
// it.
func (s *Store) TakeKeySchedule(ctx context.Context, id int64, lease time.Duration) (bool, error) {
	tag, err := s.pool.Exec(ctx, `
		update key_schedules set taken_until = idp_now() + $2::interval where id = (
		  select id from key_schedules where id = $1 and coalesce(taken_until <= idp_now(), true) for update skip locked)`, id, lease)
	if err != nil {
		return false, fmt.Errorf("take key schedule: %w", wrap(err))
	}
	return tag.RowsAffected() == 1, nil
}

// GiveBackKeySchedule has another instance take a schedule.
func (s *Store) GiveBackKeySchedule(ctx context.Context, id int64) error {
	if _, err := s.pool.Exec(ctx, "update key_schedules set taken_until = null where id = $1", id); err != nil {
		return fmt.Errorf("give back key schedule: %w", wrap(err))
	}
	return nil
}
