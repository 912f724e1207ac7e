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
	// ClaimsRequest is what was asked for by the claims parameter, as of NewCode.
	ClaimsRequest string
	Lifetime      time.Duration
}

// AccessToken is a live access token with the consumer it speaks for.
type AccessToken struct {
	ClientID      int64
	Scope         string
	ClaimsRequest string // as of NewCode
	Consumer      *Consumer
}

// AccessTokenBySHA256 finds a live access token. An expired one, or a disabled
// consumer's, is ErrNotFound.
func (s *Store) AccessTokenBySHA256(ctx context.Context, sha256 []byte) (*AccessToken, error) {
	var (
		t        AccessToken
		consumer consumerScan
	)
	err := s.pool.QueryRow(ctx, "select t.client_id, t.scope, coalesce(t.claims_request, ''), "+consumerColumns+`
		from access_tokens t join consumers c on c.id = t.consumer_id
		where t.token_sha256 = $1 and t.expires_at > idp_now() and not c.disabled`, sha256).
		Scan(append([]any{&t.ClientID, &t.Scope, &t.ClaimsRequest}, consumer.dest()...)...)
	if err != nil {
		return nil, fmt.Errorf("read access token: %w", wrap(err))
	}
	if t.Consumer, err = consumer.decode(); err != nil {
		return nil, err
	}
	return &t, nil
}
