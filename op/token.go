package op

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

// server is what the library routes the requests of clients to. What it
// does not override is answered as not supported.
type server struct {
	zitadel.UnimplementedServer
	p *Provider
}

// libraryServer is the library's parser and router of the endpoints that clients
// authenticate at, in front of our decisions. It stands behind the guard.
func (p *Provider) libraryServer() http.Handler {
	// The library tells of each route at level info through the global logger.
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	defer slog.SetDefault(previous)
	return zitadel.RegisterServer(
		&server{p: p},
		zitadel.Endpoints{
			Token:         zitadel.NewEndpoint(endpointToken),
			Introspection: zitadel.NewEndpoint(endpointIntrospect),
			Revocation:    zitadel.NewEndpoint(endpointRevoke),
		},
		zitadel.WithServerCORSOptions(nil),
		zitadel.WithHTTPMiddleware(zitadel.NewIssuerInterceptor(func(*http.Request) string { return p.opts.Issuer }).Handler),
	)
}

// VerifyClient tells the library of the client that the guard has authenticated,
// and checks that it may use the grant.
func (s *server) VerifyClient(ctx context.Context, r *zitadel.Request[zitadel.ClientCredentials]) (zitadel.Client, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	if grant := r.Form.Get("grant_type"); grant != "" && !slices.Contains(c.client.GrantTypes, grant) {
		return nil, s.p.wireError(ctx, errGrantType)
	}
	if grant := r.Form.Get("grant_type"); grant != "" {
		if err := c.view.awaitsKey(c.client, grant); err != nil {
			return nil, s.p.wireError(ctx, err)
		}
	}
	return &libraryClient{client: c.client}, nil
}

var errGrantType = fault("unauthorized_client", "the client has not registered this grant_type")

// tokenGrants are the grant types of the token endpoint.
var tokenGrants = []string{
	string(oidc.GrantTypeCode), storage.GrantRefreshToken, storage.GrantClientCredentials, storage.GrantTokenExchange, storage.GrantJWTBearer,
}

// checkGrantType refuses what the token endpoint (RFC 6749 3.2) does not have.
func checkGrantType(params url.Values) *Error {
	switch grant := params.Get("grant_type"); {
	case grant == "":
		return invalidRequest("grant_type is missing")
	case !slices.Contains(tokenGrants, grant):
		return fault("unsupported_grant_type", "grant_type must be one of "+strings.Join(tokenGrants, ", "))
	}
	return nil
}

// CodeExchange redeems an authorization code (RFC 6749 4.1.3, OpenID Connect
// Core 3.1.3, RFC 7636 4.5).
func (s *server) CodeExchange(ctx context.Context, r *zitadel.ClientRequest[oidc.AccessTokenRequest]) (*zitadel.Response, error) {
	c, err := callerOf(ctx)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	response, err := s.p.exchangeCode(ctx, c.view, c.client, r.Data)
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	return zitadel.NewResponse(response), nil
}

// tokenResponse is the successful answer of the token endpoint (RFC 6749 5.1,
// OpenID Connect Core 3.1.3.3).
type tokenResponse struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int64  `json:"expires_in"` // seconds
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	Scope        string `json:"scope,omitempty"` // absent if there is none
}

// errCode is one answer for every code that cannot be redeemed.
var errCode = fault("invalid_grant", "the code is unknown, used, expired, or was issued for another client, redirect_uri or code_challenge")

func (p *Provider) exchangeCode(ctx context.Context, v *view, client *storage.Client, request *oidc.AccessTokenRequest) (*tokenResponse, error) {
	challenge := ""
	if request.CodeVerifier != "" {
		if n := len(request.CodeVerifier); n < 43 || n > 128 {
			return nil, errCode
		}
		sum := sha256.Sum256([]byte(request.CodeVerifier))
		challenge = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	given, family, err := p.tokensForCode(client)
	if err != nil {
		return nil, err
	}
	redemption := storage.Redemption{
		CodeSHA256: hashOf(request.Code), ClientID: client.ID, RedirectURI: request.RedirectURI, Windows: windowsBehind(client, request.RedirectURI),
		CodeChallenge: challenge, AccessTokenSHA256: accessTokenSHA256(client, given.accessToken), AccessTokenLifetime: client.AccessTokenLifetime.Duration(),
		Family: family,
	}
	if err := p.allowRetry(client, request.Code, given, &redemption); err != nil {
		return nil, err
	}
	var signed *tokenResponse
	if v.mayFailToSign(client) { // what is signed before the code is used costs nobody the code
		if grant, err := p.opts.Store.RehearseCode(ctx, redemption); err == nil {
			if signed, err = p.tokensOfCode(v, client, request.Code, given, grant); err != nil {
				return nil, err
			}
		} else if errors.Is(err, storage.ErrUnavailable) {
			return nil, err // what else is refused is told by the redemption itself
		}
	}
	grant, err := p.opts.Store.RedeemCode(ctx, redemption)
	switch {
	case errors.Is(err, storage.ErrCodeRefused):
		return nil, errCode
	case err != nil:
		return nil, err
	case signed != nil && grant.Retry == nil:
		return signed, nil
	}
	return p.tokensOfCode(v, client, request.Code, given, grant)
}

// tokensOfCode is the answer to a code, for what it stands for.
func (p *Provider) tokensOfCode(v *view, client *storage.Client, code string, given givenTokens, grant *storage.Grant) (response *tokenResponse, err error) {
	lifetime := client.AccessTokenLifetime.Duration()
	if grant.Retry != nil {
		lifetime = grant.Retry.ExpiresIn
		if given, err = openTokens(code, codeRetries, client, grant.Retry); err != nil {
			return nil, err
		}
	}
	if !grant.Refreshable {
		given.refreshToken = ""
	}
	accessToken, err := p.accessToken(v, client, given.accessToken, grantOf(grant, lifetime))
	if err != nil {
		return nil, err
	}
	claims, err := storedClaims(client, grant.ClaimsRequest, grant.Scope, grant.Granted)
	if err != nil {
		return nil, err
	}
	details, err := openDetails(code, client, grant.DetailsSealed)
	if err != nil {
		return nil, err
	}
	idToken, err := p.idToken(v, client, details.over(grant.Consumer), idTokenRequest{
		scopes: words(grant.Scope), nonce: grant.Nonce, accessToken: accessToken, session: &grant.Session, userinfoFollows: true,
		claims: claims.IDToken,
	})
	if errors.Is(err, errSessionEnded) {
		return nil, errCode
	}
	if err != nil {
		return nil, err
	}
	return &tokenResponse{
		AccessToken: accessToken, TokenType: "Bearer", ExpiresIn: int64(lifetime.Seconds()), RefreshToken: given.refreshToken,
		IDToken: idToken, Scope: grant.Scope,
	}, nil
}

// grantOf is what the access token of a code or refresh token says.
func grantOf(grant *storage.Grant, lifetime time.Duration) accessGrant {
	return accessGrant{sub: grant.Consumer.Sub, scope: grant.Scope, session: &grant.Session, lifetime: lifetime}
}

// tokensForCode makes what a code is answered with. Whether the refresh token is
// among it the scope of the code decides, in the transaction that redeems it.
func (p *Provider) tokensForCode(client *storage.Client) (givenTokens, *storage.NewFamily, error) {
	accessToken, err := p.newHandle()
	if err != nil {
		return givenTokens{}, nil, err
	}
	offline, plain := client.Refreshes()
	if !offline && !plain {
		return givenTokens{accessToken: accessToken}, nil, nil
	}
	token, err := p.refresh.first()
	if err != nil {
		return givenTokens{}, nil, err
	}
	return givenTokens{accessToken: accessToken, refreshToken: token.value}, &storage.NewFamily{
		HandleSHA256: hashOf(string(token.handle)), TokenSHA256: hashOf(token.value),
		Lifetime: client.RefreshTokenLifetime.Duration(), Plain: plain,
	}, nil
}
