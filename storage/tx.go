package storage

import (
	"context"
	"errors"
	"fmt"

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

// rehearse gives what f gives, and undoes what it does.
func (s *Store) rehearse(ctx context.Context, f func(pgx.Tx) (*Grant, error)) (*Grant, error) {
	tx, err := s.pool.Begin(ctx)
	if err != nil {
		return nil, fmt.Errorf("rehearse: %w", wrap(err))
	}
	defer tx.Rollback(ctx) //nolint:errcheck // done already, unless f panics
	g, err := f(tx)
	if err := errors.Join(err, tx.Rollback(ctx)); err != nil {
		return nil, fmt.Errorf("rehearse: %w", wrap(err))
	}
	return g, nil
}

// AdministerOnce is Administer for a request with an idempotency key, whose answer is
// stored in the same transaction. claim is nil for a request without.
func (s *Store) AdministerOnce(ctx context.Context, claim *Claim, f func(*Tx) error) error {
	if claim == nil {
		return s.Administer(ctx, f)
	}
	err := s.Administer(ctx, func(tx *Tx) error {
		if err := f(tx); err != nil {
			return err
		}
		return claim.complete(ctx, tx.tx)
	})
	claim.Done = err == nil
	return err
}

// Read runs f in a transaction that sees everything as it is at one moment, and can
// write nothing.
func (s *Store) Read(ctx context.Context, f func(*Tx) error) error {
	return wrap(pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		return f(&Tx{tx: tx})
	}))
}

// Audit tells in the transaction of what happens in it.
func (tx *Tx) Audit(ctx context.Context, event AuditEvent) error { return event.insert(ctx, tx.tx) }

// querier is what a pool and a transaction have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}
