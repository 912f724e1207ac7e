package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// What the management API does with one consumer. Nobody else is held up by it: a row
// is read, changed, and written in one statement if it still is as it was read.

// ErrChanged means that a consumer has changed since it was read.
var ErrChanged = errors.New("changed meanwhile")

func (s *Store) consumerWhere(ctx context.Context, where, value string) (*Consumer, error) {
	var c consumerScan
	err := s.pool.QueryRow(ctx, "select "+consumerColumns+" from consumers c where "+where, value).Scan(c.dest()...)
	if err != nil {
		return nil, fmt.Errorf("read consumer: %w", wrap(err))
	}
	return c.decode()
}

// ConsumerBySub finds a consumer by sub.
func (s *Store) ConsumerBySub(ctx context.Context, sub string) (*Consumer, error) {
	return s.consumerWhere(ctx, "c.sub = $1", sub)
}

// ConsumerByExternalID finds a consumer by external id.
func (s *Store) ConsumerByExternalID(ctx context.Context, externalID string) (*Consumer, error) {
	return s.consumerWhere(ctx, "c.external_id = $1", externalID)
}

// ConsumerByIdentifier finds a consumer by what they sign in with, normalised.
func (s *Store) ConsumerByIdentifier(ctx context.Context, identifier string) (*Consumer, error) {
	return s.consumerWhere(ctx, "c.id = (select consumer_id from identifiers where identifier = $1)", identifier)
}

// createSQL makes a consumer with its identifiers.
const createSQL = `
with c as (
  insert into consumers (sub, disabled, username, password_hash, claims, personal_info, customer_info, attributes, managed_by, external_id)
  values (coalesce(nullif($12, ''), gen_random_uuid()::text), $13, nullif($14, ''), nullif($15, ''), $16, $17, $18, $19, $20, nullif($21, ''))
  returning id, sub, sub as target, password_changed_at, created_at, updated_at
), identified as (
  insert into identifiers (identifier, consumer_id, kind) select v, c.id, k from c, unnest($22::text[], $23::text[]) as t (v, k)
), ` + auditSQL + `
select id, sub, password_changed_at, created_at, updated_at from c`

// CreateConsumer adds a consumer and sets its ID, times and, if it was empty, its Sub.
// What belongs to another consumer, or did, is ErrConflict; ConsumerClashes says which.
func (s *Store) CreateConsumer(ctx context.Context, c *Consumer, identifiers []Identifier, audit AuditEvent, claim *Claim) error {
	w := ConsumerWrite{Consumer: c, Identifiers: identifiers, Audit: audit}
	if err := s.change(ctx, claim, func(q querier) error { return w.write(ctx, q) }); err != nil {
		return fmt.Errorf("create consumer: %w", err)
	}
	return nil
}

// replaceSQL writes a consumer that is as it was read.
const replaceSQL = `
with c as (
  update consumers set disabled = $14, username = nullif($15, ''), claims = $16, personal_info = $17, customer_info = $18,
    attributes = $19, external_id = nullif($20, ''), updated_at = idp_now()
  where id = $12 and updated_at = $13
  returning id, sub as target, updated_at
), gone as (
  delete from identifiers i using c where i.consumer_id = c.id and not i.identifier = any($21)
), identified as (
  insert into identifiers (identifier, consumer_id, kind) select v, c.id, k from c, unnest($21::text[], $22::text[]) as t (v, k)
  where not exists (select from identifiers i where i.identifier = v and i.consumer_id = c.id)
), ` + auditSQL + `
select updated_at from c`

// ReplaceConsumer replaces everything of the consumer with c.ID but its sub and
// password, if it is as it was at c.UpdatedAt, which it sets; else it is ErrChanged. With
// end, sessions, consents, codes and tokens end.
func (s *Store) ReplaceConsumer(ctx context.Context, c *Consumer, identifiers []Identifier, end bool, audit AuditEvent) (err error) {
	w := ConsumerWrite{Consumer: c, Identifiers: identifiers, Audit: audit}
	if end {
		err = s.inTx(ctx, func(tx pgx.Tx) error {
			if err := w.write(ctx, tx); err != nil {
				return err
			}
			return (&Tx{tx: tx}).endEverything(ctx, []int64{c.ID}, EndDisabled, "consents")
		})
	} else {
		err = wrap(w.write(ctx, s.pool))
	}
	if err != nil {
		return fmt.Errorf("replace consumer: %w", err)
	}
	return nil
}

// DeleteConsumer removes a consumer who is as it was at updatedAt, else it is ErrChanged.
// Sessions, consents, codes and tokens end with it; whoever is told of the end of sessions
// is told. The sub is given to nobody any more.
func (s *Store) DeleteConsumer(ctx context.Context, id int64, updatedAt time.Time, audit AuditEvent) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		// Who inserts a row that refers to the consumer must not have to wait before it
		// is seen what they have locked: until the consumer goes, the key is left alone.
		tag, err := tx.Exec(ctx, "select from consumers where id = $1 and updated_at = $2 for no key update", id, updatedAt)
		if err == nil && tag.RowsAffected() == 0 {
			err = ErrChanged
		}
		if err == nil {
			err = (&Tx{tx: tx}).endEverything(ctx, []int64{id}, EndConsumerDeleted, "consents")
		}
		if err == nil {
			_, err = tx.Exec(ctx, "with c as (delete from consumers where id = $12 returning sub as target), "+auditSQL+" select", audit.args(id)...)
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("delete consumer: %w", err)
	}
	return nil
}

// ChangePassword stores a new hash and ends the consumer's sessions, codes and tokens.
func (s *Store) ChangePassword(ctx context.Context, consumerID int64, hash string, audit AuditEvent) error {
	return s.inTx(ctx, func(tx pgx.Tx) error {
		if err := (&Tx{tx: tx}).SetPassword(ctx, consumerID, hash); err != nil {
			return err
		}
		return audit.insert(ctx, tx)
	})
}

// Clashes are what a consumer may not have.
type Clashes struct {
	// Sub and ExternalID belong to another, or, if Retired, the sub did.
	Sub, Retired, ExternalID bool
	// Identifiers are those of others.
	Identifiers []string
}

// ConsumerClashes tells what of a consumer belongs to others.
func (s *Store) ConsumerClashes(ctx context.Context, c *Consumer, identifiers []Identifier) (*Clashes, error) {
	values, _ := columns(identifiers)
	var clashes Clashes
	err := s.pool.QueryRow(ctx, `
		select exists (select from consumers where sub = $1 and id <> $4), exists (select from consumer_tombstones where sub = $1),
		  exists (select from consumers where external_id = $2 and id <> $4),
		  array(select identifier from identifiers where identifier = any($3) and consumer_id <> $4)`,
		c.Sub, c.ExternalID, values, c.ID).Scan(&clashes.Sub, &clashes.Retired, &clashes.ExternalID, &clashes.Identifiers)
	if err != nil {
		return nil, fmt.Errorf("read clashes of consumer: %w", wrap(err))
	}
	return &clashes, nil
}

// columns gives identifiers as two columns.
func columns(identifiers []Identifier) (values, kinds []string) {
	values, kinds = make([]string, len(identifiers)), make([]string, len(identifiers))
	for i, identifier := range identifiers {
		values[i], kinds[i] = identifier.Value, identifier.Kind
	}
	return values, kinds
}
