package op

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/zitadel/oidc/v3/pkg/oidc"
	zitadel "github.com/zitadel/oidc/v3/pkg/op"

	"github.com/brandidp/idp/storage"
)

var errClient = &Error{
	Code: "invalid_client", Status: http.StatusUnauthorized,
	Description: "the client is unknown, its secret is wrong, or it uses another method than it has registered",
}

// credentials are what a client presents of itself.
type credentials struct {
	id        string // client_id
	secret    string
	basic     bool   // by the Authorization header
	assertion string // "" for none
}

// credentialsOf reads what a request has of its client. It refuses what the library
// would overlook: an Authorization header that is not Basic, and more than one
// method (RFC 6749 2.3).
func credentialsOf(r *http.Request, params url.Values) (*credentials, error) {
	given := &credentials{id: params.Get("client_id"), secret: params.Get("client_secret"), assertion: params.Get("client_assertion")}
	header := r.Header.Values("Authorization")
	switch {
	case params.Has("client_assertion") || params.Has("client_assertion_type"):
		if params.Has("client_secret") || len(header) > 0 {
			return nil, errTwoMethods
		}
		client := claimed(given.assertion).Subject // which is yet to be proved
		if client == "" || params.Get("client_assertion_type") != assertionType || (given.id != "" && given.id != client) {
			return nil, errClient
		}
		given.id = client
		return given, nil
	case len(header) == 0 && given.id == "":
		return nil, errClient
	case len(header) == 0:
		return given, nil
	}
	user, password, ok := r.BasicAuth()
	named, err := url.QueryUnescape(user)
	secret, secretErr := url.QueryUnescape(password)
	switch {
	case !ok || err != nil || secretErr != nil || len(header) > 1:
		return nil, errClient
	case params.Has("client_secret") || (given.id != "" && given.id != named):
		return nil, errTwoMethods
	}
	return &credentials{id: named, secret: secret, basic: true}, nil
}

var errTwoMethods = invalidRequest("client credentials must be sent once")

// authenticate proves a client by its registered method: client_secret_basic,
// client_secret_post, private_key_jwt or none (OpenID Connect Core 9). It is the one
// function that does, whatever the endpoint. A Conversational Cloud client may use
// either of the first two, since LivePerson's sources disagree about which its
// service does.
func (p *Provider) authenticate(ctx context.Context, v *view, given *credentials, endpoint string) (*storage.Client, error) {
	client := v.clients[given.id]
	switch {
	case client == nil:
		return nil, errClient
	case given.assertion != "":
		if err := p.checkAssertion(ctx, v, client, given.assertion, endpoint); err != nil {
			return nil, err
		}
		return client, nil
	case client.Public():
		if given.secret != "" {
			return nil, errClient
		}
		return client, nil
	}
	method := "client_secret_post"
	if given.basic {
		method = "client_secret_basic"
	}
	if method != client.TokenEndpointAuthMethod && client.ConversationalCloud == nil {
		return nil, errClient
	}
	sum := sha256.Sum256([]byte(given.secret))
	if given.secret == "" || len(client.SecretSHA256) != len(sum) || subtle.ConstantTimeCompare(sum[:], client.SecretSHA256) != 1 {
		return nil, errClient
	}
	return client, nil
}

// libraryClient shows a client to the library, which asks it for little: its id
// and grant types.
type libraryClient struct {
	client *storage.Client
}

var _ zitadel.Client = (*libraryClient)(nil)

func (c *libraryClient) GetID() string                      { return c.client.ClientID }
func (c *libraryClient) RedirectURIs() []string             { return slices.Clone(c.client.RedirectURIs) }
func (*libraryClient) PostLogoutRedirectURIs() []string     { return nil }
func (*libraryClient) LoginURL(string) string               { return "" }
func (*libraryClient) DevMode() bool                        { return false }
func (*libraryClient) IDTokenUserinfoClaimsAssertion() bool { return false }
func (*libraryClient) ClockSkew() time.Duration             { return 0 }

func (c *libraryClient) AuthMethod() oidc.AuthMethod {
	return oidc.AuthMethod(c.client.TokenEndpointAuthMethod)
}

func (c *libraryClient) ApplicationType() zitadel.ApplicationType {
	if c.client.ApplicationType == "native" {
		return zitadel.ApplicationTypeNative
	}
	return zitadel.ApplicationTypeWeb
}

func (c *libraryClient) ResponseTypes() []oidc.ResponseType {
	types := make([]oidc.ResponseType, 0, len(c.client.ResponseTypes))
	for _, t := range c.client.ResponseTypes {
		types = append(types, oidc.ResponseType(t))
	}
	return types
}

func (c *libraryClient) GrantTypes() []oidc.GrantType {
	types := make([]oidc.GrantType, 0, len(c.client.GrantTypes))
	for _, t := range c.client.GrantTypes {
		types = append(types, oidc.GrantType(t))
	}
	return types
}

func (*libraryClient) AccessTokenType() zitadel.AccessTokenType { return zitadel.AccessTokenTypeBearer }

func (c *libraryClient) IDTokenLifetime() time.Duration { return c.client.IDTokenLifetime.Duration() }

func (*libraryClient) RestrictAdditionalIdTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (*libraryClient) RestrictAdditionalAccessTokenScopes() func([]string) []string {
	return func(scopes []string) []string { return scopes }
}

func (c *libraryClient) IsScopeAllowed(scope string) bool {
	return slices.Contains(words(c.client.Scope), scope)
}
