package storage

import (
	"context"
	"fmt"
)

// ClaimIssuer has the database belong to an issuer if it belongs to none, and gives the
// one that it belongs to.
func (s *Store) ClaimIssuer(ctx context.Context, issuer string) (owner string, err error) {
	if _, err = s.pool.Exec(ctx, "insert into issuer (issuer) values ($1) on conflict do nothing", issuer); err == nil {
		err = s.pool.QueryRow(ctx, "select issuer from issuer").Scan(&owner)
	}
	if err != nil {
		return "", fmt.Errorf("claim the database for an issuer: %w", wrap(err))
	}
	return owner, nil
}

// ChangeIssuer has the database belong to another issuer.
func (s *Store) ChangeIssuer(ctx context.Context, issuer string, audit AuditEvent) error {
	_, err := s.pool.Exec(ctx, `with c as (update issuer set issuer = $12, accepted_at = idp_now() returning issuer as target), `+auditSQL+" select", audit.args(issuer)...)
	if err != nil {
		return fmt.Errorf("change the issuer of the database: %w", wrap(err))
	}
	return nil
}
