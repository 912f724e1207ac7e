package op

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

// server is what the library routes the token endpoint's requests to. What it
// does not override is answered as not supported.
type server struct {
	zitadel.UnimplementedServer
	p *Provider
}

// tokenHandler answers the token endpoint (RFC 6749 3.2): our guard, then the
// library's parser, then our decisions.
func (p *Provider) tokenHandler() http.Handler {
	// The library tells of each route at level info through the global logger.
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	defer slog.SetDefault(previous)
	return p.guard(zitadel.RegisterServer(
		&server{p: p},
		zitadel.Endpoints{Token: zitadel.NewEndpoint("token")},
		zitadel.WithServerCORSOptions(nil),
		zitadel.WithHTTPMiddleware(zitadel.NewIssuerInterceptor(func(*http.Request) string { return p.opts.Issuer }).Handler),
	))
}

// VerifyClient authenticates the client of a token request.
func (s *server) VerifyClient(ctx context.Context, r *zitadel.Request[zitadel.ClientCredentials]) (zitadel.Client, error) {
	v, err := s.p.current()
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	client, err := v.authenticate(r.Data.ClientID, r.Data.ClientSecret, r.Header.Get("Authorization") != "", r.Data.ClientAssertion != "")
	if err != nil {
		return nil, s.p.wireError(ctx, err)
	}
	if grant := r.Form.Get("grant_type"); !slices.Contains(client.GrantTypes, grant) {
		return nil, s.p.wireError(ctx, fault("unauthorized_client", "the client has not registered this grant_type"))
	}
	return &libraryClient{client: client, view: v}, nil
}

// CodeExchange redeems an authorization code (RFC 6749 4.1.3, OpenID Connect
// Core 3.1.3, RFC 7636 4.5).
func (s *server) CodeExchange(ctx context.Context, r *zitadel.ClientRequest[oidc.AccessTokenRequest]) (*zitadel.Response, error) {
	known, ok := r.Client.(*libraryClient)
	if !ok {
		return nil, s.p.wireError(ctx, errors.New("code exchange: a client of another kind"))
	}
	response, err := s.p.exchangeCode(ctx, known.view, known.client, r.Data)
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
	Scope        string `json:"scope"`
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
		CodeChallenge: challenge, AccessTokenSHA256: hashOf(given.accessToken), AccessTokenLifetime: client.AccessTokenLifetime.Duration(),
		Family: family,
	}
	if err := p.allowRetry(client, request.Code, given, &redemption); err != nil {
		return nil, err
	}
	grant, err := p.opts.Store.RedeemCode(ctx, redemption)
	if errors.Is(err, storage.ErrCodeRefused) {
		return nil, errCode
	}
	if err != nil {
		return nil, err
	}
	expiresIn := int64(client.AccessTokenLifetime)
	if grant.Retry != nil {
		expiresIn = int64(grant.Retry.ExpiresIn.Seconds())
		if given, err = openTokens(request.Code, codeRetries, client, grant.Retry); err != nil {
			return nil, err
		}
	}
	if !grant.Refreshable {
		given.refreshToken = ""
	}
	claims, err := storedClaims(client, grant.ClaimsRequest)
	if err != nil {
		return nil, err
	}
	idToken, err := p.idToken(v, client, grant.Consumer, idTokenRequest{
		scopes: words(grant.Scope), nonce: grant.Nonce, accessToken: given.accessToken, session: &grant.Session, userinfoFollows: true,
		claims: claims.IDToken,
	})
	if err != nil {
		return nil, err
	}
	return &tokenResponse{
		AccessToken: given.accessToken, TokenType: "Bearer", ExpiresIn: expiresIn, RefreshToken: given.refreshToken,
		IDToken: idToken, Scope: grant.Scope,
	}, nil
}

// tokensForCode makes what a code is answered with. Whether the refresh token is
// among it the scope of the code decides, in the transaction that redeems it.
func (p *Provider) tokensForCode(client *storage.Client) (givenTokens, *storage.NewFamily, error) {
	accessToken, _, err := p.newHandle()
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

// wireError turns an error into the library's, with our status and without any
// internal text. It is logged here, since the library knows no request id.
func (p *Provider) wireError(ctx context.Context, err error) error {
	e := asError(err)
	p.log(ctx, p.basePath+"/token", e)
	wire := oidc.ErrInvalidRequest().WithDescription("%s", e.Description)
	switch e.Code {
	case "invalid_client":
		wire = oidc.ErrInvalidClient().WithDescription("%s", e.Description)
	case "invalid_grant":
		wire = oidc.ErrInvalidGrant().WithDescription("%s", e.Description)
	case "invalid_scope":
		wire = oidc.ErrInvalidScope().WithDescription("%s", e.Description)
	case "unauthorized_client":
		wire = oidc.ErrUnauthorizedClient().WithDescription("%s", e.Description)
	case "server_error":
		wire = oidc.ErrServerError().WithDescription("%s", e.Description)
	case "temporarily_unavailable":
		wire.ErrorType = "temporarily_unavailable"
	}
	return zitadel.NewStatusError(wire, e.Status) //nolint:wrapcheck // it is the wrapping
}

// guard stands in front of the library: it reads the body within its limit,
// refuses what the library would let pass, and sets the headers that it does not.
// Names in capitals mean nothing; the library would take Code for code.
func (p *Provider) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noStore(w)
		w = &guarded{ResponseWriter: w}
		params, inJSON, err := readTokenParams(w, r)
		if err != nil {
			p.writeTokenError(w, r, asError(err))
			return
		}
		for _, values := range params {
			if len(values) > 1 || !cleanText(values[0]) {
				p.writeTokenError(w, r, invalidRequest("each parameter must be sent once, in UTF-8"))
				return
			}
		}
		id, err := credentialsOf(r, params)
		if err != nil {
			p.writeTokenError(w, r, asError(err))
			return
		}
		if v, err := p.current(); err == nil {
			client := v.clients[id]
			if inJSON && (client == nil || client.ConversationalCloud == nil) {
				p.writeTokenError(w, r, errFormWanted)
				return
			}
			if client != nil {
				grantOrigin(w, r, client)
			}
		}
		switch params.Get("grant_type") {
		case string(oidc.GrantTypeCode), string(oidc.GrantTypeRefreshToken):
		case "":
			p.writeTokenError(w, r, invalidRequest("grant_type is missing"))
			return
		default:
			p.writeTokenError(w, r, fault("unsupported_grant_type", "grant_type must be authorization_code or refresh_token"))
			return
		}
		maps.DeleteFunc(params, func(name string, _ []string) bool { return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" })
		r.Form, r.PostForm, r.Body = params, params, io.NopCloser(strings.NewReader(""))
		r.URL.Path = "/token" // the library knows nothing of the issuer's path
		next.ServeHTTP(w, r)
	})
}

// credentialsOf gives the client_id of a request. It refuses what the library
// would overlook: an Authorization header that is not Basic, assertions, and
// more than one method (RFC 6749 2.3).
func credentialsOf(r *http.Request, params url.Values) (string, error) {
	id := params.Get("client_id")
	header := r.Header.Values("Authorization")
	switch {
	case params.Has("client_assertion") || params.Has("client_assertion_type"):
		return "", errClient
	case len(header) == 0 && id == "":
		return "", errClient
	case len(header) == 0:
		return id, nil
	}
	user, _, ok := r.BasicAuth()
	named, err := url.QueryUnescape(user)
	switch {
	case !ok || err != nil || len(header) > 1:
		return "", errClient
	case params.Has("client_secret") || (id != "" && id != named):
		return "", invalidRequest("client credentials must be sent once")
	}
	return named, nil
}

// guarded adds the headers that go with a status.
type guarded struct{ http.ResponseWriter }

// WriteHeader writes the status with what belongs to it.
func (g *guarded) WriteHeader(status int) {
	switch status {
	case http.StatusUnauthorized:
		g.Header().Set("WWW-Authenticate", `Basic realm="idp", charset="UTF-8"`)
	case http.StatusServiceUnavailable:
		setRetryAfter(g)
	}
	g.Header().Set("X-Content-Type-Options", "nosniff")
	g.ResponseWriter.WriteHeader(status)
}

// Unwrap gives the writer below, for http.ResponseController.
func (g *guarded) Unwrap() http.ResponseWriter { return g.ResponseWriter }
