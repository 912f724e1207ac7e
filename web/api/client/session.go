package client

import (
	"context"
	"net/http"
	"time"
)

// Session is where a consumer is signed in.
type Session struct {
	Sid        string    `json:"sid"`
	AuthTime   time.Time `json:"auth_time"`
	ACR        string    `json:"acr"`
	AMR        []string  `json:"amr"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"`
	// Clients are those with a backchannel_logout_uri that know of it, by client_id.
	Clients []string `json:"clients"`
}

// SessionList are the sessions of a consumer.
type SessionList struct {
	Sessions []Session `json:"sessions"`
}

// SessionsEnded says how many sessions were ended.
type SessionsEnded struct {
	Ended int64 `json:"ended"`
}

// SessionState is a session by itself.
type SessionState struct {
	Sid        string    `json:"sid"`
	Sub        string    `json:"sub"`
	ExternalID string    `json:"external_id,omitempty"`
	AuthTime   time.Time `json:"auth_time"`
	ACR        string    `json:"acr"`
	AMR        []string  `json:"amr"`
	CreatedAt  time.Time `json:"created_at"`
	LastSeenAt time.Time `json:"last_seen_at"`
	ExpiresAt  time.Time `json:"expires_at"` // if it is not used
	EndsAt     time.Time `json:"ends_at"`    // in any case
	// LatestEnd is until when it can be extended; nil if the brand's login has not begun it.
	LatestEnd *time.Time `json:"latest_end,omitempty"`
}

// Grant is what a client has of a consumer.
type Grant struct {
	ClientID      string         `json:"client_id"`
	ClientName    string         `json:"client_name,omitempty"`
	Scope         string         `json:"scope,omitempty"`      // what the consumer was asked and has allowed
	AllowedAt     *time.Time     `json:"allowed_at,omitempty"` // nil if the consumer was not asked
	RefreshTokens []RefreshToken `json:"refresh_tokens"`
}

// RefreshToken tells of a refresh token and those that it was renewed by.
type RefreshToken struct {
	Sid       string    `json:"sid,omitempty"` // "" where the brand itself vouched for the consumer
	Scope     string    `json:"scope"`
	Offline   bool      `json:"offline"` // granted by offline_access, so that it outlives the session
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

// GrantList are the grants of a consumer.
type GrantList struct {
	Grants []Grant `json:"grants"`
}

// ListSessions reads where a consumer is signed in.
func (c *Client) ListSessions(ctx context.Context, sub string) ([]Session, error) {
	var list SessionList
	_, err := c.call(ctx, request{method: http.MethodGet, path: []string{"consumers", sub, "sessions"}}, &list)
	return list.Sessions, err
}

// EndSessions signs a consumer out everywhere, and tells how many sessions there were.
// Codes and tokens of the sessions end with them, but those granted by offline_access.
func (c *Client) EndSessions(ctx context.Context, sub string) (int64, error) {
	var ended SessionsEnded
	_, err := c.call(ctx, request{method: http.MethodDelete, path: []string{"consumers", sub, "sessions"}}, &ended)
	return ended.Ended, err
}

// EndSession ends one session of a consumer.
func (c *Client) EndSession(ctx context.Context, sub, sid string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: []string{"consumers", sub, "sessions", sid}}, nil)
	return err
}

// ListGrants reads what clients have of a consumer.
func (c *Client) ListGrants(ctx context.Context, sub string) ([]Grant, error) {
	var list GrantList
	_, err := c.call(ctx, request{method: http.MethodGet, path: []string{"consumers", sub, "grants"}}, &list)
	return list.Grants, err
}

// EndGrant forgets what a consumer has allowed a client, and ends the client's codes and
// tokens of that consumer.
func (c *Client) EndGrant(ctx context.Context, sub, clientID string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: []string{"consumers", sub, "grants", clientID}}, nil)
	return err
}

// GetSession reads a session by its sid.
func (c *Client) GetSession(ctx context.Context, sid string) (*SessionState, error) {
	return read[SessionState](ctx, c, request{method: http.MethodGet, path: []string{"sessions", sid}})
}

// ExtendSession has a session that the brand's login has begun last for a time from now,
// in whole seconds; 0 only counts it as used now. It is never made shorter.
func (c *Client) ExtendSession(ctx context.Context, sid string, lifetime time.Duration, options ...Option) (*SessionState, error) {
	body := struct {
		Lifetime int64 `json:"lifetime,omitempty"`
	}{int64(lifetime.Seconds())}
	return read[SessionState](ctx, c, request{method: http.MethodPost, path: []string{"sessions", sid, "extend"}, body: body}, options...)
}

// DeleteSession ends a session by its sid.
func (c *Client) DeleteSession(ctx context.Context, sid string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: []string{"sessions", sid}}, nil)
	return err
}
