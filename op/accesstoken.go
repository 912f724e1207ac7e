package op

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// An access token is a random handle, or for clients set to it a JWT (RFC 9068)
// whose jti is one. Either way a row holds the hash of it, so that each token can
// be ended here. A jti is no secret of its bearer, so what is hashed of it is more
// than itself: a row that a jti leads to is not found by the jti as a token.

// typAccessToken is the typ of a JWT access token (RFC 9068 2.1), which tells it
// from an ID token.
const typAccessToken = "at+jwt"

// handleLength is that of a handle, in characters of base64url.
const handleLength = 43

func isHandle(token string) bool { return len(token) == handleLength && isBase64URL(token) }

// accessTokenSHA256 is what is stored of the access token that a client gets for a
// handle.
func accessTokenSHA256(client *storage.Client, handle string) []byte {
	if client.AccessTokenFormat == storage.AccessTokenJWT {
		return hashOf(typAccessToken + " " + handle)
	}
	return hashOf(handle)
}

// accessTokenClaims are the claims of a JWT access token (RFC 9068 2.2).
type accessTokenClaims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
	IssuedAt int64  `json:"iat"`
	ID       string `json:"jti"`
	ClientID string `json:"client_id"`
	Scope    string `json:"scope,omitempty"`
	// Those of the sign-in; absent from a client's own token.
	AuthTime int64    `json:"auth_time,omitempty"`
	ACR      string   `json:"acr,omitempty"`
	AMR      []string `json:"amr,omitempty"`
}

// accessGrant is what an access token says.
type accessGrant struct {
	sub      string
	scope    string
	session  *storage.Session // nil for a token that speaks for its client alone
	lifetime time.Duration
}

// accessToken gives the access token that a handle is for: itself, or a JWT signed
// by the provider's key, never by a connector's.
func (p *Provider) accessToken(v *view, client *storage.Client, handle string, grant accessGrant) (string, error) {
	if client.AccessTokenFormat != storage.AccessTokenJWT {
		return handle, nil
	}
	now := p.opts.Now()
	claims := accessTokenClaims{
		Issuer: p.opts.Issuer, Subject: grant.sub, Audience: p.accessTokenAudience(client),
		Expires: now.Add(grant.lifetime).Unix(), IssuedAt: now.Unix(), ID: handle, ClientID: client.ClientID, Scope: grant.scope,
	}
	if session := grant.session; session != nil {
		claims.AuthTime, claims.ACR, claims.AMR = session.AuthTime.Unix(), session.ACR, session.AMR
	}
	signer, err := v.signerOf(0, keys.RS256)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		return "", fmt.Errorf("sign access token: %w", err)
	}
	return signer.SignAs(typAccessToken, payload)
}

// accessTokenAudience is whom a client's access tokens are meant for.
func (p *Provider) accessTokenAudience(client *storage.Client) string {
	if client.AccessTokenAudience != "" {
		return client.AccessTokenAudience
	}
	return p.opts.Issuer
}

// errNoAccessToken means that a text cannot be an access token of ours.
var errNoAccessToken = errors.New("not an access token of this issuer")

// readAccessToken gives what is stored of an access token that is presented, if
// there is such a one, and the jti if it is a JWT. Whatever is of another kind, an
// ID token for one, is errNoAccessToken.
func (p *Provider) readAccessToken(v *view, token string) (sha256 []byte, jti string, err error) {
	if isHandle(token) {
		return hashOf(token), "", nil
	}
	payload, err := v.keys.VerifyOwn(typAccessToken, token)
	if err != nil {
		return nil, "", errNoAccessToken
	}
	var claims accessTokenClaims
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != p.opts.Issuer || !isHandle(claims.ID) {
		return nil, "", errNoAccessToken
	}
	return hashOf(typAccessToken + " " + claims.ID), claims.ID, nil
}
