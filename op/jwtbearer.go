package op

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

// JWTProfile gives a client an access token, and with the scope openid an ID token,
// for an assertion of the brand's own issuer (RFC 7523 2.1). The library does not ask
// for a client here; the guard has.
func (s *server) JWTProfile(ctx context.Context, r *zitadel.Request[oidc.JWTProfileGrantRequest]) (*zitadel.Response, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	response, err := s.p.exchangeAssertion(ctx, c.view, c.client, r.Data.Assertion, r.Form.Get("scope"))
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	return zitadel.NewResponse(response), nil
}

func (p *Provider) exchangeAssertion(ctx context.Context, v *view, client *storage.Client, assertion, scope string) (*tokenResponse, error) {
	if client.Public() || !slices.Contains(client.GrantTypes, storage.GrantJWTBearer) {
		return nil, errGrantType
	}
	scopes, err := vouchedScopes(client, scope)
	if err != nil {
		return nil, err
	}
	in, err := p.useSubjectAssertion(ctx, v, client, assertion)
	if err != nil {
		return nil, err
	}
	response, err := p.tokensForVouched(ctx, v, client, scopes, in)
	if err != nil || !slices.Contains(words(response.Scope), "openid") {
		return response, err
	}
	response.IDToken, err = p.idToken(v, client, in.Consumer, idTokenRequest{
		scopes: words(response.Scope), accessToken: response.AccessToken, session: &in.Session, userinfoFollows: true,
	})
	return response, err
}

// grantScopes are the scopes that were asked for, none for what there is, and all that
// a client may have for a consumer who is vouched for.
type grantScopes struct{ asked, all []string }

// vouchedScopes checks the scopes that are asked for: those that speak of a consumer,
// and of them what the client may ask for.
func vouchedScopes(client *storage.Client, scope string) (grantScopes, error) {
	own := client.OwnScopes()
	all := slices.DeleteFunc(words(client.Scope), func(value string) bool { return value == "offline_access" || slices.Contains(own, value) })
	asked := words(scope)
	for _, value := range asked {
		if !slices.Contains(all, value) {
			return grantScopes{}, fault("invalid_scope", "scope must be within what the client may know of a consumer; offline_access is for codes")
		}
	}
	return grantScopes{asked, all}, nil
}

// tokensForVouched gives a client an access token for a consumer who is vouched for,
// decided as the authorization endpoint does for prompt=none.
func (p *Provider) tokensForVouched(ctx context.Context, v *view, client *storage.Client, scopes grantScopes, in *storage.SignedIn) (*tokenResponse, error) {
	request := &authRequest{ClientID: client.ClientID, ResponseType: responseTypeToken, Scopes: scopes.asked}
	if len(scopes.asked) == 0 {
		request.Scopes = allowedScopes(client, scopes.all, in)
	}
	if next := nextStep(client, request, in, shown{}); next != stepNone {
		return nil, badSubject("the consumer has not allowed the client to have this", errorsOfNone[next])
	}
	out, _, token, err := p.prepare(client, request)
	if err != nil {
		return nil, err
	}
	err = p.issue(ctx, client, request, in, storage.Issue{AccessToken: token})
	for next, fault := range errorsOfNone {
		if errors.Is(err, fault) {
			return nil, badSubject("the consumer has been disabled, or has withdrawn the consent", errorsOfNone[next])
		}
	}
	if err != nil {
		return nil, err
	}
	scope := strings.Join(request.Scopes, " ")
	accessToken, err := p.accessToken(v, client, out.accessToken, accessGrant{
		sub: in.Consumer.Sub, scope: scope, session: &in.Session, lifetime: client.AccessTokenLifetime.Duration(),
	})
	if err != nil {
		return nil, err
	}
	return &tokenResponse{AccessToken: accessToken, TokenType: "Bearer", ExpiresIn: int64(client.AccessTokenLifetime), Scope: scope}, nil
}
