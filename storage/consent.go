package storage

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Consents are the scopes that a consumer has allowed, by the row IDs of clients.
type Consents map[int64][]string

// Cover tells whether a client was allowed all of the scopes.
func (c Consents) Cover(clientID int64, scopes []string) bool {
	return !slices.ContainsFunc(scopes, func(scope string) bool { return !slices.Contains(c[clientID], scope) })
}

// consentsOf gives the Consents of the consumer whom a session s is of.
const consentsOf = "(select jsonb_object_agg(k.client_id, k.scopes) from consents k where k.consumer_id = s.consumer_id)"

// RememberConsent adds scopes to those that the consumer of a live session has
// allowed a client. A session that has ended meanwhile is ErrNotFound.
func (s *Store) RememberConsent(ctx context.Context, sessionID, clientID int64, scopes []string) error {
	// The lock has who signs out or disables wait for it, or be seen by it.
	tag, err := s.pool.Exec(ctx, `
		with s as (
		  select consumer_id, idp_now() as now from sessions where id = $1 and expires_at > idp_now() for key share
		)
		insert into consents as k (consumer_id, client_id, scopes, created_at, updated_at) select consumer_id, $2, $3, now, now from s
		on conflict (consumer_id, client_id) do update set updated_at = excluded.updated_at,
		  scopes = k.scopes || array(select w from unnest(excluded.scopes) as w where w <> all (k.scopes))`,
		sessionID, clientID, scopes)
	if err != nil {
		return fmt.Errorf("remember consent: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("remember consent: session: %w", ErrNotFound)
	}
	return nil
}

// WithdrawConsent forgets what a consumer has allowed a client, and ends the client's
// codes, refresh tokens and access tokens of that consumer. If nothing was allowed,
// it is ErrNotFound and nothing ends.
func (s *Store) WithdrawConsent(ctx context.Context, consumerID, clientID int64, audit AuditEvent) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, "delete from consents where consumer_id = $1 and client_id = $2", consumerID, clientID)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return ErrNotFound
		}
		// In the order in which one comes of the other, each in a statement of its own:
		// it sees what the one before has waited for.
		batch := &pgx.Batch{}
		for _, table := range []string{"authorization_codes", "refresh_families", "access_tokens"} {
			batch.Queue("delete from "+table+" where consumer_id = $1 and client_id = $2", consumerID, clientID)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		return audit.insert(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("withdraw consent: %w", wrap(err))
	}
	return nil
}

// Consent is what a consumer has allowed one client.
type Consent struct {
	ClientRow  int64 // row ID of the client
	ClientID   string
	ClientName string
	Scopes     []string
	// GivenAt is when the first was given, ChangedAt when the last.
	GivenAt, ChangedAt time.Time
}

// ConsentsOf reads what a consumer has allowed, ordered by client_id.
func (s *Store) ConsentsOf(ctx context.Context, consumerID int64) ([]Consent, error) {
	rows, err := s.pool.Query(ctx, `
		select c.id, c.client_id, coalesce(c.metadata ->> 'client_name', ''), k.scopes, k.created_at, k.updated_at
		from consents k join clients c on c.id = k.client_id where k.consumer_id = $1 order by c.client_id`, consumerID)
	if err != nil {
		return nil, fmt.Errorf("read consents: %w", wrap(err))
	}
	consents, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Consent])
	if err != nil {
		return nil, fmt.Errorf("read consents: %w", wrap(err))
	}
	return consents, nil
}
