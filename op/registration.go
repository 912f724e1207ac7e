package op

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// ErrNoConnector says that a client is none of Conversational Cloud.
var ErrNoConnector = errors.New("it has no conversational_cloud block, and so no connector")

// Registration gives a connector of an issuer as Conversational Cloud has to know it.
// rows are all signing keys. Of another client it is ErrNoConnector.
func Registration(issuer string, c *storage.Client, rows []*storage.SigningKey) (*liveperson.Registration, error) {
	if c.ConversationalCloud == nil {
		return nil, fmt.Errorf("client %q: %w", c.ClientID, ErrNoConnector)
	}
	r := &liveperson.Registration{
		Settings: c.ConversationalCloud, ClientID: c.ClientID, ClientName: c.ClientName, RequirePKCE: c.RequirePKCE,
		CodeFlow: c.Allows("code"), ImplicitFlow: c.Allows("id_token") || c.Allows("id_token token"),
		RedirectURIs: c.RedirectURIs, WebOrigins: c.WebOrigins, Scope: c.Scope,
		RefreshTokens: slices.Contains(c.GrantTypes, storage.GrantRefreshToken),
		Issuer:        issuer, AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token",
		JWKSEndpoint: issuer + "/jwks/" + c.ClientID + ".json", PageScript: issuer + "/token-source.js?client_id=" + c.ClientID,
	}
	key, err := keys.ActiveOf(rows, c.ID, keys.RS256)
	if errors.Is(err, keys.ErrNoKey) {
		return r, nil // which Warnings says
	}
	if err == nil {
		r.PublicKey, err = keys.OneLine(key.PublicJWK)
	}
	if err != nil {
		return nil, fmt.Errorf("client %q: %w", c.ClientID, err)
	}
	return r, nil
}

// ConnectorSettings gives what the connector of a client is configured by.
func (p *Provider) ConnectorSettings(ctx context.Context, c *storage.Client) (*liveperson.ConnectorSettings, error) {
	rows, err := p.opts.Store.SigningKeys(ctx)
	if err != nil {
		return nil, err
	}
	registration, err := Registration(p.opts.Issuer, c, rows)
	if err != nil {
		return nil, err
	}
	return registration.ConnectorSettings(), nil
}
