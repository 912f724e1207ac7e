package op

import (
	"context"
	"errors"

	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

// introspection is what is told of a token (RFC 7662 2.2): of one that is not
// alive, or not the asker's to know of, nothing but that it is not active.
type introspection struct {
	Active    bool   `json:"active"`
	TokenType string `json:"token_type,omitempty"` // of access tokens
	Issuer    string `json:"iss,omitempty"`
	Subject   string `json:"sub,omitempty"` // absent if it speaks for its client alone
	Audience  string `json:"aud,omitempty"` // of access tokens
	ClientID  string `json:"client_id,omitempty"`
	Scope     string `json:"scope,omitempty"`
	IssuedAt  int64  `json:"iat,omitempty"`
	Expires   int64  `json:"exp,omitempty"`
	ID        string `json:"jti,omitempty"` // of JWT access tokens
}

// Introspect answers the introspection endpoint (RFC 7662).
func (s *server) Introspect(ctx context.Context, r *zitadel.Request[zitadel.IntrospectionRequest]) (*zitadel.Response, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	answer, err := s.p.introspect(ctx, c.view, c.client, r.Data.Token)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	return zitadel.NewResponse(answer), nil
}

// introspect tells a client of a token: of its own, and, if it is set to, of any
// client's access tokens. Refresh tokens concern nobody but their client.
func (p *Provider) introspect(ctx context.Context, v *view, client *storage.Client, token string) (*introspection, error) {
	answer := &introspection{Active: true, Issuer: p.opts.Issuer}
	state, err := p.tokenState(ctx, v, client, token, answer)
	switch {
	case errors.Is(err, storage.ErrNotFound) || errors.Is(err, errNoAccessToken):
		return &introspection{}, nil
	case err != nil:
		return nil, err
	}
	owner := v.byID[state.ClientID]
	if owner == nil || (owner.ID != client.ID && !client.Introspection) {
		return &introspection{}, nil
	}
	answer.ClientID, answer.Subject, answer.Scope = owner.ClientID, state.Sub, state.Scope
	answer.IssuedAt, answer.Expires = state.IssuedAt.Unix(), state.ExpiresAt.Unix()
	if answer.TokenType != "" && answer.Audience == "" {
		answer.Audience = p.accessTokenAudience(owner)
	}
	return answer, nil
}

// tokenState reads a token of whichever kind it is, by its form.
func (p *Provider) tokenState(ctx context.Context, v *view, client *storage.Client, token string, answer *introspection) (*storage.TokenState, error) {
	if refresh := p.refresh.read(token); refresh != nil {
		offline, plain := client.Refreshes()
		return p.opts.Store.RefreshTokenState(ctx, storage.Refresh{
			HandleSHA256: hashOf(string(refresh.handle)), TokenSHA256: hashOf(token), ClientID: client.ID, Offline: offline, Plain: plain,
		})
	}
	presented, err := p.readAccessToken(v, token)
	if err != nil {
		return nil, err
	}
	answer.TokenType, answer.ID, answer.Audience = "Bearer", presented.jti, presented.audience
	return p.opts.Store.AccessTokenState(ctx, presented.sha256)
}
