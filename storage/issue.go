package storage

import (
	"context"
	"errors"
	"fmt"
)

// issueSQL makes what there is a hash of. The lock on the session has who signs
// out wait for it, or be seen by it, and that on the consent who withdraws it.
const issueSQL = `
with live as (
  select id, sid, consumer_id, auth_time, acr, amr, ends_at from sessions where id = $1 and expires_at > idp_now() for key share
), consent as (
  select k.consumer_id from live join consents k on k.consumer_id = live.consumer_id
  where k.client_id = $15 and k.scopes @> $16::text[] for key share of k
), s as (
  select id, sid, consumer_id, auth_time, acr, amr, ends_at from live where $16::text[] is null or exists (select from consent)
), code as (
  insert into authorization_codes (code_sha256, client_id, consumer_id, session_id, sid, redirect_uri, scope, nonce,
    code_challenge, claims_request, auth_time, acr, amr, session_ends_at, expires_at)
  select $2, $3, s.consumer_id, s.id, s.sid, $4, $5, nullif($6, ''), nullif($7, ''), nullif($8, ''), s.auth_time, s.acr, s.amr, s.ends_at,
    idp_now() + $9::interval
  from s where $2::bytea is not null
), token as (
  insert into access_tokens (token_sha256, client_id, consumer_id, session_id, scope, claims_request, expires_at)
  select $10, $11, s.consumer_id, s.id, $12, nullif($13, ''), idp_now() + $14::interval
  from s where $10::bytea is not null
)
select exists (select from s) from live`

// Issue is what is to be issued for a live session.
type Issue struct {
	SessionID int64
	// ClientID is the row ID of the client that gets it.
	ClientID int64
	// Code and AccessToken are issued together; nil stands for none.
	Code        *NewCode
	AccessToken *NewAccessToken
	// Consent are the scopes that the consumer must have allowed; nil if none is asked for.
	Consent []string
}

// ErrNoConsent means that the consumer has not allowed what was to be issued.
var ErrNoConsent = errors.New("no consent")

// Issue stores a code, an access token, or both for a live session, in one
// transaction. A session that has ended meanwhile is ErrNotFound, and a consent that
// was withdrawn ErrNoConsent.
func (s *Store) Issue(ctx context.Context, i Issue) error {
	code, token := i.Code, i.AccessToken
	if code == nil {
		code = &NewCode{}
	}
	if token == nil {
		token = &NewAccessToken{}
	}
	var allowed bool
	err := s.pool.QueryRow(ctx, issueSQL, i.SessionID,
		code.SHA256, code.ClientID, code.RedirectURI, code.Scope, code.Nonce, code.CodeChallenge, code.ClaimsRequest, code.Lifetime,
		token.SHA256, token.ClientID, token.Scope, token.ClaimsRequest, token.Lifetime,
		i.ClientID, i.Consent).Scan(&allowed)
	if err == nil && !allowed {
		err = ErrNoConsent
	}
	if err != nil {
		return fmt.Errorf("issue code or access token: %w", wrap(err))
	}
	return nil
}
