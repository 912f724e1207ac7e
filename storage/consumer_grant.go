package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// ConsumerGrant is what one client has of a consumer beyond a session: what was allowed,
// and refresh tokens.
type ConsumerGrant struct {
	ClientID   string
	ClientName string
	// Scopes are those that the consumer has allowed; nil if they were not asked.
	Scopes []string
	// AllowedAt is when that was last changed; zero if they were not asked.
	AllowedAt time.Time
	Families  []ConsumerFamily
}

// ConsumerFamily is a refresh token with all that take its place.
type ConsumerFamily struct {
	Sid       string    `json:"sid"`
	Scope     string    `json:"scope"`
	Offline   bool      `json:"offline"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// GrantsOf reads what clients have of a consumer, ordered by client_id.
func (s *Store) GrantsOf(ctx context.Context, consumerID int64) ([]ConsumerGrant, error) {
	rows, err := s.pool.Query(ctx, `
		with live as (
		  select client_id, jsonb_agg(jsonb_build_object('sid', sid, 'scope', scope, 'offline', offline, 'created_at', created_at,
		    'expires_at', expires_at) order by id) as families
		  from refresh_families where consumer_id = $1 and expires_at > idp_now() group by client_id
		)
		select c.client_id, coalesce(c.metadata ->> 'client_name', ''), k.scopes, k.updated_at, coalesce(f.families, '[]')
		from clients c left join consents k on k.client_id = c.id and k.consumer_id = $1 left join live f on f.client_id = c.id
		where k.client_id is not null or f.client_id is not null order by c.client_id`, consumerID)
	if err != nil {
		return nil, fmt.Errorf("read grants of consumer: %w", wrap(err))
	}
	grants, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (ConsumerGrant, error) {
		var (
			g       ConsumerGrant
			allowed *time.Time
		)
		err := row.Scan(&g.ClientID, &g.ClientName, &g.Scopes, &allowed, &g.Families)
		if allowed != nil {
			g.AllowedAt = *allowed
		}
		return g, err
	})
	if err != nil {
		return nil, fmt.Errorf("read grants of consumer: %w", wrap(err))
	}
	return grants, nil
}

// EndGrant forgets what a consumer has allowed a client, and ends the client's codes,
// refresh tokens and access tokens of that consumer. If there is none of them, it is
// ErrNotFound.
func (s *Store) EndGrant(ctx context.Context, consumerID int64, clientID string, audit AuditEvent) error {
	err := s.inTx(ctx, func(tx pgx.Tx) error {
		var ended int64
		batch := &pgx.Batch{}
		// As in WithdrawConsent.
		for _, table := range []string{"consents", "authorization_codes", "refresh_families", "access_tokens"} {
			batch.Queue("delete from "+table+" where consumer_id = $1 and client_id = (select id from clients where client_id = $2)", consumerID, clientID).
				Exec(func(tag pgconn.CommandTag) error {
					ended += tag.RowsAffected()
					return nil
				})
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
		if ended == 0 {
			return ErrNotFound
		}
		return audit.insert(ctx, tx)
	})
	if err != nil {
		return fmt.Errorf("end grant: %w", wrap(err))
	}
	return nil
}
