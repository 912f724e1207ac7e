package storage

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// SealedColumn is a column of values that are sealed by data keys of one purpose, and
// stay.
type SealedColumn struct {
	Table, Purpose string
	column, bound  string
}

// SealedColumns are all of them. What else is sealed ends by itself within a day.
var SealedColumns = []SealedColumn{
	{Table: "signing_keys", Purpose: "signing_keys", column: "private_sealed", bound: "kid"},
	{Table: "webhook_secrets", Purpose: "webhooks", column: "secret_sealed", bound: "id::text"},
	{Table: "audit_seals", Purpose: "audit", column: "key_sealed", bound: "id::text"},
}

// SealedValue is a value of such a column.
type SealedValue struct {
	ID     int64
	Bound  string // to what in the row it is bound, beside the table
	Sealed []byte
}

// sealedByAnother holds for values that were sealed by another data key than $1. Where
// its id is, package seal says.
func (c SealedColumn) sealedByAnother() string {
	return " octet_length(" + c.column + ") > 9 and substring(" + c.column + " from 2 for 8) <> int8send($1)"
}

// CountSealedByOthers counts the values that were sealed by another data key than one.
func (s *Store) CountSealedByOthers(ctx context.Context, c SealedColumn, dataKey int64) (int64, error) {
	var count int64
	err := s.pool.QueryRow(ctx, "select count(*) from "+c.Table+" where"+c.sealedByAnother(), dataKey).Scan(&count)
	if err != nil {
		return 0, fmt.Errorf("count sealed values of %s: %w", c.Table, wrap(err))
	}
	return count, nil
}

// SealedByOthers reads some of them, in the order of their rows, behind a row.
func (s *Store) SealedByOthers(ctx context.Context, c SealedColumn, dataKey, after int64, limit int) ([]SealedValue, error) {
	rows, err := s.pool.Query(ctx, "select id, "+c.bound+" as bound, "+c.column+" from "+c.Table+
		" where id > $2 and"+c.sealedByAnother()+" order by id limit $3", dataKey, after, limit)
	if err != nil {
		return nil, fmt.Errorf("read sealed values of %s: %w", c.Table, wrap(err))
	}
	values, err := pgx.CollectRows(rows, pgx.RowToStructByPos[SealedValue])
	if err != nil {
		return nil, fmt.Errorf("read sealed values of %s: %w", c.Table, wrap(err))
	}
	return values, nil
}

// Reseal puts values in the place of others, and tells of it, in one transaction. A row
// that has changed meanwhile stays as it is.
func (s *Store) Reseal(ctx context.Context, c SealedColumn, from, to []SealedValue, audit AuditEvent) error {
	ids, before, after := make([]int64, len(from)), make([][]byte, len(from)), make([][]byte, len(from))
	for i := range from {
		ids[i], before[i], after[i] = from[i].ID, from[i].Sealed, to[i].Sealed
	}
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, "update "+c.Table+" t set "+c.column+" = n.after from unnest($1::bigint[], $2::bytea[], $3::bytea[]) n (id, before, after)"+
			" where t.id = n.id and t."+c.column+" = n.before", ids, before, after)
		if err != nil {
			return err
		}
		return audit.insert(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("seal values of %s anew: %w", c.Table, wrap(err))
	}
	return nil
}
