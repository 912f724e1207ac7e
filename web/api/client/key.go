package client

import (
	"context"
	"net/http"
	"time"
)

// Key is a signing key. Its private half is in no answer.
type Key struct {
	Kid string `json:"kid"`
	Alg string `json:"alg"`
	// ClientID is the connector whose tokens it signs, "" for the provider's keys, which
	// sign for all other clients.
	ClientID    string    `json:"client_id"`
	State       string    `json:"state"` // created, published, active, retired or deleted
	Since       time.Time `json:"since"`
	CreatedAt   time.Time `json:"created_at"`
	MayBePasted []string  `json:"may_be_pasted"` // the clients that may hold it pasted
	// TokensUntil is when the last token ends that it has signed.
	TokensUntil time.Time `json:"tokens_until,omitzero"`
	// RevokedAt is when it was revoked, since it had leaked.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	Next      []NextKey `json:"next"`
}

// NextKey is a step that may be made, now or later.
type NextKey struct {
	Step   string    `json:"step"`
	From   time.Time `json:"from,omitzero"`    // when it breaks nobody any more whom time helps
	Breaks []string  `json:"breaks,omitempty"` // whom it breaks whenever it is made
	Awaits string    `json:"awaits,omitempty"` // what it waits for that has no time of its own
}

// KeyStep is a step of a key's life.
type KeyStep struct {
	Step   string `json:"step"`             // publish, activate, retire or delete
	Force  bool   `json:"force,omitempty"`  // although it breaks somebody
	Pasted bool   `json:"pasted,omitempty"` // its connector holds it by now, pasted
}

// ListKeys lists the signing keys of a connector, or all for "", without those that are
// deleted.
func (c *Client) ListKeys(ctx context.Context, clientID string) ([]Key, error) {
	list, err := read[struct {
		Keys []Key `json:"keys"`
	}](ctx, c, request{method: http.MethodGet, path: []string{"keys"}, query: query(0, map[string]string{"client_id": clientID})})
	if err != nil {
		return nil, err
	}
	return list.Keys, nil
}

// CreateKey makes a signing key, of a connector or, for "", of the provider; alg is "" for
// that of the connector, or RS256. It does nothing before it is published and activated.
func (c *Client) CreateKey(ctx context.Context, clientID, alg string) (*Key, error) {
	body := struct {
		ClientID string `json:"client_id,omitempty"`
		Alg      string `json:"alg,omitempty"`
	}{clientID, alg}
	return read[Key](ctx, c, request{method: http.MethodPost, path: []string{"keys"}, body: body})
}

// StepKey makes a step of a key's life. One that would break a relying party is a
// *Problem of status 409 that names it.
func (c *Client) StepKey(ctx context.Context, kid string, step *KeyStep) (*Key, error) {
	return read[Key](ctx, c, request{method: http.MethodPost, path: []string{"keys", kid, "steps"}, body: step})
}
