package keys

import (
	"time"

	"github.com/brandidp/idp/storage"
)

// Affected is a client that verified what a leaked key signed.
type Affected struct {
	ClientID string `json:"client_id"`
	// Paste is the public key that has to be pasted in the place of the leaked one: until
	// then the client accepts what a thief signs, and refuses what is signed here. "" for a
	// client that reads the key set.
	Paste string `json:"paste,omitempty"`
	// Until is when a client that reads the key set has forgotten the leaked key; the zero
	// value for one that has it pasted.
	Until time.Time `json:"until,omitzero"`
	// AccessTokens: others verify access tokens of this client by the key set (RFC 9068).
	AccessTokens bool `json:"access_tokens,omitempty"`
}

// Affected are all clients whose tokens a leaked key could have signed. next is made to
// sign in its place, nil if another does already.
func (l *Life) Affected(leaked, next *storage.SigningKey) ([]Affected, error) {
	all := []Affected{}
	if !isPublished(leaked) {
		return all, nil // nobody has ever known it
	}
	if next == nil {
		next, _ = ActiveOf(l.Keys, leaked.ClientID, leaked.Alg) // nil for none
	}
	for _, party := range l.parties(leaked) {
		affected := Affected{
			ClientID:     party.ClientID,
			AccessTokens: leaked.ClientID == 0 && leaked.Alg == RS256 && party.AccessTokenFormat == storage.AccessTokenJWT,
		}
		switch {
		case !party.pasted:
			affected.Until = l.Now.Add(max(l.Settings.JWKSMaxAge, party.JWKSRefresh.Duration()) + l.Settings.ViewLifetime).UTC()
		case next != nil:
			line, err := OneLine(next.PublicJWK)
			if err != nil {
				return nil, err
			}
			affected.Paste = line
		}
		all = append(all, affected)
	}
	return all, nil
}
