package op

import (
	"context"
	"errors"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

// Revocation answers the revocation endpoint (RFC 7009). What a token is, its form
// tells: token_type_hint is not needed.
func (s *server) Revocation(ctx context.Context, r *zitadel.ClientRequest[oidc.RevocationRequest]) (*zitadel.Response, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	if err := s.p.revoke(ctx, c.view, c.client, r.Data.Token); err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	return zitadel.NewResponse(nil), nil
}

// revoke ends a token of the client's: an access token alone, a refresh token with
// its family, which is the whole grant. One that is unknown, or has ended, is ended
// as its client wants it.
func (p *Provider) revoke(ctx context.Context, v *view, client *storage.Client, token string) error {
	if refresh := p.refresh.read(token); refresh != nil {
		return revocationFault(p.opts.Store.RevokeRefreshToken(ctx, hashOf(string(refresh.handle)), client.ID))
	}
	if presented, err := p.readAccessToken(v, token); err == nil {
		return revocationFault(p.opts.Store.RevokeAccessToken(ctx, presented.sha256, client.ID))
	}
	if _, err := p.readHint(v, token); err == nil {
		// Whoever revokes an ID token must not believe that it is dead now.
		return fault("unsupported_token_type", "an ID token cannot be revoked: it is good until it expires")
	}
	return nil
}

func revocationFault(err error) error {
	if errors.Is(err, storage.ErrOtherClient) {
		return fault("invalid_grant", "the token was issued to another client")
	}
	return err
}
