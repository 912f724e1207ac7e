package op

import (
	"context"
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/brandidp/idp/storage"
)

// Caller is who calls the management API.
type Caller struct {
	// Name is that of an API key, or the client_id of a client, by Kind.
	Name string
	Kind string // api_key or client
	// ID tells callers apart: a name may have been another's before.
	ID     string
	Scopes []string
	// ClientID is the client_id of the one client that the caller is narrowed to, "" if
	// to none.
	ClientID string
	Address  netip.Addr

	keyID int64
}

// May tells whether the caller has a scope.
func (c *Caller) May(scope string) bool { return slices.Contains(c.Scopes, scope) }

// MayReach tells whether the caller has to do with a client.
func (c *Caller) MayReach(clientID string) bool { return c.ClientID == "" || c.ClientID == clientID }

// Why a request has no caller.
var (
	// ErrNoCredential: nothing was presented.
	ErrNoCredential = &Error{
		Code: "invalid_token", Status: http.StatusUnauthorized,
		Description: "an API key, or an access token of the client_credentials grant, is needed: Authorization: Bearer …",
	}
	// ErrCredential: what was presented is nobody's, or not any more.
	ErrCredential = &Error{
		Code: "invalid_token", Status: http.StatusUnauthorized,
		Description: "the API key or access token is unknown, expired or revoked, or speaks for a consumer",
	}
	// ErrNetwork: the key is good, but not from there.
	ErrNetwork = &Error{Code: "access_denied", Status: http.StatusForbidden, Description: "the API key may not be used from this network"}
	// ErrNoAddress: the key is good, but it is not known from where.
	ErrNoAddress = &Error{
		Code: "access_denied", Status: http.StatusForbidden,
		Description: "the API key may be used from some networks alone, and a trusted proxy has not said where the request comes from: X-Forwarded-For",
	}
)

// Caller tells who calls the management API. An API key asks nothing of the database,
// an access token one read. Tokens of consumers and ID tokens are no credentials.
func (p *Provider) Caller(r *http.Request) (*Caller, error) {
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		return nil, ErrNoCredential
	}
	scheme, credential, _ := strings.Cut(headers[0], " ")
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") {
		return nil, ErrCredential
	}
	v, err := p.current()
	if err != nil {
		return nil, err
	}
	address := p.opts.ClientAddress(r)
	if isAPIKey(credential) {
		return p.keyCaller(v, credential, address)
	}
	return p.tokenCaller(r.Context(), v, credential, address)
}

func (p *Provider) keyCaller(v *view, credential string, address netip.Addr) (*Caller, error) {
	key := v.apiKeys[string(hashOf(credential))]
	if key == nil || (!key.ExpiresAt.IsZero() && !p.opts.Now().Before(key.ExpiresAt)) {
		return nil, ErrCredential
	}
	switch {
	case len(key.Networks) > 0 && !address.IsValid():
		return nil, ErrNoAddress
	case !usableFrom(key, address):
		return nil, ErrNetwork
	}
	caller := &Caller{
		Name: key.Name, Kind: storage.ActorAPIKey, ID: "api_key " + strconv.FormatInt(key.ID, 10), Scopes: key.Scopes, Address: address, keyID: key.ID,
	}
	if key.ClientID != 0 {
		client := v.byID[key.ClientID]
		if client == nil {
			return nil, ErrCredential
		}
		caller.ClientID = client.ClientID
	}
	return caller, nil
}

// tokenCaller takes an access token that speaks for its client alone and is meant for
// this provider. What the client may not ask for any more, the token is not good for.
func (p *Provider) tokenCaller(ctx context.Context, v *view, credential string, address netip.Addr) (*Caller, error) {
	presented, err := p.readAccessToken(v, credential)
	if err != nil {
		return nil, ErrCredential
	}
	token, err := p.opts.Store.AccessTokenState(ctx, presented.sha256)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrCredential
	}
	if err != nil {
		return nil, err
	}
	client := v.byID[token.ClientID]
	if client == nil || token.Sub != "" || p.meantFor(presented, client) != p.opts.Issuer ||
		!slices.Contains(client.GrantTypes, storage.GrantClientCredentials) {
		return nil, ErrCredential
	}
	own := client.OwnScopes()
	scopes := slices.DeleteFunc(words(token.Scope), func(scope string) bool { return !slices.Contains(own, scope) })
	return &Caller{
		Name: client.ClientID, Kind: storage.ActorClient, ID: "client " + strconv.FormatInt(client.ID, 10), Scopes: scopes, Address: address,
	}, nil
}
