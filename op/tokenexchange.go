package op

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

// exchanged is the answer of a token exchange (RFC 8693 2.2.1), whose access_token
// may be an ID token.
type exchanged struct {
	AccessToken     string `json:"access_token"`
	IssuedTokenType string `json:"issued_token_type"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int64  `json:"expires_in"` // seconds
	Scope           string `json:"scope,omitempty"`
}

// tokenTypeNone is the token_type of what is no access token (RFC 8693 2.2.1).
const tokenTypeNone = "N_A"

// TokenExchange gives an ID token of a connector, or an access token of the client
// itself, for an assertion of the brand's own issuer (RFC 8693).
func (s *server) TokenExchange(ctx context.Context, r *zitadel.ClientRequest[oidc.TokenExchangeRequest]) (*zitadel.Response, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	response, err := s.p.exchangeToken(ctx, c.view, c.client, r.Form)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	return zitadel.NewResponse(response), nil
}

func (p *Provider) exchangeToken(ctx context.Context, v *view, client *storage.Client, params url.Values) (*exchanged, error) {
	if client.Public() {
		return nil, errGrantType
	}
	subjectTypes := []string{string(oidc.JWTTokenType), string(oidc.IDTokenType)}
	switch {
	case !slices.Contains(subjectTypes, params.Get("subject_token_type")):
		return nil, invalidRequest("subject_token_type must be that of a jwt or of an id_token")
	case params.Get("actor_token") != "" || params.Get("actor_token_type") != "":
		return nil, invalidRequest("actor_token is not supported")
	case params.Get("resource") != "":
		return nil, fault("invalid_target", "resource is not supported; audience is")
	}
	switch params.Get("requested_token_type") {
	case "", string(oidc.AccessTokenType):
		return p.exchangeForAccessToken(ctx, v, client, params)
	case string(oidc.IDTokenType):
		return p.exchangeForIDToken(ctx, v, client, params)
	}
	return nil, invalidRequest("requested_token_type must be that of an access_token or of an id_token")
}

// exchangeForIDToken gives the ID token of a connector.
func (p *Provider) exchangeForIDToken(ctx context.Context, v *view, client *storage.Client, params url.Values) (*exchanged, error) {
	audience := params.Get("audience")
	if audience == "" {
		audience = client.ClientID
	}
	target := v.clients[audience]
	switch {
	case audience != client.ClientID && !slices.Contains(client.TokenExchangeAudiences, audience), target == nil, target.ConversationalCloud == nil:
		return nil, fault("invalid_target", "audience must be the client_id of a connector, and among the client's token_exchange_audiences")
	case params.Get("scope") != "":
		return nil, fault("invalid_scope", "an ID token has what the connector's pages get: scope is for access tokens")
	}
	request, err := authRequestOf(target, &TokenSourceRequest{ClientID: audience, ResponseType: responseTypeIDToken})
	if err != nil {
		return nil, fault("invalid_target", "the connector of audience has not registered the response type id_token")
	}
	in, err := p.useSubjectToken(ctx, v, client, params)
	if err != nil {
		return nil, err
	}
	answer, err := p.answerFor(ctx, v, target, request, in, nil)
	if err != nil {
		return nil, refusedExchange(err)
	}
	return &exchanged{AccessToken: answer.IDToken, IssuedTokenType: string(oidc.IDTokenType), TokenType: tokenTypeNone, ExpiresIn: answer.ExpiresIn}, nil
}

// exchangeForAccessToken gives an access token of the client itself.
func (p *Provider) exchangeForAccessToken(ctx context.Context, v *view, client *storage.Client, params url.Values) (*exchanged, error) {
	if audience := params.Get("audience"); audience != "" && audience != p.accessTokenAudience(client) {
		return nil, fault("invalid_target", "audience of an access token must be the one that the client's access tokens have, or none")
	}
	scopes, err := vouchedScopes(client, params.Get("scope"))
	if err != nil {
		return nil, err
	}
	in, err := p.useSubjectToken(ctx, v, client, params)
	if err != nil {
		return nil, err
	}
	response, err := p.tokensForVouched(ctx, v, client, scopes, in)
	if err != nil {
		return nil, refusedExchange(err)
	}
	return &exchanged{
		AccessToken: response.AccessToken, IssuedTokenType: string(oidc.AccessTokenType), TokenType: response.TokenType,
		ExpiresIn: response.ExpiresIn, Scope: response.Scope,
	}, nil
}

// useSubjectToken takes the subject_token. What is wrong with it is invalid_request
// (RFC 8693 2.2.2).
func (p *Provider) useSubjectToken(ctx context.Context, v *view, client *storage.Client, params url.Values) (*storage.SignedIn, error) {
	in, err := p.useSubjectAssertion(ctx, v, client, params.Get("subject_token"))
	if err != nil {
		return nil, refusedExchange(err)
	}
	return in, nil
}

// refusedExchange is an error of a token exchange where it is one of a grant, or one of
// a page.
func refusedExchange(err error) error {
	e := asError(err)
	refused := e.Code == "invalid_grant"
	for _, left := range errorsOfNone {
		refused = refused || e.Code == left.Code
	}
	if !refused {
		return e
	}
	return &Error{Code: "invalid_request", Description: e.Description, Status: http.StatusBadRequest, Cause: e.Cause}
}
