package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// WebhookSecret is a secret that webhooks are signed with, sealed.
type WebhookSecret struct {
	ID           int64
	SecretSealed []byte
	CreatedAt    time.Time
	// ExpiresAt is when a secret that was rotated away signs no more; nil for the one
	// in force.
	ExpiresAt *time.Time
}

// WebhookSecrets reads those that sign, the newest first.
func (s *Store) WebhookSecrets(ctx context.Context) ([]WebhookSecret, error) {
	return queryWebhookSecrets(ctx, s.pool)
}

// WebhookSecrets reads those that sign, the newest first.
func (tx *Tx) WebhookSecrets(ctx context.Context) ([]WebhookSecret, error) {
	return queryWebhookSecrets(ctx, tx.tx)
}

func queryWebhookSecrets(ctx context.Context, q querier) ([]WebhookSecret, error) {
	rows, err := q.Query(ctx, `select id, secret_sealed, created_at, expires_at from webhook_secrets
		where expires_at is null or expires_at > idp_now() order by id desc`)
	if err != nil {
		return nil, fmt.Errorf("read webhook secrets: %w", wrap(err))
	}
	secrets, err := pgx.CollectRows(rows, pgx.RowToStructByPos[WebhookSecret])
	if err != nil {
		return nil, fmt.Errorf("read webhook secrets: %w", wrap(err))
	}
	return secrets, nil
}

// ReplaceWebhookSecret makes a secret the one in force and stores what sealFor gives
// for its ID, since the sealing is bound to the row. The one before signs beside it
// for the overlap.
func (tx *Tx) ReplaceWebhookSecret(ctx context.Context, overlap time.Duration, sealFor func(id int64) ([]byte, error)) error {
	var id int64
	_, err := tx.tx.Exec(ctx, "update webhook_secrets set expires_at = idp_now() + $1::interval where expires_at is null", overlap)
	if err == nil {
		err = tx.tx.QueryRow(ctx, "select nextval(pg_get_serial_sequence('webhook_secrets', 'id'))").Scan(&id)
	}
	if err != nil {
		return fmt.Errorf("replace webhook secret: %w", wrap(err))
	}
	sealed, err := sealFor(id)
	if err != nil {
		return fmt.Errorf("replace webhook secret: %w", err)
	}
	if _, err := tx.tx.Exec(ctx, "insert into webhook_secrets (id, secret_sealed) overriding system value values ($1, $2)", id, sealed); err != nil {
		return fmt.Errorf("replace webhook secret: %w", wrap(err))
	}
	return nil
}
