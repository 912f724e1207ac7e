package op

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/brandidp/idp/storage"
)

// idTokenHint is what an ID token of ours says that comes back as id_token_hint.
type idTokenHint struct {
	Sub string
	// Sid is "" if the token was given without a session.
	Sid string
	// ClientID is for whom the token was made.
	ClientID string
}

// readHint verifies an ID token that comes back as a hint, signed by any key that is
// published here. An expired one is accepted (OpenID Connect Core 3.1.2.1,
// RP-Initiated Logout 1.0, 2).
func (p *Provider) readHint(v *view, compact string) (*idTokenHint, error) {
	payload, err := v.keys.Verify(compact)
	if err != nil {
		return nil, err
	}
	var claims idTokenClaims
	if err := json.Unmarshal(payload, &claims); err != nil {
		return nil, fmt.Errorf("read ID token: %w", err)
	}
	if claims.Issuer != p.opts.Issuer || claims.Subject == "" || len(claims.Audience) == 0 || claims.Expires == 0 { // which a signed UserInfo response has not
		return nil, errors.New("not an ID token of this issuer")
	}
	client := claims.Party
	if client == "" {
		client = claims.Audience[0]
	}
	return &idTokenHint{Sub: claims.Subject, Sid: claims.Sid, ClientID: client}, nil
}

// of tells whether the token was given in a session: no two have the same sid.
func (h *idTokenHint) of(in *storage.SignedIn) bool {
	return h != nil && h.Sid == in.Session.Sid
}
