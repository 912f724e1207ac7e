package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/brandidp/idp/op/liveperson"
)

// Client is a relying party. The JSON names are those of RFC 7591 where it has
// one; the row keeps them as one document, since clients are always read whole.
type Client struct {
	ID       int64  `json:"-"`
	ClientID string `json:"client_id"`
	// SecretSHA256 is nil for a client without a secret.
	SecretSHA256 []byte `json:"-"`

	ClientName              string   `json:"client_name,omitempty"`
	ApplicationType         string   `json:"application_type"` // web or native
	RedirectURIs            []string `json:"redirect_uris"`
	ResponseTypes           []string `json:"response_types"`
	GrantTypes              []string `json:"grant_types"`
	TokenEndpointAuthMethod string   `json:"token_endpoint_auth_method"`
	// WebOrigins are the exact origins whose pages may run the token source and
	// call the token, userinfo and revocation endpoints.
	WebOrigins []string `json:"web_origins,omitempty"`
	// Scope is what the client may ask for, separated by spaces.
	Scope                    string `json:"scope"`
	IDTokenSignedResponseAlg string `json:"id_token_signed_response_alg"`
	// IDTokenEncryptedResponseAlg and -Enc are how ID tokens are encrypted after
	// they were signed; "" if they are not.
	IDTokenEncryptedResponseAlg string  `json:"id_token_encrypted_response_alg,omitempty"`
	IDTokenEncryptedResponseEnc string  `json:"id_token_encrypted_response_enc,omitempty"`
	IDTokenLifetime             Seconds `json:"id_token_lifetime"`
	AccessTokenLifetime         Seconds `json:"access_token_lifetime"`
	// RefreshTokenLifetime is that of a family of refresh tokens, from the code that
	// it came of; 0 for a client without the refresh_token grant.
	RefreshTokenLifetime Seconds `json:"refresh_token_lifetime,omitempty"`
	// ClaimsPolicy places claims: "strict" as OpenID Connect does, "everything"
	// puts all of them into the ID token.
	ClaimsPolicy string `json:"claims_policy"`
	// CustomClaims are claims of the client's own, from name to source; package
	// customclaims says which there are.
	CustomClaims map[string]string `json:"custom_claims,omitempty"`
	// RequirePKCE demands a code_challenge of a client with a secret, too.
	RequirePKCE bool `json:"require_pkce,omitempty"`
	// WebMessage lets pages of WebOrigins ask by response_mode=web_message.
	WebMessage bool `json:"web_message,omitempty"`
	// JWKS are the keys by which the client's request objects and assertions are
	// verified; nil if it has none. RequestObjectSigningAlg and
	// TokenEndpointAuthSigningAlg are the one algorithm that either is signed with,
	// "" for any that fits a key.
	JWKS                        *JWKS  `json:"jwks,omitempty"`
	RequestObjectSigningAlg     string `json:"request_object_signing_alg,omitempty"`
	TokenEndpointAuthSigningAlg string `json:"token_endpoint_auth_signing_alg,omitempty"`
	// TokenEndpointAuthAudience is "issuer" for a client whose assertions must name
	// the issuer as their audience, and "" for one that may name the endpoint, too.
	TokenEndpointAuthAudience string `json:"token_endpoint_auth_audience,omitempty"`
	// AssertionIssuers are believed when the client brings an assertion of theirs
	// about a consumer (RFC 7523 2.1, RFC 8693).
	AssertionIssuers []AssertionIssuer `json:"assertion_issuers,omitempty"`
	// TokenExchangeAudiences are the connectors, by client_id, whose ID tokens the
	// client may have by token exchange, beside its own.
	TokenExchangeAudiences []string `json:"token_exchange_audiences,omitempty"`
	// UserinfoSignedResponseAlg is how UserInfo responses are signed, "" for plain
	// JSON.
	UserinfoSignedResponseAlg string `json:"userinfo_signed_response_alg,omitempty"`
	// AccessTokenFormat is AccessTokenJWT, or "" for opaque access tokens.
	// AccessTokenAudience is what they are meant for, "" for the issuer itself.
	AccessTokenFormat   string `json:"access_token_format,omitempty"`
	AccessTokenAudience string `json:"access_token_audience,omitempty"`
	// Introspection lets the client introspect the access tokens of every client.
	Introspection bool `json:"introspection,omitempty"`
	// ClientURI is the client's home page, "" if it named none.
	ClientURI string `json:"client_uri,omitempty"`
	// PostLogoutRedirectURIs are where a browser may be sent after a sign-out, byte
	// for byte.
	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	// BackchannelLogoutURI is told of the end of each session that the client knows
	// of; "" for a client that wants to hear nothing.
	BackchannelLogoutURI             string `json:"backchannel_logout_uri,omitempty"`
	BackchannelLogoutSessionRequired bool   `json:"backchannel_logout_session_required,omitempty"`
	// LoginURL is the brand's own login, where browsers sign in for this client, and
	// LogoutURL where they go after a sign-out; "" for the provider's.
	LoginURL  string `json:"login_url,omitempty"`
	LogoutURL string `json:"logout_url,omitempty"`
	// Consent is "required" for a client that gets nothing before the consumer has
	// allowed it, else "".
	Consent string `json:"consent,omitempty"`

	// JWKSRefresh is how often the client reads the key set anew, as it says; 0 if it
	// says nothing.
	JWKSRefresh Seconds `json:"jwks_refresh,omitempty"`

	// ConversationalCloud is set for a connector of LivePerson's.
	ConversationalCloud *liveperson.ConversationalCloud `json:"conversational_cloud,omitempty"`

	CreatedAt time.Time `json:"-"`
	UpdatedAt time.Time `json:"-"`
}

// Seconds is a lifetime in whole seconds.
type Seconds int64

// Duration is the lifetime as a time.Duration.
func (s Seconds) Duration() time.Duration { return time.Duration(s) * time.Second }

// Public tells a client without credentials (RFC 6749 2.1).
func (c *Client) Public() bool { return c.TokenEndpointAuthMethod == "none" }

// AsksConsent tells a client that gets nothing before the consumer has allowed it.
func (c *Client) AsksConsent() bool { return c.Consent == "required" }

// Grant types beside that of codes.
const (
	GrantRefreshToken      = "refresh_token"                                   // RFC 6749 6
	GrantClientCredentials = "client_credentials"                              // RFC 6749 4.4
	GrantTokenExchange     = "urn:ietf:params:oauth:grant-type:token-exchange" //nolint:gosec // a name, of RFC 8693
	GrantJWTBearer         = "urn:ietf:params:oauth:grant-type:jwt-bearer"     //nolint:gosec // a name, of RFC 7523 2.1
)

// TakesAssertions tells a client that brings what the brand's own issuer says of a
// consumer.
func (c *Client) TakesAssertions() bool {
	return slices.Contains(c.GrantTypes, GrantTokenExchange) || slices.Contains(c.GrantTypes, GrantJWTBearer)
}

// AssertionIssuer is an issuer of the brand's own, whose word a client may bring for
// who somebody is.
type AssertionIssuer struct {
	// Issuer is the iss of its assertions.
	Issuer string `json:"issuer"`
	// Subject is what their sub is of a consumer: SubjectSub or SubjectExternalID.
	Subject string `json:"subject"`
	// JWKS are the keys that it signs with.
	JWKS *JWKS `json:"jwks"`
}

// The kinds of AssertionIssuer.Subject.
const (
	SubjectSub        = "sub"
	SubjectExternalID = "external_id"
)

// AuthPrivateKeyJWT is the token_endpoint_auth_method of clients that sign what
// proves who they are (OpenID Connect Core 9).
const AuthPrivateKeyJWT = "private_key_jwt"

// AccessTokenJWT is the AccessTokenFormat of RFC 9068.
const AccessTokenJWT = "jwt"

// SignInScopes are the scope values that speak of somebody who signs in (OpenID
// Connect Core 5.4, 11).
var SignInScopes = []string{"openid", "profile", "email", "address", "phone", "offline_access"}

// OwnScopes are the values of Scope that are for the client itself: all but
// SignInScopes.
func (c *Client) OwnScopes() []string {
	return slices.DeleteFunc(strings.Fields(c.Scope), func(value string) bool { return slices.Contains(SignInScopes, value) })
}

// Refreshes tells which refresh tokens the client may have: those granted by
// offline_access, and a connector's, which come without it, since Conversational
// Cloud asks for openid alone.
func (c *Client) Refreshes() (offline, plain bool) {
	if !slices.Contains(c.GrantTypes, GrantRefreshToken) {
		return false, false
	}
	return slices.Contains(strings.Fields(c.Scope), "offline_access"), c.ConversationalCloud != nil
}

// Callbacks are the redirect addresses of consumer delegation, which receive codes
// alone: none but for a connector with the refresh_token grant.
func (c *Client) Callbacks() []string {
	if _, delegation := c.Refreshes(); !delegation {
		return nil
	}
	return c.ConversationalCloud.Callbacks()
}

// Allows tells whether the client registered the response type. A legacy
// connector may have registered id_token by its name for it, token.
func (c *Client) Allows(responseType string) bool {
	return slices.Contains(c.ResponseTypes, responseType) ||
		responseType == "id_token" && c.ConversationalCloud.Legacy() && slices.Contains(c.ResponseTypes, "token")
}

// WebMessageOrigin gives the one origin that a response to a redirect address may
// be posted to: the address's own, if the client has WebMessage switched on and
// names the origin among WebOrigins.
func (c *Client) WebMessageOrigin(redirectURI string) (origin string, ok bool) {
	u, err := url.Parse(redirectURI)
	if err != nil || !c.WebMessage {
		return "", false
	}
	host := strings.ToLower(u.Host)
	switch u.Scheme {
	case "https":
		host = strings.TrimSuffix(host, ":443")
	case "http":
		host = strings.TrimSuffix(host, ":80")
	default:
		return "", false
	}
	origin = u.Scheme + "://" + host
	return origin, slices.Contains(c.WebOrigins, origin)
}

const clientColumns = "id, client_id, secret_sha256, metadata, created_at, updated_at"

func scanClient(row pgx.CollectableRow) (*Client, error) {
	var (
		c        Client
		clientID string
		metadata []byte
	)
	if err := row.Scan(&c.ID, &clientID, &c.SecretSHA256, &metadata, &c.CreatedAt, &c.UpdatedAt); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(metadata, &c); err != nil {
		return nil, fmt.Errorf("read metadata of client %s: %w", clientID, err)
	}
	c.ClientID = clientID
	return &c, nil
}

// Client finds a client by client_id.
func (s *Store) Client(ctx context.Context, clientID string) (*Client, error) {
	return queryClient(ctx, s.pool, clientID)
}

// Client finds a client by client_id.
func (tx *Tx) Client(ctx context.Context, clientID string) (*Client, error) {
	return queryClient(ctx, tx.tx, clientID)
}

func queryClient(ctx context.Context, q querier, clientID string) (*Client, error) {
	clients, err := queryClients(ctx, q, "where client_id = $1", clientID)
	if err == nil && len(clients) == 0 {
		return nil, fmt.Errorf("read client: %w", ErrNotFound)
	}
	if err != nil {
		return nil, err
	}
	return clients[0], nil
}

// ClientPage reads at most limit clients in the order of their IDs, beginning after the
// one with the ID after.
func (s *Store) ClientPage(ctx context.Context, after int64, limit int) ([]*Client, error) {
	return queryClients(ctx, s.pool, "where id > $1 order by id limit $2", after, limit)
}

// Clients reads every client, ordered by client_id.
func (s *Store) Clients(ctx context.Context) ([]*Client, error) {
	return queryClients(ctx, s.pool, "order by client_id")
}

// Clients reads every client, ordered by client_id.
func (tx *Tx) Clients(ctx context.Context) ([]*Client, error) {
	return queryClients(ctx, tx.tx, "order by client_id")
}

func queryClients(ctx context.Context, q querier, which string, args ...any) ([]*Client, error) {
	rows, err := q.Query(ctx, "select "+clientColumns+" from clients "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("read clients: %w", wrap(err))
	}
	clients, err := pgx.CollectRows(rows, scanClient)
	if err != nil {
		return nil, fmt.Errorf("read clients: %w", wrap(err))
	}
	return clients, nil
}

// InsertClient adds a client and sets its ID and times. A client_id that exists is
// ErrConflict.
func (tx *Tx) InsertClient(ctx context.Context, c *Client) error {
	metadata, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("insert client: %w", err)
	}
	err = tx.tx.QueryRow(ctx,
		"insert into clients (client_id, secret_sha256, metadata) values ($1, $2, $3) returning id, created_at, updated_at",
		c.ClientID, c.SecretSHA256, json.RawMessage(metadata)).Scan(&c.ID, &c.CreatedAt, &c.UpdatedAt)
	if err != nil {
		return fmt.Errorf("insert client: %w", wrap(err))
	}
	return nil
}

// UpdateClient replaces the client with c.ID and sets its UpdatedAt. A changed secret takes the place
// of the old one at once; codes and tokens stay, but for the refresh tokens of a
// client that has lost the grant. Where its tokens live less long from now on, the keys
// that have signed the others for it keep until when those live.
func (tx *Tx) UpdateClient(ctx context.Context, c *Client) error {
	metadata, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("update client: %w", err)
	}
	err = tx.tx.QueryRow(ctx, `
		with before as (
		  select (metadata->>'id_token_lifetime')::bigint as id_tokens, (metadata->>'access_token_lifetime')::bigint as access_tokens,
		    metadata->>'id_token_signed_response_alg' as alg
		  from clients where id = $1
		), kept as (
		  update signing_keys k set tokens_until = greatest(k.tokens_until, idp_now() + make_interval(secs => greatest(b.id_tokens, b.access_tokens)))
		  from before b where k.state = 'active' and (k.client_id = $1 or k.client_id is null)
		    and (b.id_tokens > $4 or b.access_tokens > $5 or b.alg <> $6)
		)
		update clients set secret_sha256 = $2, metadata = $3, updated_at = idp_now() where id = $1 returning updated_at`,
		c.ID, c.SecretSHA256, json.RawMessage(metadata), c.IDTokenLifetime, c.AccessTokenLifetime, c.IDTokenSignedResponseAlg).Scan(&c.UpdatedAt)
	if err != nil {
		return fmt.Errorf("update client: %w", wrap(err))
	}
	if !slices.Contains(c.GrantTypes, GrantRefreshToken) {
		return tx.endFamiliesOfClient(ctx, c.ID)
	}
	return nil
}

// DeleteClient removes a client with its keys, codes and tokens.
func (tx *Tx) DeleteClient(ctx context.Context, id int64) error {
	// Whoever uses a code or a family locks it before the client that it refers to,
	// so they go before the client does, in the order in which all others lock them.
	batch := &pgx.Batch{}
	for _, table := range []string{"consents", "authorization_codes", "refresh_families", "access_tokens", "session_clients", "client_assertions", "login_challenges"} {
		batch.Queue("delete from "+table+" where client_id = $1", id)
	}
	var deleted int64
	batch.Queue("delete from clients where id = $1", id).Exec(func(tag pgconn.CommandTag) error {
		deleted = tag.RowsAffected()
		return nil
	})
	if err := tx.tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("delete client: %w", wrap(err))
	}
	if deleted == 0 {
		return fmt.Errorf("delete client: %w", ErrNotFound)
	}
	return nil
}
