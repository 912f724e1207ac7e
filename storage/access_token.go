package storage

import (
	"context"
	"fmt"
	"time"
)

// NewAccessToken is an access token to be issued.
type NewAccessToken struct {
	SHA256   []byte
	ClientID int64
	Scope    string
	Lifetime time.Duration
}

// IssueAccessToken stores an access token for a live session. A session that has
// ended meanwhile is ErrNotFound.
func (s *Store) IssueAccessToken(ctx context.Context, sessionID int64, token NewAccessToken) error {
	tag, err := s.pool.Exec(ctx, `
		insert into access_tokens (token_sha256, client_id, consumer_id, session_id, scope, expires_at)
		select $2, $3, s.consumer_id, s.id, $4, idp_now() + $5::interval
		from sessions s where s.id = $1 and s.expires_at > idp_now() for key share`,
		sessionID, token.SHA256, token.ClientID, token.Scope, token.Lifetime)
	if err != nil {
		return fmt.Errorf("issue access token: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("issue access token: session: %w", ErrNotFound)
	}
	return nil
}

// AccessToken is a live access token with the consumer it speaks for.
type AccessToken struct {
	ClientID int64
	Scope    string
	Consumer *Consumer
}

// AccessTokenBySHA256 finds a live access token. An expired one, or a disabled
// consumer's, is ErrNotFound.
func (s *Store) AccessTokenBySHA256(ctx context.Context, sha256 []byte) (*AccessToken, error) {
	var (
		t        AccessToken
		consumer consumerScan
	)
	err := s.pool.QueryRow(ctx, "select t.client_id, t.scope, "+consumerColumns+`
		from access_tokens t join consumers c on c.id = t.consumer_id
		where t.token_sha256 = $1 and t.expires_at > idp_now() and not c.disabled`, sha256).
		Scan(append([]any{&t.ClientID, &t.Scope}, consumer.dest()...)...)
	if err != nil {
		return nil, fmt.Errorf("read access token: %w", wrap(err))
	}
	if t.Consumer, err = consumer.decode(); err != nil {
		return nil, err
	}
	return &t, nil
}
