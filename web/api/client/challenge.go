package client

import (
	"context"
	"net/http"
	"time"
)

// LoginChallenge is what is asked for by a browser that has come to the brand's login.
type LoginChallenge struct {
	Client     ChallengeClient `json:"client"`
	Scopes     []string        `json:"scopes"`
	Prompt     []string        `json:"prompt,omitempty"`  // login, consent, select_account
	MaxAge     *int64          `json:"max_age,omitempty"` // how old the sign-in may be at most, in seconds
	LoginHint  string          `json:"login_hint,omitempty"`
	ACRValues  []string        `json:"acr_values,omitempty"` // wished for, the best first
	Essential  bool            `json:"essential,omitempty"`  // one of ACRValues has to be met
	UILocales  []string        `json:"ui_locales,omitempty"`
	Sub        string          `json:"sub,omitempty"` // who should sign in, if that is known
	ExternalID string          `json:"external_id,omitempty"`
	// Skip says that somebody who is signed in already need not be asked; MaxAge holds.
	Skip      bool      `json:"skip"`
	ExpiresAt time.Time `json:"expires_at"`
}

// ChallengeClient is the client that a challenge is about.
type ChallengeClient struct {
	ClientID   string `json:"client_id"`
	ClientName string `json:"client_name,omitempty"`
}

// AcceptedLogin is who has signed in at the brand, and how.
type AcceptedLogin struct {
	// Sub or ExternalID is who has.
	Sub        string `json:"sub,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	// Upsert makes the consumer first, or is merged into what is stored: a
	// *ConsumerInput, or a patch as PatchConsumer takes it.
	Upsert   any       `json:"upsert,omitempty"`
	ACR      string    `json:"acr,omitempty"`
	AMR      []string  `json:"amr,omitempty"`
	AuthTime time.Time `json:"auth_time,omitzero"` // now if it is zero
	// SessionLifetime is in seconds, if the session is to be shorter than others.
	SessionLifetime int64 `json:"session_lifetime,omitempty"`
}

// LogoutChallenge is whose session has ended, of a browser that has come to the brand's
// sign-out.
type LogoutChallenge struct {
	ClientID   string    `json:"client_id,omitempty"` // of the client that asked, if one is known
	Sid        string    `json:"sid"`
	Sub        string    `json:"sub"`
	ExternalID string    `json:"external_id,omitempty"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// GoOn is where the browser that brought a challenge goes on: once, at once, and for
// nobody else's eyes.
type GoOn struct {
	RedirectTo string `json:"redirect_to"`
}

const (
	loginChallenges  = "login-challenges"
	logoutChallenges = "logout-challenges"
)

// GetLoginChallenge reads what a login_challenge is about.
func (c *Client) GetLoginChallenge(ctx context.Context, challenge string) (*LoginChallenge, error) {
	return read[LoginChallenge](ctx, c, request{method: http.MethodGet, path: []string{loginChallenges, challenge}})
}

// AcceptLoginChallenge says who has signed in. A challenge is accepted or rejected once.
func (c *Client) AcceptLoginChallenge(ctx context.Context, challenge string, login *AcceptedLogin, options ...Option) (*GoOn, error) {
	return read[GoOn](ctx, c, request{method: http.MethodPost, path: []string{loginChallenges, challenge, "accept"}, body: login}, options...)
}

// RejectLoginChallenge says that nobody has signed in, and why: access_denied,
// interaction_required, login_required or temporarily_unavailable.
func (c *Client) RejectLoginChallenge(ctx context.Context, challenge, reason string, options ...Option) (*GoOn, error) {
	body := map[string]string{"error": reason}
	return read[GoOn](ctx, c, request{method: http.MethodPost, path: []string{loginChallenges, challenge, "reject"}, body: body}, options...)
}

// GetLogoutChallenge reads what a logout_challenge is about.
func (c *Client) GetLogoutChallenge(ctx context.Context, challenge string) (*LogoutChallenge, error) {
	return read[LogoutChallenge](ctx, c, request{method: http.MethodGet, path: []string{logoutChallenges, challenge}})
}

// AcceptLogoutChallenge lets the browser go on after the brand's sign-out.
func (c *Client) AcceptLogoutChallenge(ctx context.Context, challenge string, options ...Option) (*GoOn, error) {
	return read[GoOn](ctx, c, request{method: http.MethodPost, path: []string{logoutChallenges, challenge, "accept"}}, options...)
}
