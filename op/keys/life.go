package keys

import (
	"fmt"
	"strings"
	"time"

	"github.com/brandidp/idp/storage"
)

// Step is what is done to a key: one step of its life.
type Step string

// The steps. A key begins as Created; each step leads to the state of its name.
const (
	Publish  Step = "publish"
	Activate Step = "activate" // what was active retires in the same moment
	Retire   Step = "retire"
	Delete   Step = "delete"
)

// Revoke ends a key that has leaked, whatever it breaks. It is no step of a life.
const Revoke Step = "revoke"

// Steps are all of them, in the order of a life.
var Steps = []Step{Publish, Activate, Retire, Delete}

// transitions are what a step makes of a key, and from which states it is never
// possible, and why.
var transitions = map[Step]struct {
	to      string
	refused map[string]string
}{
	Publish: {Published, map[string]string{
		Published: "it is published already", Active: "it is active, and published", Retired: "it is retired, and still published", Deleted: isDeleted,
	}},
	Activate: {Active, map[string]string{
		Created: "it is not published yet", Active: "it is active already", Deleted: isDeleted,
	}},
	Retire: {Retired, map[string]string{
		Created: "it has never signed: delete it", Published: "it has never signed: delete it", Retired: "it is retired already", Deleted: isDeleted,
	}},
	Delete: {Deleted, map[string]string{
		Active: "it signs: another has to be activated in its place, or it has to be retired", Deleted: "it is deleted already",
	}},
	Revoke: {Deleted, map[string]string{
		Deleted: "it is deleted already: nothing that it signs is accepted here",
	}},
}

const isDeleted = "it is deleted, and its private half gone"

// Settings are the times that steps are decided by.
type Settings struct {
	// JWKSMaxAge is how long a key set may be kept by whoever has read it.
	JWKSMaxAge time.Duration
	// Retain is how long a retired key stays published after the last token that it
	// has signed.
	Retain time.Duration
	// ViewLifetime is how long an instance that has lost the database goes on with the
	// keys that it knew.
	ViewLifetime time.Duration
}

// DefaultSettings are those that hold where nothing else is said.
func DefaultSettings() Settings {
	return Settings{JWKSMaxAge: 5 * time.Minute, Retain: 24 * time.Hour, ViewLifetime: time.Minute}
}

// Life is all that a step is decided by, as of one moment.
type Life struct {
	Keys    []*storage.SigningKey
	Clients []*storage.Client
	// Instances are those that run.
	Instances []storage.Instance
	Settings  Settings
	Now       time.Time
	// Pasted is the kid of a key of which somebody says that the connector which owns it
	// holds it by now, pasted.
	Pasted string
}

// Verdict is what is decided about a step.
type Verdict struct {
	Step Step
	Key  *storage.SigningKey
	// To is the state that the step leads to.
	To string
	// Refusal says why the step is not possible; "" if it is.
	Refusal string
	// Behind is how many instances the step has to wait for: the one reason of Refusal that
	// passes by itself.
	Behind int
	// Breaks are the clients that would refuse tokens after the step, or lose theirs.
	Breaks []Break
	// Retires is the key that retires in the same moment, nil for none.
	Retires *storage.SigningKey
	// TokensUntil is when the last token ends that the key which retires has signed.
	TokensUntil time.Time
}

// Break is a client that a step would break.
type Break struct {
	ClientID string `json:"client_id"`
	Why      string `json:"why"`
	// Until is when the step breaks it no more, the zero value if time does not help.
	Until time.Time `json:"until,omitzero"`
}

// Decide decides about a step.
func (l *Life) Decide(step Step, key *storage.SigningKey) *Verdict {
	transition := transitions[step]
	v := &Verdict{Step: step, Key: key, To: transition.to, Refusal: transition.refused[key.State]}
	if v.Refusal == "" && (step == Publish || step == Activate) && key.Lost() {
		v.Refusal = "its private half is lost: no master key opens it any more"
	}
	if v.Refusal != "" {
		return v
	}
	switch step {
	case Create, Import, Publish: // break nobody
	case Revoke: // whoever it breaks
	case Activate:
		l.activate(v)
	case Retire:
		l.retire(v)
	case Delete:
		l.delete(v)
	}
	return v
}

// activate decides about a key that is published, or retired: the way back.
func (l *Life) activate(v *Verdict) {
	if v.Behind = l.behind(v.Key); v.Behind > 0 {
		v.Refusal = fmt.Sprintf("%d of %d instances do not publish it yet: each does within a second, or counts no more soon after it was cut off", v.Behind, len(l.Instances))
		return
	}
	inUse := false
	for _, other := range l.Keys {
		if other.ClientID != v.Key.ClientID || other.Alg != v.Key.Alg || other == v.Key {
			continue
		}
		inUse = inUse || !other.ActivatedAt.IsZero() && other.State != Deleted
		if other.State == Active {
			v.Retires, v.TokensUntil = other, l.TokensUntil(other)
		}
	}
	for _, party := range l.parties(v.Key) {
		if party.pasted {
			if inUse && v.Key.Kid != l.Pasted {
				v.Breaks = append(v.Breaks, Break{ClientID: party.ClientID, Why: "it may hold another key, pasted: this one has to be pasted there first"})
			}
			continue
		}
		wait, why := l.wait(party), "it may keep the key set for "
		if wait > l.Settings.JWKSMaxAge {
			why = "it reads the key set each "
		}
		if until := l.knownFrom(party, v.Key); l.Now.Before(until) {
			v.Breaks = append(v.Breaks, Break{ClientID: party.ClientID, Why: why + wait.String(), Until: until})
		}
	}
}

// wait is how long a client may go without reading the key set anew.
func (l *Life) wait(party party) time.Duration {
	return max(l.Settings.JWKSMaxAge, party.JWKSRefresh.Duration())
}

// knownFrom is when a client that reads the key set knows a published key for certain.
func (l *Life) knownFrom(party party, key *storage.SigningKey) time.Time {
	return key.PublishedAt.Add(l.wait(party) + l.Settings.ViewLifetime)
}

// KnownFrom is when every client that reads the key set knows a published key for
// certain: it may sign from then on.
func (l *Life) KnownFrom(key *storage.SigningKey) time.Time {
	from := key.PublishedAt
	for _, party := range l.parties(key) {
		from = later(from, l.knownFrom(party, key))
	}
	return from
}

// retire decides about a key that has none in its place.
func (l *Life) retire(v *Verdict) {
	if v.Key.ClientID == 0 && v.Key.Alg == RS256 {
		v.Refusal = "the provider always has one for RS256: another has to be activated in its place"
		return
	}
	v.TokensUntil = l.TokensUntil(v.Key)
	for _, party := range l.parties(v.Key) {
		v.Breaks = append(v.Breaks, Break{ClientID: party.ClientID, Why: "nothing would sign its tokens"})
	}
}

// behind is how many instances do not publish a key yet that is published.
func (l *Life) behind(key *storage.SigningKey) int {
	behind := 0
	for _, instance := range l.Instances {
		if instance.Counter < key.PublishedCounter {
			behind++
		}
	}
	return behind
}

func (l *Life) delete(v *Verdict) {
	for _, party := range l.parties(v.Key) {
		switch v.Key.State {
		case Published:
			if party.pasted {
				v.Breaks = append(v.Breaks, Break{ClientID: party.ClientID, Why: "it may hold this key already, pasted"})
			}
		case Retired:
			tokensUntil := l.TokensUntil(v.Key)
			if until := tokensUntil.Add(l.Settings.Retain + l.Settings.ViewLifetime); l.Now.Before(until) {
				v.Breaks = append(v.Breaks, Break{
					ClientID: party.ClientID, Until: until,
					Why: fmt.Sprintf("the last token that this key has signed ends at %s, and the key stays for keys.retain, %s, and %s after that",
						tokensUntil.UTC().Format(time.RFC3339), l.Settings.Retain, l.Settings.ViewLifetime),
				})
			}
		}
	}
}

// Err is why the step is not made: a *RefusedError, or nil. force makes one that
// breaks somebody, but none that is not possible.
func (v *Verdict) Err(force bool) error {
	if v.Refusal == "" && (force || len(v.Breaks) == 0) {
		return nil
	}
	return &RefusedError{v}
}

// RefusedError says that a step was not made.
type RefusedError struct{ Verdict *Verdict }

// Error says why, or whom the step would break.
func (e *RefusedError) Error() string {
	v := e.Verdict
	if v.Refusal != "" {
		return fmt.Sprintf("%s key %s: %s", v.Step, v.Key.Kid, v.Refusal)
	}
	breaks := make([]string, len(v.Breaks))
	for i, b := range v.Breaks {
		breaks[i] = b.ClientID + " (" + b.Why
		if !b.Until.IsZero() {
			breaks[i] += ", until " + b.Until.UTC().Format(time.RFC3339)
		}
		breaks[i] += ")"
	}
	return fmt.Sprintf("%s key %s: would break %s", v.Step, v.Key.Kid, strings.Join(breaks, "; "))
}

// Forcible tells a step that can be made all the same.
func (e *RefusedError) Forcible() bool { return e.Verdict.Refusal == "" }

// isPublished tells a key that is in the key sets.
func isPublished(row *storage.SigningKey) bool {
	return row.State != Created && row.State != Deleted
}

// Find gives the key of a kid, or of its beginning if no other has it.
func Find(rows []*storage.SigningKey, kid string) (*storage.SigningKey, error) {
	var found []*storage.SigningKey
	for _, row := range rows {
		if row.Kid == kid {
			return row, nil
		}
		if kid != "" && strings.HasPrefix(row.Kid, kid) {
			found = append(found, row)
		}
	}
	switch len(found) {
	case 0:
		return nil, fmt.Errorf("kid %q: %w", kid, storage.ErrNotFound)
	case 1:
		return found[0], nil
	default:
		return nil, fmt.Errorf("kid %q: %w: %d kids begin so", kid, ErrAmbiguous, len(found))
	}
}
