package storage

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// Snapshot is everything that an instance holds in memory, as of one moment.
type Snapshot struct {
	// Counter is the change counter it belongs to, and Now the database's clock.
	Counter int64
	Now     time.Time
	Clients []*Client
	Keys    []*SigningKey
	// DataKeys are the keys of what is sealed, the oldest first.
	DataKeys []DataKey
	// APIKeys are those that are not revoked.
	APIKeys []*APIKey
	// Instances are those that run.
	Instances []Instance
	// Schedules are those by which keys are replaced.
	Schedules []*KeySchedule
}

// ReadSnapshot reads clients and all keys in one transaction.
func (s *Store) ReadSnapshot(ctx context.Context) (*Snapshot, error) {
	var snapshot *Snapshot
	opts := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, s.pool, opts, func(tx pgx.Tx) (err error) {
		snapshot, err = querySnapshot(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read clients and keys: %w", wrap(err))
	}
	return snapshot, nil
}

// Snapshot reads clients and all keys as the transaction sees them.
func (tx *Tx) Snapshot(ctx context.Context) (*Snapshot, error) {
	snapshot, err := querySnapshot(ctx, tx.tx)
	if err != nil {
		return nil, fmt.Errorf("read clients and keys: %w", wrap(err))
	}
	return snapshot, nil
}

func querySnapshot(ctx context.Context, tx pgx.Tx) (*Snapshot, error) {
	var snapshot Snapshot
	if err := tx.QueryRow(ctx, "select counter, idp_now() from changes").Scan(&snapshot.Counter, &snapshot.Now); err != nil {
		return nil, err
	}
	var err error
	if snapshot.Clients, err = queryClients(ctx, tx, "order by client_id"); err != nil {
		return nil, err
	}
	if snapshot.Keys, err = querySigningKeys(ctx, tx); err != nil {
		return nil, err
	}
	if snapshot.DataKeys, err = queryDataKeys(ctx, tx); err != nil {
		return nil, err
	}
	if snapshot.APIKeys, err = queryAPIKeys(ctx, tx, "k.revoked_at is null"); err != nil {
		return nil, err
	}
	if snapshot.Instances, err = queryInstances(ctx, tx); err != nil {
		return nil, err
	}
	snapshot.Schedules, err = queryKeySchedules(ctx, tx)
	return &snapshot, err
}

// ChangeCounter reads the counter that every change of a client or key moves, and the
// least one that the instances which run, but for the given one, have confirmed: the
// greatest number if there is no other.
func (s *Store) ChangeCounter(ctx context.Context, instance [16]byte) (counter, agreed int64, err error) {
	err = s.pool.QueryRow(ctx, `
		select counter, coalesce((select min(counter) from instances where id <> $1 and expires_at > idp_now()), $2) from changes`,
		instance, int64(math.MaxInt64)).Scan(&counter, &agreed)
	if err != nil {
		return 0, 0, fmt.Errorf("read change counter: %w", wrap(err))
	}
	return counter, agreed, nil
}

// Listen calls notify at each notification of a change, over a connection of its
// own, until ctx ends or the connection is lost; it returns why. A lost
// notification is no harm: ChangeCounter tells.
func (s *Store) Listen(ctx context.Context, notify func()) error {
	conn, err := pgx.Connect(ctx, s.directURL)
	if err != nil {
		return fmt.Errorf("listen for changes: %w", wrap(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "listen idp_changes"); err != nil {
		return fmt.Errorf("listen for changes: %w", wrap(err))
	}
	for {
		if _, err := conn.WaitForNotification(ctx); err != nil {
			return fmt.Errorf("listen for changes: %w", wrap(err))
		}
		notify()
	}
}
