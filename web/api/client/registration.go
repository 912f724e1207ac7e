package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"time"

	"github.com/brandidp/idp/op/liveperson"
)

// Registration is a client by the names of RFC 7591 where it has one. A field that is
// left out has its default; README.md of idp says what each means. Lifetimes are in
// seconds, a set of keys is a JWK Set (RFC 7517 5).
type Registration struct {
	ClientID                         string            `json:"client_id,omitempty"`
	ClientName                       string            `json:"client_name,omitempty"`
	ApplicationType                  string            `json:"application_type,omitempty"`
	RedirectURIs                     []string          `json:"redirect_uris,omitempty"`
	ResponseTypes                    []string          `json:"response_types,omitempty"`
	GrantTypes                       []string          `json:"grant_types,omitempty"`
	TokenEndpointAuthMethod          string            `json:"token_endpoint_auth_method,omitempty"`
	WebOrigins                       []string          `json:"web_origins,omitempty"`
	Scope                            string            `json:"scope,omitempty"`
	IDTokenSignedResponseAlg         string            `json:"id_token_signed_response_alg,omitempty"`
	IDTokenEncryptedResponseAlg      string            `json:"id_token_encrypted_response_alg,omitempty"`
	IDTokenEncryptedResponseEnc      string            `json:"id_token_encrypted_response_enc,omitempty"`
	IDTokenLifetime                  int64             `json:"id_token_lifetime,omitempty"`
	AccessTokenLifetime              int64             `json:"access_token_lifetime,omitempty"`
	RefreshTokenLifetime             int64             `json:"refresh_token_lifetime,omitempty"`
	ClaimsPolicy                     string            `json:"claims_policy,omitempty"`
	CustomClaims                     map[string]string `json:"custom_claims,omitempty"`
	RequirePKCE                      bool              `json:"require_pkce,omitempty"`
	WebMessage                       bool              `json:"web_message,omitempty"`
	JWKS                             json.RawMessage   `json:"jwks,omitempty"`
	RequestObjectSigningAlg          string            `json:"request_object_signing_alg,omitempty"`
	TokenEndpointAuthSigningAlg      string            `json:"token_endpoint_auth_signing_alg,omitempty"`
	TokenEndpointAuthAudience        string            `json:"token_endpoint_auth_audience,omitempty"`
	AssertionIssuers                 []AssertionIssuer `json:"assertion_issuers,omitempty"`
	TokenExchangeAudiences           []string          `json:"token_exchange_audiences,omitempty"`
	UserinfoSignedResponseAlg        string            `json:"userinfo_signed_response_alg,omitempty"`
	AccessTokenFormat                string            `json:"access_token_format,omitempty"`
	AccessTokenAudience              string            `json:"access_token_audience,omitempty"`
	Introspection                    bool              `json:"introspection,omitempty"`
	Consent                          string            `json:"consent,omitempty"`
	ClientURI                        string            `json:"client_uri,omitempty"`
	PostLogoutRedirectURIs           []string          `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI             string            `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired bool              `json:"backchannel_logout_session_required,omitempty"`
	LoginURL                         string            `json:"login_url,omitempty"`
	LogoutURL                        string            `json:"logout_url,omitempty"`
	JWKSRefresh                      int64             `json:"jwks_refresh,omitempty"` // in seconds
	ConversationalCloud              *Connector        `json:"conversational_cloud,omitempty"`
}

// Connector is what makes a client a connector of Conversational Cloud.
type Connector struct {
	Variant           string                    `json:"variant"` // rfc or legacy
	JSMethod          string                    `json:"js_method,omitempty"`
	JSContext         string                    `json:"js_context,omitempty"`
	AccountID         string                    `json:"account_id,omitempty"`
	ResponsePlacement string                    `json:"response_placement,omitempty"`
	TokenParameter    string                    `json:"token_parameter,omitempty"`
	CodeRetry         bool                      `json:"code_retry,omitempty"`
	IDPDomains        []string                  `json:"idp_domains,omitempty"`
	EncryptionKey     *liveperson.EncryptionKey `json:"encryption_key,omitempty"`
	Audience          []string                  `json:"audience,omitempty"`
	ACR               string                    `json:"acr,omitempty"`
	IATBackdating     *int64                    `json:"iat_backdating,omitempty"` // in seconds
	PhoneNumber       string                    `json:"phone_number,omitempty"`
	// IDPCertificateType is jwt_public_key or jwks_endpoint.
	IDPCertificateType string `json:"idp_certificate_type,omitempty"`
}

// AssertionIssuer is whose word a client may bring for who a consumer is.
type AssertionIssuer struct {
	Issuer  string          `json:"issuer"`
	Subject string          `json:"subject"` // sub or external_id
	JWKS    json.RawMessage `json:"jwks"`
}

// RegisteredClient is a client as the API tells of it.
type RegisteredClient struct {
	Registration

	HasSecret bool `json:"has_secret"`
	// ClientSecret is one that was made because the client needs one and had none. It is
	// shown this once.
	ClientSecret string    `json:"client_secret,omitempty"`
	CreatedAt    time.Time `json:"created_at"`
	UpdatedAt    time.Time `json:"updated_at"`

	// ETag is for IfMatch. It comes with a client alone, not with a page of them.
	ETag string `json:"-"`
}

// ClientPage is a page of clients.
type ClientPage struct {
	Clients    []RegisteredClient `json:"clients"`
	NextCursor string             `json:"next_cursor,omitempty"` // "" at the end
}

// ClientSecret is a new secret of a client, shown this once.
type ClientSecret struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// PreviewRequest says whom an ID token is about, by one of the two, and for which
// response type; "" is the client's first.
type PreviewRequest struct {
	Sub          string `json:"sub,omitempty"`
	ExternalID   string `json:"external_id,omitempty"`
	ResponseType string `json:"response_type,omitempty"`
}

// Preview is an ID token that is not signed.
type Preview struct {
	Payload   json.RawMessage `json:"payload"`
	Size      int             `json:"size"` // of the token, in bytes
	Encrypted bool            `json:"encrypted"`
	InAddress bool            `json:"in_address"` // it travels in an address
	// Checks are those that the token does not pass.
	Checks []Check `json:"checks,omitempty"`
	Note   string  `json:"note,omitempty"` // what cannot be seen here
}

// Check is something that is checked of an ID token.
type Check struct {
	Name    string `json:"name"`
	Title   string `json:"title"`
	Section string `json:"section"`
	Outcome string `json:"outcome"`
	Found   string `json:"found"`
}

const clients = "clients"

// Clients pages through all clients, and ends with the first error.
func (c *Client) Clients(ctx context.Context) iter.Seq2[*RegisteredClient, error] {
	return pages("", func(cursor string) ([]RegisteredClient, string, error) {
		page, err := c.ListClients(ctx, cursor, 0)
		if err != nil {
			return nil, "", err
		}
		return page.Clients, page.NextCursor, nil
	})
}

// ListClients reads a page of at most limit clients (1 to 1000; 0 means 100) from a
// cursor on, "" for the first.
func (c *Client) ListClients(ctx context.Context, cursor string, limit int) (*ClientPage, error) {
	parameters := query(limit, map[string]string{"cursor": cursor})
	return read[ClientPage](ctx, c, request{method: http.MethodGet, path: []string{clients}, query: parameters})
}

// GetClient reads a client.
func (c *Client) GetClient(ctx context.Context, clientID string) (*RegisteredClient, error) {
	return c.client(ctx, http.MethodGet, clientID, nil)
}

// PutClient makes or replaces a client. What is made for it, if it has none, is a secret
// that it needs, and for a connector a signing key of its own.
func (c *Client) PutClient(ctx context.Context, clientID string, registration *Registration, options ...Option) (*RegisteredClient, error) {
	return c.client(ctx, http.MethodPut, clientID, registration, options...)
}

// PatchClient changes fields of a client, by a patch as PatchConsumer takes it. A field
// that is taken away has its default.
func (c *Client) PatchClient(ctx context.Context, clientID string, patch any, options ...Option) (*RegisteredClient, error) {
	return c.client(ctx, http.MethodPatch, clientID, patch, options...)
}

// DeleteClient removes a client with its keys, codes and tokens.
func (c *Client) DeleteClient(ctx context.Context, clientID string, options ...Option) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: []string{clients, clientID}}, nil, options...)
	return err
}

// ReplaceClientSecret makes a new secret for a client. It takes the place of the old one
// at once.
func (c *Client) ReplaceClientSecret(ctx context.Context, clientID string, options ...Option) (*ClientSecret, error) {
	return read[ClientSecret](ctx, c, request{method: http.MethodPost, path: []string{clients, clientID, "secret"}}, options...)
}

// GetConnectorSettings gives every field of a connector's form in Conversational Cloud,
// ready to paste.
func (c *Client) GetConnectorSettings(ctx context.Context, clientID string) (*liveperson.ConnectorSettings, error) {
	return read[liveperson.ConnectorSettings](ctx, c, request{method: http.MethodGet, path: []string{clients, clientID, "connector-settings"}})
}

// PreviewToken gives the ID token that a client would get about a consumer who has just
// signed in. Nothing is signed: it is no token.
func (c *Client) PreviewToken(ctx context.Context, clientID string, preview PreviewRequest) (*Preview, error) {
	return read[Preview](ctx, c, request{method: http.MethodPost, path: []string{clients, clientID, "token-preview"}, body: preview})
}

// client is a call that is answered with a client.
func (c *Client) client(ctx context.Context, method, clientID string, body any, options ...Option) (*RegisteredClient, error) {
	var client RegisteredClient
	header, err := c.call(ctx, request{method: method, path: []string{clients, clientID}, body: body}, &client, options...)
	if err != nil {
		return nil, err
	}
	client.ETag = header.Get("ETag")
	return &client, nil
}
