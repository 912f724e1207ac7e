package storage

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Tx is one administrative transaction: everything in it happens, or nothing.
type Tx struct{ tx pgx.Tx }

// Administer runs f in one transaction, one at a time in the whole database, so
// that what f has read still holds when it writes. An error of f rolls back.
func (s *Store) Administer(ctx context.Context, f func(*Tx) error) error {
	return s.inTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "select counter from changes for update"); err != nil {
			return err
		}
		return f(&Tx{tx: tx})
	})
}

// querier is what a pool and a transaction have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}
