package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// NewCode is an authorization code to be issued.
type NewCode struct {
	SHA256        []byte
	ClientID      int64
	RedirectURI   string
	Scope         string
	Nonce         string // "" if none was sent
	CodeChallenge string // S256; "" if none was sent
	Lifetime      time.Duration
}

// IssueCode stores a code for a live session. A session that has ended
// meanwhile is ErrNotFound.
func (s *Store) IssueCode(ctx context.Context, sessionID int64, code NewCode) error {
	tag, err := s.pool.Exec(ctx, `
		insert into authorization_codes (code_sha256, client_id, consumer_id, session_id, sid, redirect_uri, scope, nonce,
		  code_challenge, auth_time, acr, amr, session_ends_at, expires_at)
		select $2, $3, s.consumer_id, s.id, s.sid, $4, $5, nullif($6, ''), nullif($7, ''), s.auth_time, s.acr, s.amr, s.ends_at,
		  idp_now() + $8::interval
		from sessions s where s.id = $1 and s.expires_at > idp_now()`,
		sessionID, code.SHA256, code.ClientID, code.RedirectURI, code.Scope, code.Nonce, code.CodeChallenge, code.Lifetime)
	if err != nil {
		return fmt.Errorf("issue code: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("issue code: session: %w", ErrNotFound)
	}
	return nil
}

// Redemption is a code as a client that has proved who it is presents it.
type Redemption struct {
	CodeSHA256  []byte
	ClientID    int64
	RedirectURI string
	// CodeChallenge is computed from the code_verifier; "" if none was sent.
	CodeChallenge string
	// AccessTokenSHA256 and AccessTokenLifetime are for the token it gets.
	AccessTokenSHA256   []byte
	AccessTokenLifetime time.Duration
}

// Grant is what a redeemed code stood for.
type Grant struct {
	Scope    string
	Nonce    string
	Session  Session
	Consumer *Consumer
}

// ErrCodeRefused means that no code that is alive, unused and this client's, with this
// redirect address and verifier, answers to what was presented.
var ErrCodeRefused = errors.New("code refused")

// redeemSQL takes the code and makes the token in one statement: the update is
// what 16 parallel redemptions race for, and one of them wins. A used code stays
// as long as its token, so that using it again can end that.
const redeemSQL = `
with consumed as (
  update authorization_codes ac set consumed_at = idp_now(), expires_at = greatest(ac.expires_at, idp_now() + $6::interval)
  from consumers c
  where ac.code_sha256 = $1 and ac.client_id = $2 and ac.redirect_uri = $3 and ac.code_challenge is not distinct from nullif($4, '')
    and ac.consumed_at is null and least(ac.expires_at, ac.session_ends_at) > idp_now() and c.id = ac.consumer_id and not c.disabled
  returning ac.id, ac.client_id, ac.consumer_id, ac.session_id, ac.sid, ac.scope, ac.nonce, ac.auth_time, ac.acr, ac.amr, ac.session_ends_at
), token as (
  insert into access_tokens (token_sha256, client_id, consumer_id, session_id, code_id, scope, expires_at)
  select $5, client_id, consumer_id, session_id, id, scope, idp_now() + $6::interval from consumed
)
select ac.scope, coalesce(ac.nonce, ''), ac.session_id, ac.sid, ac.auth_time, ac.acr, ac.amr, ac.session_ends_at, ` + consumerColumns + `
from consumed ac join consumers c on c.id = ac.consumer_id`

// RedeemCode consumes a code, checks what it is bound to and stores the access
// token, in one transaction and one round trip. ErrCodeRefused means that none
// of it happened; if the code had been used before by this same client, with the
// same verifier, what came of it is ended (RFC 6749 4.1.2).
func (s *Store) RedeemCode(ctx context.Context, r Redemption) (*Grant, error) {
	var (
		g        Grant
		consumer consumerScan
	)
	dest := []any{
		&g.Scope, &g.Nonce, &g.Session.ID, &g.Session.Sid, &g.Session.AuthTime, &g.Session.ACR, &g.Session.AMR, &g.Session.EndsAt,
	}
	err := wrap(s.pool.QueryRow(ctx, redeemSQL,
		r.CodeSHA256, r.ClientID, r.RedirectURI, r.CodeChallenge, r.AccessTokenSHA256, r.AccessTokenLifetime).
		Scan(append(dest, consumer.dest()...)...))
	if errors.Is(err, ErrNotFound) {
		if err := s.endReused(ctx, r); err != nil {
			return nil, err
		}
		return nil, ErrCodeRefused
	}
	if err != nil {
		return nil, fmt.Errorf("redeem code: %w", err)
	}
	if g.Consumer, err = consumer.decode(); err != nil {
		return nil, err
	}
	g.Session.ConsumerID = g.Consumer.ID
	return &g, nil
}

func (s *Store) endReused(ctx context.Context, r Redemption) error {
	_, err := s.pool.Exec(ctx, `
		delete from access_tokens t using authorization_codes ac
		where ac.code_sha256 = $1 and ac.client_id = $2 and ac.code_challenge is not distinct from nullif($3, '')
		  and ac.consumed_at is not null and t.code_id = ac.id`,
		r.CodeSHA256, r.ClientID, r.CodeChallenge)
	if err != nil {
		return fmt.Errorf("end tokens of reused code: %w", wrap(err))
	}
	return nil
}
