package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ConsumerWrite is what becomes of one consumer of several.
type ConsumerWrite struct {
	// Consumer is made if its ID is 0, else replaced as by ReplaceConsumer. What
	// CreateConsumer and ReplaceConsumer set of it is set.
	Consumer    *Consumer
	Identifiers []Identifier
	// End has sessions, consents, codes and tokens end.
	End   bool
	Audit AuditEvent
}

// WriteConsumers makes and replaces consumers in one transaction. ErrChanged means that
// one is not as it was when it was read, ErrConflict that something belongs to another by
// now; nothing is written then.
func (s *Store) WriteConsumers(ctx context.Context, writes []ConsumerWrite, claim *Claim) error {
	batch := &pgx.Batch{}
	var there, ended []int64
	for _, w := range writes {
		if w.Consumer.ID != 0 {
			there = append(there, w.Consumer.ID)
		}
		if w.End {
			ended = append(ended, w.Consumer.ID)
		}
	}
	// Two that write or make the same consumers take them in the same order.
	writes = slices.SortedStableFunc(slices.Values(writes), func(a, b ConsumerWrite) int {
		x, y := a.Consumer, b.Consumer
		return cmp.Or(cmp.Compare(x.ExternalID, y.ExternalID), cmp.Compare(x.Username, y.Username), cmp.Compare(x.Sub, y.Sub))
	})
	batch.Queue("select from consumers where id = any($1) order by id for update", there)
	for _, w := range writes {
		sql, args, scan, err := w.statement()
		if err != nil {
			return fmt.Errorf("write consumers: %w", err)
		}
		batch.Queue(sql, args...).QueryRow(scan)
	}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		if len(ended) > 0 {
			if err := (&Tx{tx: tx}).endEverything(ctx, ended, EndDisabled, "consents"); err != nil {
				return err
			}
		}
		if claim == nil {
			return nil
		}
		return claim.complete(ctx, tx)
	})
	if claim != nil {
		claim.Done = err == nil
	}
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok && pgErr.Code == "40P01" {
		err = ErrChanged // two that make the same consumers may wait for each other
	}
	if err != nil {
		return fmt.Errorf("write consumers: %w", err)
	}
	return nil
}

// write writes the consumer.
func (w *ConsumerWrite) write(ctx context.Context, q querier) error {
	sql, args, scan, err := w.statement()
	if err != nil {
		return err
	}
	return scan(q.QueryRow(ctx, sql, args...))
}

// statement is what writes a consumer, and reads of its row what was set.
func (w *ConsumerWrite) statement() (sql string, args []any, scan func(pgx.Row) error, err error) {
	c := w.Consumer
	d, err := c.documents()
	if err != nil {
		return "", nil, nil, err
	}
	values, kinds := columns(w.Identifiers)
	if c.ID == 0 {
		args = w.Audit.args(c.Sub, c.Disabled, c.Username, c.PasswordHash, d.claims, d.personal, d.customer, d.attributes, c.ManagedBy, c.ExternalID, values, kinds)
		return createSQL, args, func(row pgx.Row) error {
			return row.Scan(&c.ID, &c.Sub, &c.PasswordChangedAt, &c.CreatedAt, &c.UpdatedAt)
		}, nil
	}
	args = w.Audit.args(c.ID, c.UpdatedAt, c.Disabled, c.Username, d.claims, d.personal, d.customer, d.attributes, c.ExternalID, values, kinds)
	return replaceSQL, args, func(row pgx.Row) error {
		err := row.Scan(&c.UpdatedAt)
		if errors.Is(err, pgx.ErrNoRows) {
			return ErrChanged
		}
		return err
	}, nil
}

// ConsumersThere is what there is of consumers that are named, and of what they are to have.
type ConsumersThere struct {
	// BySub and ByExternalID have those who have one of the subs or external ids.
	BySub, ByExternalID map[string]*Consumer
	// Owners tells for identifiers that are taken whose they are.
	Owners map[string]int64
	// Retired are the subs of consumers who are gone.
	Retired map[string]bool
}

// ConsumersThere reads consumers by sub and by external id, and whose identifiers are, as
// it all is at one moment.
func (s *Store) ConsumersThere(ctx context.Context, subs, externalIDs, identifiers []string) (*ConsumersThere, error) {
	there := &ConsumersThere{BySub: map[string]*Consumer{}, ByExternalID: map[string]*Consumer{}, Retired: map[string]bool{}}
	err := s.Read(ctx, func(tx *Tx) error {
		consumers, err := tx.ConsumersNamed(ctx, subs, externalIDs, nil)
		if err != nil {
			return err
		}
		for _, c := range consumers {
			there.BySub[c.Sub] = c
			if c.ExternalID != "" {
				there.ByExternalID[c.ExternalID] = c
			}
		}
		if there.Owners, err = tx.IdentifierOwners(ctx, identifiers); err != nil {
			return err
		}
		retired, err := tx.SubsRetired(ctx, subs)
		for _, sub := range retired {
			there.Retired[sub] = true
		}
		return err
	})
	return there, err
}
