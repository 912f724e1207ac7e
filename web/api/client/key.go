package client

import (
	"context"
	"encoding/json"
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

// PublicKey is a public key in every form that a relying party may want.
type PublicKey struct {
	Kid string `json:"kid"`
	Alg string `json:"alg"`
	// OneLine is what is pasted into the connector's form as JWT Public Key.
	OneLine string          `json:"one_line"`
	PEM     string          `json:"pem"`
	JWK     json.RawMessage `json:"jwk"`
}

// KeyImport is a private key that was made elsewhere.
type KeyImport struct {
	ClientID string `json:"client_id,omitempty"` // the connector, "" for the provider
	Alg      string `json:"alg,omitempty"`       // "" for that of the connector, or what suits the key
	Kid      string `json:"kid,omitempty"`       // "" for that of a JWK, or the thumbprint of RFC 7638
	// Key is the private key: PEM, a JWK, or base64 of DER, and not encrypted by itself.
	Key string `json:"key"`
}

// RevokedKey is what the revocation of a leaked key has come to.
type RevokedKey struct {
	Kid        string           `json:"kid"`
	ReplacedBy string           `json:"replaced_by,omitempty"` // the kid of the key that signs now, if the leaked one did
	Affected   []AffectedClient `json:"affected"`
}

// AffectedClient is a client that verified what a leaked key signed.
type AffectedClient struct {
	ClientID string `json:"client_id"`
	// Paste has to be pasted in the place of the leaked key; "" for a client that reads the
	// key set, which has forgotten the leaked key at Until.
	Paste string    `json:"paste,omitempty"`
	Until time.Time `json:"until,omitzero"`
	// AccessTokens: others verify access tokens of this client by the key set (RFC 9068).
	AccessTokens bool `json:"access_tokens,omitempty"`
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
func (c *Client) CreateKey(ctx context.Context, clientID, alg string, options ...Option) (*Key, error) {
	body := struct {
		ClientID string `json:"client_id,omitempty"`
		Alg      string `json:"alg,omitempty"`
	}{clientID, alg}
	return read[Key](ctx, c, request{method: http.MethodPost, path: []string{"keys"}, body: body}, options...)
}

// StepKey makes a step of a key's life. One that would break a relying party is a
// *Problem of status 409 that names it.
func (c *Client) StepKey(ctx context.Context, kid string, step *KeyStep, options ...Option) (*Key, error) {
	return read[Key](ctx, c, request{method: http.MethodPost, path: []string{"keys", kid, "steps"}, body: step}, options...)
}

// ExportKey reads a public key as a relying party wants it.
func (c *Client) ExportKey(ctx context.Context, kid string) (*PublicKey, error) {
	return read[PublicKey](ctx, c, request{method: http.MethodGet, path: []string{"keys", kid, "public"}})
}

// ImportKey brings in a private key that was made elsewhere. It does nothing before it is
// published and activated: with Pasted, if the connector holds it already.
func (c *Client) ImportKey(ctx context.Context, key *KeyImport, options ...Option) (*Key, error) {
	return read[Key](ctx, c, request{method: http.MethodPost, path: []string{"keys", "import"}, body: key}, options...)
}

// RevokeKey ends a key at once that somebody else may have, and has a new one sign in its
// place. Conversational Cloud refuses a connector's tokens until the new one is pasted, if
// it holds the old one so.
func (c *Client) RevokeKey(ctx context.Context, kid string, options ...Option) (*RevokedKey, error) {
	body := map[string]bool{"compromised": true}
	return read[RevokedKey](ctx, c, request{method: http.MethodPost, path: []string{"keys", kid, "revoke"}, body: body}, options...)
}
