package keys

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/brandidp/idp/storage"
)

// Errors of what a key is asked for by.
var (
	// ErrAmbiguous means that several keys have a kid that begins so.
	ErrAmbiguous = errors.New("not unique")
	// ErrShared means that a client has no keys of its own.
	ErrShared = errors.New("its tokens are signed by the provider's keys, as those of all clients that are no connectors")
	// ErrAlg means that an owner has no use for keys of an algorithm.
	ErrAlg = errors.New("not an algorithm of its tokens")
)

// LogoutTokenLifetime is that of logout tokens: what the specification recommends at
// most (Back-Channel Logout 1.0, 2.4).
const LogoutTokenLifetime = 2 * time.Minute

// party is a client that has to verify what a key signs.
type party struct {
	*storage.Client

	// longest is how long a token of its lives at most.
	longest time.Duration
	// pasted: it may hold a public key that somebody has pasted.
	pasted bool
}

// parties are all clients that a key signs for.
func (l *Life) parties(key *storage.SigningKey) []party {
	var parties []party
	for _, client := range l.Clients {
		if longest, signed := signs(key, client); signed {
			parties = append(parties, party{client, longest, key.ClientID != 0 && client.ConversationalCloud.HoldsPastedKey()})
		}
	}
	return parties
}

// signs tells whether a key signs something for a client, and how long that lives
// at most.
func signs(key *storage.SigningKey, client *storage.Client) (longest time.Duration, signed bool) {
	note := func(yes bool, lifetime time.Duration) {
		signed = signed || yes
		if yes && lifetime > longest {
			longest = lifetime
		}
	}
	owner := int64(0)
	if client.ConversationalCloud != nil {
		owner = client.ID
	}
	ofAlg, providers := key.Alg == client.IDTokenSignedResponseAlg, key.ClientID == 0
	idTokens := len(client.ResponseTypes) > 0 || client.TakesAssertions() || client.ConversationalCloud != nil
	note(idTokens && key.ClientID == owner && ofAlg, client.IDTokenLifetime.Duration())
	note(providers && key.Alg == RS256 && client.AccessTokenFormat == storage.AccessTokenJWT, client.AccessTokenLifetime.Duration())
	note(providers && key.Alg == client.UserinfoSignedResponseAlg, 0)
	note(providers && ofAlg && client.BackchannelLogoutURI != "", LogoutTokenLifetime)
	return longest, signed
}

// TokensUntil is when the last token ends that a key has signed; of an active key as
// if it had signed one now. It is the zero value for a key that has never signed.
func (l *Life) TokensUntil(key *storage.SigningKey) time.Time {
	longest := time.Duration(0)
	for _, party := range l.parties(key) {
		longest = max(longest, party.longest)
	}
	switch {
	case key.State == Active:
		return later(l.Now.Add(longest), key.TokensUntil)
	case !key.TokensUntil.IsZero():
		return key.TokensUntil
	case !key.RetiredAt.IsZero():
		return key.RetiredAt.Add(longest)
	default:
		return time.Time{}
	}
}

// Owner is whose keys sign a client's ID tokens, its own row or 0 for the provider,
// and the algorithm that a new key is for: alg, or "" for what the client has. A
// client_id of "" stands for the provider.
func (l *Life) Owner(clientID, alg string) (owner int64, keyAlg string, err error) {
	if clientID == "" {
		if alg == "" {
			alg = RS256
		}
		if !slices.Contains(Algs, alg) {
			return 0, "", fmt.Errorf("%q: %w", alg, ErrAlg)
		}
		return 0, alg, nil
	}
	i := slices.IndexFunc(l.Clients, func(c *storage.Client) bool { return c.ClientID == clientID })
	if i < 0 {
		return 0, "", fmt.Errorf("client %q: %w", clientID, storage.ErrNotFound)
	}
	client := l.Clients[i]
	switch {
	case client.ConversationalCloud == nil:
		return 0, "", fmt.Errorf("client %q: %w", clientID, ErrShared)
	case alg != "" && alg != client.IDTokenSignedResponseAlg:
		return 0, "", fmt.Errorf("client %q: %q: %w, which is %s", clientID, alg, ErrAlg, client.IDTokenSignedResponseAlg)
	}
	return client.ID, client.IDTokenSignedResponseAlg, nil
}
