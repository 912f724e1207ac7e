package op

import (
	"context"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

// ClientCredentialsExchange gives a client an access token that speaks for itself
// and for no consumer (RFC 6749 4.4): without a refresh token and an ID token.
func (s *server) ClientCredentialsExchange(ctx context.Context, r *zitadel.ClientRequest[oidc.ClientCredentialsRequest]) (*zitadel.Response, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	response, err := s.p.exchangeClientCredentials(ctx, c.view, c.client, r.Form.Get("scope"))
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	return zitadel.NewResponse(response), nil
}

func (p *Provider) exchangeClientCredentials(ctx context.Context, v *view, client *storage.Client, asked string) (*tokenResponse, error) {
	own := client.OwnScopes()
	scopes := own // if none is asked for
	if asked != "" {
		scopes = words(asked)
	}
	for _, scope := range scopes {
		if !slices.Contains(own, scope) {
			return nil, fault("invalid_scope", "scope must be within the client's; what speaks of a consumer, such as openid, is not for the client itself")
		}
	}
	handle, err := p.newHandle()
	if err != nil {
		return nil, err
	}
	grant := accessGrant{sub: client.ClientID, scope: strings.Join(scopes, " "), lifetime: client.AccessTokenLifetime.Duration()}
	token, err := p.accessToken(v, client, handle, grant)
	if err != nil {
		return nil, err
	}
	err = p.opts.Store.IssueToClient(ctx, storage.NewAccessToken{
		SHA256: accessTokenSHA256(client, handle), ClientID: client.ID, Scope: grant.scope, Lifetime: grant.lifetime,
	})
	if err != nil {
		return nil, err
	}
	return &tokenResponse{AccessToken: token, TokenType: "Bearer", ExpiresIn: int64(client.AccessTokenLifetime), Scope: grant.scope}, nil
}
