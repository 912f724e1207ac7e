package op

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

// The endpoints that clients authenticate at, below the issuer.
const (
	endpointToken      = "/token"
	endpointIntrospect = "/introspect"
	endpointRevoke     = "/revoke"
)

// caller is the client of a request that the guard has let pass.
type caller struct {
	client *storage.Client
	view   *view
	path   string
	// retryAfter is how long the client is told to wait if it gets nothing now, 0 if
	// that depends on the status.
	retryAfter time.Duration
}

type callerKey struct{}

// callerOf gives the client that the guard has authenticated.
func callerOf(ctx context.Context) (*caller, error) {
	c, ok := ctx.Value(callerKey{}).(*caller)
	if !ok {
		return nil, errors.New("a request came past the guard")
	}
	return c, nil
}

// guard stands in front of the library: it reads the body within its limit,
// refuses what the library would let pass, authenticates the client, and sets the
// headers that the library does not. Names in capitals mean nothing; the library
// would take Code for code.
func (p *Provider) guard(endpoint string, check func(url.Values) *Error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		noStore(w)
		g := &guarded{ResponseWriter: w}
		w = g
		params, inJSON, err := readTokenParams(w, r)
		if err != nil {
			p.writeTokenError(w, r, asError(err))
			return
		}
		c, err := p.admit(w, r, endpoint, params, inJSON, check)
		if err != nil {
			p.writeTokenError(w, r, asError(err))
			return
		}
		g.caller = c
		maps.DeleteFunc(params, func(name string, _ []string) bool { return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz_") != "" })
		if endpoint != endpointToken {
			params.Del("grant_type") // means nothing there, but to the library
		}
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, c))
		r.Form, r.PostForm, r.Body = params, params, io.NopCloser(strings.NewReader(""))
		r.URL.Path = endpoint // the library knows nothing of the issuer's path
		p.library.ServeHTTP(w, r)
	})
}

// admit checks what the library would not, and authenticates the client.
func (p *Provider) admit(
	w http.ResponseWriter, r *http.Request, endpoint string, params url.Values, inJSON bool, check func(url.Values) *Error,
) (*caller, error) {
	for _, values := range params {
		if len(values) > 1 || !cleanText(values[0]) {
			return nil, invalidRequest("each parameter must be sent once, in UTF-8")
		}
	}
	given, err := credentialsOf(r, params)
	if err != nil {
		return nil, err
	}
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	client := v.clients[given.id]
	if inJSON && (endpoint != endpointToken || client == nil || client.ConversationalCloud == nil) {
		return nil, errFormWanted
	}
	if client != nil && endpoint != endpointIntrospect { // which is for servers, not for pages
		grantOrigin(w, r, client)
	}
	if e := check(params); e != nil {
		return nil, e
	}
	if client, err = p.authenticate(r.Context(), v, given, endpoint); err != nil {
		return nil, err
	}
	if client.Public() && endpoint == endpointIntrospect {
		return nil, errClient
	}
	return &caller{client: client, view: v, path: r.Pattern}, nil
}

// checkToken is the check of the endpoints to which a token is presented.
func checkToken(params url.Values) *Error {
	if params.Get("token") == "" {
		return invalidRequest("token is missing")
	}
	return nil
}

// wireError turns an error into the library's, with our status and without any
// internal text. It is logged here, since the library knows no request id.
func (p *Provider) wireError(ctx context.Context, err error) error {
	e := asError(err)
	path := ""
	if c, err := callerOf(ctx); err == nil {
		path, c.retryAfter = c.path, e.RetryAfter
	}
	p.log(ctx, path, e)
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
	case "unsupported_token_type":
		wire.ErrorType = "unsupported_token_type"
	case "invalid_target":
		wire.ErrorType = "invalid_target"
	}
	return zitadel.NewStatusError(wire, e.Status) //nolint:wrapcheck // it is the wrapping
}

// guarded adds the headers that go with a status.
type guarded struct {
	http.ResponseWriter

	caller *caller // nil before the guard has let it pass
}

// WriteHeader writes the status with what belongs to it.
func (g *guarded) WriteHeader(status int) {
	switch status {
	case http.StatusUnauthorized:
		g.Header().Set("WWW-Authenticate", `Basic realm="idp", charset="UTF-8"`)
	case http.StatusServiceUnavailable:
		if g.caller != nil {
			setRetryAfter(g, g.caller.retryAfter)
		} else if g.Header().Get("Retry-After") == "" {
			setRetryAfter(g, 0)
		}
	}
	g.Header().Set("X-Content-Type-Options", "nosniff")
	g.ResponseWriter.WriteHeader(status)
}

// Unwrap gives the writer below, for http.ResponseController.
func (g *guarded) Unwrap() http.ResponseWriter { return g.ResponseWriter }
