package keys

import (
	"time"

	"github.com/brandidp/idp/storage"
)

// Status is a key for reading.
type Status struct {
	Kid string `json:"kid"`
	Alg string `json:"alg"`
	// ClientID is the connector whose tokens the key signs, "" for the provider's,
	// which sign for all other clients.
	ClientID  string    `json:"client_id"`
	State     string    `json:"state"`
	Since     time.Time `json:"since"`
	CreatedAt time.Time `json:"created_at"`
	// RevokedAt is when a deleted key was revoked: somebody else may have it.
	RevokedAt time.Time `json:"revoked_at,omitzero"`
	// MayBePasted are the clients that may hold this key, pasted.
	MayBePasted []string `json:"may_be_pasted"`
	// TokensUntil is when the last token ends that the key has signed; of an active key
	// as if it had signed one now.
	TokensUntil time.Time `json:"tokens_until,omitzero"`
	// Next are the steps that may be made, now or later.
	Next []Next `json:"next"`
}

// Next is a step that may be made.
type Next struct {
	Step Step `json:"step"`
	// From is when it breaks nobody any more whom time helps; the zero value for now.
	From time.Time `json:"from,omitzero"`
	// Breaks are those whom it breaks whenever it is made.
	Breaks []string `json:"breaks,omitempty"`
	// Awaits says what it waits for that has no time of its own.
	Awaits string `json:"awaits,omitempty"`
}

// Status tells of a key.
func (l *Life) Status(key *storage.SigningKey) Status {
	status := Status{
		Kid: key.Kid, Alg: key.Alg, State: key.State, Since: since(key).UTC(), CreatedAt: key.CreatedAt.UTC(),
		MayBePasted: []string{}, Next: []Next{},
	}
	if !key.RevokedAt.IsZero() {
		status.RevokedAt = key.RevokedAt.UTC()
	}
	if until := l.TokensUntil(key); !until.IsZero() {
		status.TokensUntil = until.UTC()
	}
	for _, client := range l.Clients {
		if client.ID == key.ClientID {
			status.ClientID = client.ClientID
		}
	}
	if isPublished(key) {
		for _, party := range l.parties(key) {
			if party.pasted {
				status.MayBePasted = append(status.MayBePasted, party.ClientID)
			}
		}
	}
	for _, step := range Steps {
		if transitions[step].refused[key.State] == "" {
			status.Next = append(status.Next, l.next(step, key))
		}
	}
	return status
}

func (l *Life) next(step Step, key *storage.SigningKey) Next {
	v := l.Decide(step, key)
	next := Next{Step: step, Awaits: v.Refusal}
	for _, b := range v.Breaks {
		switch {
		case b.Until.IsZero():
			next.Breaks = append(next.Breaks, b.ClientID)
		case b.Until.After(next.From):
			next.From = b.Until.UTC()
		}
	}
	return next
}

// since is when a key came into its state.
func since(key *storage.SigningKey) time.Time {
	at := map[string]time.Time{
		Published: key.PublishedAt, Active: key.ActivatedAt, Retired: key.RetiredAt, Deleted: key.DeletedAt,
	}[key.State]
	if at.IsZero() {
		return key.CreatedAt
	}
	return at
}
