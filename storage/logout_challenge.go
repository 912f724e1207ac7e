package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// LogoutChallenge is a sign-out whose browser was sent to the brand's own. The session
// has ended already.
type LogoutChallenge struct {
	ChallengeSHA256 []byte
	// BindingSHA256 is that of the browser's binding, to which RequestSealed is bound.
	BindingSHA256 []byte
	RequestSealed []byte
	// ClientID is the client_id of the client that asked, "" if none is known.
	ClientID string
	// Sid is the session that has ended, of this consumer; "" if it had run out before.
	Sid, Sub, ExternalID string
	ExpiresAt            time.Time
}

// InsertLogoutChallenge stores a challenge for some time.
func (s *Store) InsertLogoutChallenge(ctx context.Context, c LogoutChallenge, lifetime time.Duration) error {
	_, err := s.pool.Exec(ctx, `
		insert into logout_challenges (challenge_sha256, binding_sha256, request_sealed, client_id, sid, sub, external_id, expires_at)
		values ($1, $2, $3, nullif($4, ''), nullif($5, ''), nullif($6, ''), nullif($7, ''), idp_now() + $8::interval)`,
		c.ChallengeSHA256, c.BindingSHA256, c.RequestSealed, c.ClientID, c.Sid, c.Sub, c.ExternalID, lifetime)
	if err != nil {
		return fmt.Errorf("store logout challenge: %w", wrap(err))
	}
	return nil
}

// LogoutChallenge reads what the brand's backend is told. One that cannot be accepted
// any more is ErrChallengeDecided or ErrChallengeExpired.
func (s *Store) LogoutChallenge(ctx context.Context, challengeSHA256 []byte) (*LogoutChallenge, error) {
	c := LogoutChallenge{ChallengeSHA256: challengeSHA256}
	var decided, expired bool
	err := s.pool.QueryRow(ctx, `
		select coalesce(client_id, ''), coalesce(sid, ''), coalesce(sub, ''), coalesce(external_id, ''), expires_at, verifier_sha256 is not null, expires_at <= idp_now()
		from logout_challenges where challenge_sha256 = $1`, challengeSHA256).
		Scan(&c.ClientID, &c.Sid, &c.Sub, &c.ExternalID, &c.ExpiresAt, &decided, &expired)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read logout challenge: %w", wrap(err))
	case decided:
		return nil, ErrChallengeDecided
	case expired:
		return nil, ErrChallengeExpired
	}
	return &c, nil
}

// AcceptLogout lets the browser go on with a verifier. One that cannot be accepted any
// more is as for LogoutChallenge.
func (s *Store) AcceptLogout(ctx context.Context, challengeSHA256, verifierSHA256 []byte, audit AuditEvent, claim *Claim) error {
	err := wrap(s.change(ctx, claim, func(q querier) error {
		var sub string
		return q.QueryRow(ctx, `
			with c as (
			  update logout_challenges set verifier_sha256 = $13
			  where challenge_sha256 = $12 and verifier_sha256 is null and expires_at > idp_now() returning coalesce(sub, '') as target
			), `+auditSQL+`
			select target from c`, audit.args(challengeSHA256, verifierSHA256)...).Scan(&sub)
	}))
	if errors.Is(err, ErrNotFound) {
		if _, err := s.LogoutChallenge(ctx, challengeSHA256); err != nil {
			return err
		}
		return ErrChallengeExpired // in this very moment
	}
	if err != nil {
		return fmt.Errorf("accept logout challenge: %w", err)
	}
	return nil
}

// UseLogout takes the verifier of a sign-out that was accepted, in the browser of a
// binding, once. One that is no good is ErrChallengeUsed, ErrChallengeExpired or
// ErrNotFound; bound is false in another browser.
func (s *Store) UseLogout(ctx context.Context, verifierSHA256, bindingSHA256 []byte) (c *LogoutChallenge, bound bool, err error) {
	c = &LogoutChallenge{BindingSHA256: bindingSHA256}
	err = wrap(s.pool.QueryRow(ctx, `update logout_challenges set consumed_at = idp_now()
		where verifier_sha256 = $1 and consumed_at is null and expires_at > idp_now()
		returning challenge_sha256, request_sealed, binding_sha256 is not distinct from $2`, verifierSHA256, bindingSHA256).
		Scan(&c.ChallengeSHA256, &c.RequestSealed, &bound))
	if errors.Is(err, ErrNotFound) {
		err = s.whyUnusable(ctx, "logout_challenges", verifierSHA256)
	}
	if err != nil {
		return nil, false, fmt.Errorf("use logout verifier: %w", err)
	}
	return c, bound, nil
}
