package op

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
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

// authenticate proves a client by its registered method: client_secret_basic,
// client_secret_post or none (OpenID Connect Core 9). A Conversational Cloud
// client may use either of the first two, since LivePerson's sources disagree
// about which its service does.
func (v *view) authenticate(id, secret string, basic, assertion bool) (*storage.Client, error) {
	client := v.clients[id]
	if client == nil || assertion {
		return nil, errClient
	}
	if client.Public() {
		if secret != "" {
			return nil, errClient
		}
		return client, nil
	}
	method := "client_secret_post"
	if basic {
		method = "client_secret_basic"
	}
	if method != client.TokenEndpointAuthMethod && client.ConversationalCloud == nil {
		return nil, errClient
	}
	sum := sha256.Sum256([]byte(secret))
	if secret == "" || len(client.SecretSHA256) != len(sum) || subtle.ConstantTimeCompare(sum[:], client.SecretSHA256) != 1 {
		return nil, errClient
	}
	return client, nil
}

// libraryClient shows a client to the library, which asks it for little: its id
// and grant types.
type libraryClient struct {
	client *storage.Client
	view   *view
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
