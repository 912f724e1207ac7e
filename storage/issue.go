package storage

import (
	"context"
	"fmt"
)

// issueSQL makes what there is a hash of. The lock on the session has who signs
// out wait for it, or be seen by it.
const issueSQL = `
with s as (
  select id, sid, consumer_id, auth_time, acr, amr, ends_at from sessions where id = $1 and expires_at > idp_now() for key share
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
select id from s`

// Issue stores a code, an access token, or both for a live session, in one
// transaction; nil stands for none. A session that has ended meanwhile is
// ErrNotFound.
func (s *Store) Issue(ctx context.Context, sessionID int64, code *NewCode, token *NewAccessToken) error {
	if code == nil {
		code = &NewCode{}
	}
	if token == nil {
		token = &NewAccessToken{}
	}
	tag, err := s.pool.Exec(ctx, issueSQL, sessionID,
		code.SHA256, code.ClientID, code.RedirectURI, code.Scope, code.Nonce, code.CodeChallenge, code.ClaimsRequest, code.Lifetime,
		token.SHA256, token.ClientID, token.Scope, token.ClaimsRequest, token.Lifetime)
	if err != nil {
		return fmt.Errorf("issue code or access token: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("issue code or access token: session: %w", ErrNotFound)
	}
	return nil
}
