package storage

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// NewAccessToken is an access token to be issued.
type NewAccessToken struct {
	SHA256   []byte
	ClientID int64
	Scope    string
	// ClaimsRequest is what was asked for by the claims parameter, as of NewCode.
	ClaimsRequest string
	Lifetime      time.Duration
}

// AccessToken is a live access token with the consumer it speaks for.
type AccessToken struct {
	ClientID      int64
	Scope         string
	Granted       string // as of Grant
	ClaimsRequest string // as of NewCode
	Consumer      *Consumer
}

// AccessTokenBySHA256 finds a live access token. An expired one, a disabled
// consumer's, or one that speaks for a client alone is ErrNotFound.
func (s *Store) AccessTokenBySHA256(ctx context.Context, sha256 []byte) (*AccessToken, error) {
	var (
		t        AccessToken
		consumer consumerScan
	)
	err := s.pool.QueryRow(ctx, "select t.client_id, t.scope, coalesce(f.scope, t.scope), coalesce(t.claims_request, ''), "+consumerColumns+`
		from access_tokens t join consumers c on c.id = t.consumer_id left join refresh_families f on f.id = t.family_id
		where t.token_sha256 = $1 and t.expires_at > idp_now() and not c.disabled`, sha256).
		Scan(append([]any{&t.ClientID, &t.Scope, &t.Granted, &t.ClaimsRequest}, consumer.dest()...)...)
	if err != nil {
		return nil, fmt.Errorf("read access token: %w", wrap(err))
	}
	if t.Consumer, err = consumer.decode(); err != nil {
		return nil, err
	}
	return &t, nil
}

// IssueToClient stores an access token that speaks for its client alone
// (RFC 6749 4.4).
func (s *Store) IssueToClient(ctx context.Context, token NewAccessToken) error {
	_, err := s.pool.Exec(ctx, "insert into access_tokens (token_sha256, client_id, scope, expires_at) values ($1, $2, $3, idp_now() + $4::interval)",
		token.SHA256, token.ClientID, token.Scope, token.Lifetime)
	if err != nil {
		return fmt.Errorf("issue access token to client: %w", wrap(err))
	}
	return nil
}

// TokenState is what an introspection may tell of a live token.
type TokenState struct {
	ClientID  int64
	Sub       string // of the consumer; "" for a token that speaks for its client alone
	Scope     string
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// AccessTokenState finds a live access token, whoever it speaks for. An expired
// one, or a disabled consumer's, is ErrNotFound.
func (s *Store) AccessTokenState(ctx context.Context, sha256 []byte) (*TokenState, error) {
	var t TokenState
	err := s.pool.QueryRow(ctx, `select t.client_id, coalesce(c.sub, ''), t.scope, t.created_at, t.expires_at
		from access_tokens t left join consumers c on c.id = t.consumer_id
		where t.token_sha256 = $1 and t.expires_at > idp_now() and (t.consumer_id is null or not c.disabled)`, sha256).
		Scan(&t.ClientID, &t.Sub, &t.Scope, &t.IssuedAt, &t.ExpiresAt)
	if err != nil {
		return nil, fmt.Errorf("read access token: %w", wrap(err))
	}
	return &t, nil
}

// ErrOtherClient means that a token was issued to another client.
var ErrOtherClient = errors.New("token of another client")

// RevokeAccessToken ends an access token of a client. One that is gone already is
// no error; another client's is ErrOtherClient, and stays.
func (s *Store) RevokeAccessToken(ctx context.Context, sha256 []byte, clientID int64) error {
	var foreign bool
	err := s.pool.QueryRow(ctx, `with ended as (delete from access_tokens where token_sha256 = $1 and client_id = $2)
		select exists (select from access_tokens where token_sha256 = $1 and client_id <> $2)`, sha256, clientID).Scan(&foreign)
	if err != nil {
		return fmt.Errorf("revoke access token: %w", wrap(err))
	}
	if foreign {
		return ErrOtherClient
	}
	return nil
}
