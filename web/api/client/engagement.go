package client

import (
	"context"
	"net/http"
	"time"
)

// Engagement is what a connector's JS method is to hand over, for a consumer who is
// signed in at the brand.
type Engagement struct {
	ClientID string `json:"client_id"` // the connector
	// Sub or ExternalID is whom it is for.
	Sub        string `json:"sub,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	// ResponseType is code or id_token; "" is what the connector has.
	ResponseType string `json:"response_type,omitempty"`
	// A code is bound to RedirectURI, "" for the registered one, and to CodeChallenge, as
	// the JS method is given it, with the method S256.
	RedirectURI         string `json:"redirect_uri,omitempty"`
	CodeChallenge       string `json:"code_challenge,omitempty"`
	CodeChallengeMethod string `json:"code_challenge_method,omitempty"`
	// AuthTime is when the consumer signed in at the brand, now if it is zero, and AMR
	// how (RFC 8176).
	AuthTime time.Time `json:"auth_time,omitzero"`
	AMR      []string  `json:"amr,omitempty"`
	// Claims, PersonalInfo, CustomerInfo and Attributes are merged into what is stored of
	// the consumer, as PatchConsumer does it: for this token alone, or with Store for
	// good.
	Claims       any  `json:"claims,omitempty"`
	PersonalInfo any  `json:"personal_info,omitempty"`
	CustomerInfo any  `json:"customer_info,omitempty"`
	Attributes   any  `json:"attributes,omitempty"`
	Store        bool `json:"store,omitempty"`
}

// EngagementToken is an ID token, or a code with the address that it is bound to.
type EngagementToken struct {
	IDToken     string `json:"id_token,omitempty"`
	ExpiresIn   int64  `json:"expires_in,omitempty"` // of the ID token, in seconds
	Code        string `json:"code,omitempty"`
	RedirectURI string `json:"redirect_uri,omitempty"`
	Issuer      string `json:"iss"`
	Subject     string `json:"sub"`
}

// Engage gets an ID token or a code for a consumer who is signed in at the brand.
func (c *Client) Engage(ctx context.Context, engagement *Engagement, options ...Option) (*EngagementToken, error) {
	return read[EngagementToken](ctx, c, request{method: http.MethodPost, path: []string{"engagements", "token"}, body: engagement}, options...)
}
