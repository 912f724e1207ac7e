package storage

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
)

// APIKey is a key of the management API.
type APIKey struct {
	ID   int64
	Name string
	// SHA256 is of the key itself, which is kept nowhere.
	SHA256 []byte
	// Scopes are what the key may do.
	Scopes []string
	// ClientID is the row ID of the one client that the key is narrowed to, 0 if it is
	// narrowed to none.
	ClientID int64
	// Networks are where the key may be used from; none means everywhere.
	Networks  []netip.Prefix
	CreatedAt time.Time
	// ExpiresAt, RevokedAt and LastUsedAt are zero if they are not, or have not been.
	ExpiresAt, RevokedAt, LastUsedAt time.Time
}

const apiKeyColumns = "k.id, k.name, k.key_sha256, k.scopes, coalesce(k.client_id, 0), k.networks, k.created_at, k.expires_at, k.revoked_at, " +
	"(select u.last_used_at from api_key_uses u where u.api_key_id = k.id)"

func scanAPIKey(row pgx.CollectableRow) (*APIKey, error) {
	var (
		k                       APIKey
		expires, revoked, usage *time.Time
	)
	err := row.Scan(&k.ID, &k.Name, &k.SHA256, &k.Scopes, &k.ClientID, &k.Networks, &k.CreatedAt, &expires, &revoked, &usage)
	for at, value := range map[*time.Time]*time.Time{&k.ExpiresAt: expires, &k.RevokedAt: revoked, &k.LastUsedAt: usage} {
		if value != nil {
			*at = *value
		}
	}
	return &k, err
}

func queryAPIKeys(ctx context.Context, q querier, where string) ([]*APIKey, error) {
	rows, err := q.Query(ctx, "select "+apiKeyColumns+" from api_keys k where "+where+" order by k.name, k.id")
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", wrap(err))
	}
	keys, err := pgx.CollectRows(rows, scanAPIKey)
	if err != nil {
		return nil, fmt.Errorf("read API keys: %w", wrap(err))
	}
	return keys, nil
}

// APIKeys reads every key, ordered by name, those that are revoked or expired
// included.
func (s *Store) APIKeys(ctx context.Context) ([]*APIKey, error) {
	return queryAPIKeys(ctx, s.pool, "true")
}

// InsertAPIKey adds a key and sets its ID. A name that a live key has is ErrConflict.
func (s *Store) InsertAPIKey(ctx context.Context, k *APIKey, audit AuditEvent) error {
	err := s.pool.QueryRow(ctx, `
		with c as (
		  insert into api_keys as k (name, key_sha256, scopes, client_id, networks, expires_at)
		  values ($12, $13, $14, nullif($15::bigint, 0), coalesce($16::cidr[], '{}'), $17) returning k.id, k.name as target, k.created_at
		), `+auditSQL+`
		select id, created_at from c`,
		audit.args(k.Name, k.SHA256, k.Scopes, k.ClientID, k.Networks, instant(k.ExpiresAt))...).Scan(&k.ID, &k.CreatedAt)
	if err != nil {
		return fmt.Errorf("insert API key: %w", wrap(err))
	}
	return nil
}

// RevokeAPIKey ends a key by its name. If no live key has it, it is ErrNotFound.
func (s *Store) RevokeAPIKey(ctx context.Context, name string, audit AuditEvent) error {
	var id int64
	err := s.pool.QueryRow(ctx, `
		with c as (
		  update api_keys set revoked_at = idp_now() where name = $12 and revoked_at is null returning id, name as target
		), `+auditSQL+`
		select id from c`, audit.args(name)...).Scan(&id)
	if err != nil {
		return fmt.Errorf("revoke API key: %w", wrap(err))
	}
	return nil
}

// instant is a time as a column takes it: null if there is none.
func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
