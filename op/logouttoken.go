package op

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

const (
	typeLogoutToken = "logout+jwt" //nolint:gosec // a media type
	logoutEvent     = "http://schemas.openid.net/event/backchannel-logout"
)

// logoutTokenClaims are the claims of a logout token (Back-Channel Logout 1.0, 2.4).
// It has no nonce, by which it could be taken for an ID token.
type logoutTokenClaims struct {
	Issuer   string              `json:"iss"`
	Subject  string              `json:"sub"`
	Audience string              `json:"aud"`
	IssuedAt int64               `json:"iat"`
	Expires  int64               `json:"exp"`
	ID       string              `json:"jti"`
	Events   map[string]struct{} `json:"events"`
	Sid      string              `json:"sid"`
}

// logoutToken signs what a client is told, anew for each attempt, by the algorithm of
// its ID tokens (Back-Channel Logout 1.0, 2.4). The key is the provider's for every
// client: a connector's own key signs its ID tokens and nothing else, so that nothing
// else can be taken for one where nobody looks at typ.
func (p *Provider) logoutToken(v *view, client *storage.Client, notice storage.LogoutNotice) (string, error) {
	signer, err := v.signerOf(0, client.IDTokenSignedResponseAlg)
	if err != nil {
		return "", err
	}
	random := make([]byte, 16)
	if _, err := io.ReadFull(p.opts.Rand, random); err != nil {
		return "", fmt.Errorf("make jti: %w", err)
	}
	now := p.opts.Now()
	payload, err := json.Marshal(logoutTokenClaims{
		Issuer: p.opts.Issuer, Subject: notice.Sub, Audience: client.ClientID, Sid: notice.Sid,
		IssuedAt: now.Unix(), Expires: now.Add(keys.LogoutTokenLifetime).Unix(), ID: base64.RawURLEncoding.EncodeToString(random),
		Events: map[string]struct{}{logoutEvent: {}},
	})
	if err != nil {
		return "", fmt.Errorf("write logout token: %w", err)
	}
	return signer.SignAs(typeLogoutToken, payload)
}
