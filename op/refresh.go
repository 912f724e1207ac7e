package op

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// refreshSuccessors is the purpose of what a used refresh token was answered with.
const refreshSuccessors = "refresh successors"

// errRefresh is one answer for every refresh token that is not, or no more, good.
var errRefresh = fault("invalid_grant", "the refresh token is unknown, used, expired, or was issued to another client")

// RefreshToken exchanges a refresh token for an access token, an ID token and the
// refresh token that takes its place (RFC 6749 6, OpenID Connect Core 12, RFC 9700
// 4.14.2).
func (s *server) RefreshToken(ctx context.Context, r *zitadel.ClientRequest[oidc.RefreshTokenRequest]) (*zitadel.Response, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	response, err := s.p.exchangeRefreshToken(ctx, c.view, c.client, r.Data)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	return zitadel.NewResponse(response), nil
}

func (p *Provider) exchangeRefreshToken(ctx context.Context, v *view, client *storage.Client, request *oidc.RefreshTokenRequest) (*tokenResponse, error) {
	presented := p.refresh.read(request.RefreshToken)
	if presented == nil {
		return nil, errRefresh
	}
	given, err := p.successorsOf(presented)
	if err != nil {
		return nil, err
	}
	sealed, err := given.seal(p, presented.value, refreshSuccessors, client)
	if err != nil {
		return nil, err
	}
	offline, plain := client.Refreshes()
	rotation := storage.Refresh{
		HandleSHA256: hashOf(string(presented.handle)), Generation: presented.generation, TokenSHA256: hashOf(presented.value),
		ClientID: client.ID, Offline: offline, Plain: plain, Requested: words(request.Scopes.String()), Allowed: words(client.Scope),
		SuccessorSHA256: hashOf(given.refreshToken), AccessTokenSHA256: accessTokenSHA256(client, given.accessToken),
		AccessTokenLifetime: client.AccessTokenLifetime.Duration(), Sealed: sealed, Grace: p.opts.RefreshGrace,
	}
	var signed *tokenResponse
	if v.mayFailToSign(client) { // as with a code
		if grant, err := p.opts.Store.RehearseRefresh(ctx, rotation); err == nil {
			if signed, err = p.tokensOfRefresh(v, client, presented, given, grant); err != nil {
				return nil, err
			}
		} else if errors.Is(err, storage.ErrUnavailable) {
			return nil, err // what else is refused is told by the redemption itself
		}
	}
	grant, err := p.opts.Store.RotateRefreshToken(ctx, rotation)
	switch {
	case err != nil:
		return nil, p.refreshFault(ctx, client, err)
	case signed != nil && grant.Retry == nil:
		return signed, nil
	}
	return p.tokensOfRefresh(v, client, presented, given, grant)
}

// tokensOfRefresh is the answer to a refresh token, for what it stands for.
func (p *Provider) tokensOfRefresh(
	v *view, client *storage.Client, presented *refreshToken, given givenTokens, grant *storage.Grant,
) (response *tokenResponse, err error) {
	lifetime := client.AccessTokenLifetime.Duration()
	if grant.Retry != nil {
		lifetime = grant.Retry.ExpiresIn
		if given, err = openTokens(presented.value, refreshSuccessors, client, grant.Retry); err != nil {
			return nil, err
		}
	}
	accessToken, err := p.accessToken(v, client, given.accessToken, grantOf(grant, lifetime))
	if err != nil {
		return nil, err
	}
	response = &tokenResponse{
		AccessToken: accessToken, TokenType: "Bearer", ExpiresIn: int64(lifetime.Seconds()), RefreshToken: given.refreshToken, Scope: grant.Scope,
	}
	if !slices.Contains(words(grant.Scope), "openid") { // less was asked for
		return response, nil
	}
	// No nonce: that was of the authorization request (OpenID Connect Core 12.2).
	// The end of the family bounds the token. It is not later than the session's,
	// unless the family was granted by offline_access, which is there to outlive it.
	claims, err := storedClaims(client, grant.ClaimsRequest, grant.Scope, grant.Granted)
	if err != nil {
		return nil, err
	}
	response.IDToken, err = p.idToken(v, client, grant.Consumer, idTokenRequest{
		scopes: words(grant.Scope), accessToken: accessToken, session: &grant.Session, userinfoFollows: true, claims: claims.IDToken,
	})
	if errors.Is(err, errSessionEnded) {
		return nil, errRefresh
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// refreshFault tells a client what it may know, and the operator of a replay.
func (p *Provider) refreshFault(ctx context.Context, client *storage.Client, err error) error {
	switch {
	case errors.Is(err, storage.ErrScopeExceeded):
		return fault("invalid_scope", "scope must not exceed what was granted, and the client must still have something of it")
	case errors.Is(err, storage.ErrRefreshReplayed):
		p.opts.Log.WarnContext(ctx, "a refresh token was used again after its grace: the grant has ended",
			"request_id", RequestID(ctx), "client_id", client.ClientID)
		return errRefresh
	case errors.Is(err, storage.ErrRefreshRefused):
		return errRefresh
	}
	return err
}

// givenTokens are what a code or a refresh token is answered with, besides the ID
// token.
type givenTokens struct {
	accessToken  string
	refreshToken string // "" for none
}

// successorsOf makes what a refresh token is answered with.
func (p *Provider) successorsOf(presented *refreshToken) (givenTokens, error) {
	accessToken, err := p.newHandle()
	if err != nil {
		return givenTokens{}, err
	}
	successor, err := p.refresh.after(presented)
	if err != nil {
		return givenTokens{}, err
	}
	return givenTokens{accessToken: accessToken, refreshToken: successor.value}, nil
}

// seal seals the tokens under what they were given for, of which the database has
// the hash at most.
func (g givenTokens) seal(p *Provider, secret, purpose string, client *storage.Client) ([]byte, error) {
	text := g.accessToken
	if g.refreshToken != "" {
		text += " " + g.refreshToken
	}
	sealed, err := seal.WithSecret(p.opts.Rand, secret, purpose, []byte(text), client.ClientID)
	if err != nil {
		return nil, fmt.Errorf("keep tokens for a retry: %w", err)
	}
	return sealed, nil
}
