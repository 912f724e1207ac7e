package storage

import (
	"context"
	"errors"
	"fmt"
)

// issuedSQL makes the code and the access token that there is a hash of, for the
// session s of the statement that it is a part of. Its parameters are issuedArgs.
var issuedSQL = issuedFromSQL("", "")

// issuedFromSQL is issuedSQL with a further column of the code, and its value.
func issuedFromSQL(column, value string) string {
	return `code as (
  insert into authorization_codes (code_sha256, client_id, consumer_id, session_id, sid, redirect_uri, scope, nonce,
    code_challenge, claims_request, auth_time, acr, amr, session_ends_at, expires_at` + column + `)
  select $1, $2, s.consumer_id, s.id, s.sid, $3, $4, nullif($5, ''), nullif($6, ''), nullif($7, ''), s.auth_time, s.acr, s.amr, s.ends_at,
    idp_now() + $8::interval` + value + `
  from s where $1::bytea is not null
), token as (
  insert into access_tokens (token_sha256, client_id, consumer_id, session_id, scope, claims_request, expires_at)
  select $9, $10, s.consumer_id, s.id, $11, nullif($12, ''), idp_now() + $13::interval
  from s where $9::bytea is not null
)`
}

// issuedArgs are the first thirteen parameters of a statement with issuedSQL, with
// those behind them that the rest of it has.
func issuedArgs(code *NewCode, token *NewAccessToken, rest ...any) []any {
	if code == nil {
		code = &NewCode{}
	}
	if token == nil {
		token = &NewAccessToken{}
	}
	return append([]any{
		code.SHA256, code.ClientID, code.RedirectURI, code.Scope, code.Nonce, code.CodeChallenge, code.ClaimsRequest, code.Lifetime,
		token.SHA256, token.ClientID, token.Scope, token.ClaimsRequest, token.Lifetime,
	}, rest...)
}

// issueSQL issues for a session that lives. The lock on the session has who signs
// out wait for it, or be seen by it, and that on the consent who withdraws it.
var issueSQL = `
with live as (
  select id, sid, consumer_id, auth_time, acr, amr, ends_at from sessions where id = $14 and expires_at > idp_now() for key share
), consent as (
  select k.consumer_id from live join consents k on k.consumer_id = live.consumer_id
  where k.client_id = $15 and k.scopes @> $16::text[] for key share of k
), s as (
  select id, sid, consumer_id, auth_time, acr, amr, ends_at from live where $16::text[] is null or exists (select from consent)
), ` + issuedSQL + `
select exists (select from s) from live`

// Issue is what is to be issued for a live session.
type Issue struct {
	// Session is known by its ID, which is all that has to be set; or, for a
	// consumer whom the brand vouches for, has none, and all that Grant.Session has.
	Session *Session
	// ClientID is the row ID of the client that gets it.
	ClientID int64
	// Code and AccessToken are issued together; nil stands for none.
	Code        *NewCode
	AccessToken *NewAccessToken
	// Consent are the scopes that the consumer must have allowed; nil if none is asked for.
	Consent []string
	// DetailsSealed goes with a code without a session, and comes back as of Grant.
	DetailsSealed []byte
}

// ErrNoConsent means that the consumer has not allowed what was to be issued.
var ErrNoConsent = errors.New("no consent")

// Issue stores a code, an access token, or both for a live session, in one
// transaction. A session that has ended meanwhile, or without one a consumer who was
// disabled, is ErrNotFound, and a consent that was withdrawn ErrNoConsent.
func (s *Store) Issue(ctx context.Context, i Issue) error {
	var allowed bool
	sql, args := issueSQL, issuedArgs(i.Code, i.AccessToken, i.Session.ID, i.ClientID, i.Consent)
	if v := i.Session; v.ID == 0 {
		sql = issueVouchedSQL
		args = issuedArgs(i.Code, i.AccessToken, v.ConsumerID, i.ClientID, i.Consent, v.AuthTime, v.ACR, v.AMR, v.EndsAt, i.DetailsSealed)
	}
	err := s.pool.QueryRow(ctx, sql, args...).Scan(&allowed)
	if err == nil && !allowed {
		err = ErrNoConsent
	}
	if err != nil {
		return fmt.Errorf("issue code or access token: %w", wrap(err))
	}
	return nil
}
