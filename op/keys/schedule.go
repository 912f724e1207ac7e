package keys

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/brandidp/idp/storage"
)

// How a key begins.
const (
	// Create makes a key; that of a schedule is published in the same moment.
	Create Step = "create"
	// Import brings in one that was made elsewhere.
	Import Step = "import"
)

// ErrPasted means that a connector may hold a pasted key, which no schedule can
// replace.
var ErrPasted = errors.New("it may hold a pasted public key, which nobody could paste anew in time: " +
	"conversational_cloud.idp_certificate_type has to be jwks_endpoint")

// ScheduleError is a time of a schedule that is not possible.
type ScheduleError struct {
	Field string // every, wait or keep
	Rule  string
}

// Error names field and rule.
func (e *ScheduleError) Error() string { return e.Field + ": " + e.Rule }

// CheckSchedule refuses a schedule that would break somebody, with ErrPasted, or whose
// times could never be kept, with a *ScheduleError.
func (l *Life) CheckSchedule(s *storage.KeySchedule) error {
	like := &storage.SigningKey{ClientID: s.ClientID, Alg: s.Alg, State: Active}
	for _, party := range l.parties(like) {
		if party.pasted {
			return fmt.Errorf("client %q: %w", party.ClientID, ErrPasted)
		}
		if least := l.wait(party) + l.Settings.ViewLifetime; s.Wait < least {
			return &ScheduleError{"wait", fmt.Sprintf("must be at least %s, or client %q might not know the new key", least, party.ClientID)}
		}
	}
	// A client may be made at any time.
	if least := l.Settings.JWKSMaxAge + l.Settings.ViewLifetime; s.Wait < least {
		return &ScheduleError{"wait", fmt.Sprintf("must be at least %s, or who reads the key set might not know the new key", least)}
	}
	if least := l.TokensUntil(like).Sub(l.Now) + l.Settings.Retain + l.Settings.ViewLifetime; s.Keep < least {
		return &ScheduleError{"keep", fmt.Sprintf("must be at least %s, or tokens might be alive that the key has signed", least)}
	}
	if s.Every <= s.Wait {
		return &ScheduleError{"every", "must be longer than wait"}
	}
	return nil
}

// Plan is what a schedule does next.
type Plan struct {
	Step Step                // "" for nothing
	Key  *storage.SigningKey // nil for Create
	At   time.Time           // not before
	// Awaits says what keeps the step from being made that time does not change.
	Awaits string
}

// Due tells whether the step is to be made now.
func (p *Plan) Due(now time.Time) bool { return p.Step != "" && p.Awaits == "" && !now.Before(p.At) }

// Plan tells what a schedule does next, and when: it follows from the keys as they
// are, whoever has made the steps before.
func (l *Life) Plan(s *storage.KeySchedule) *Plan {
	var active, next *storage.SigningKey
	var plans []*Plan
	for _, key := range l.Keys {
		if key.ClientID != s.ClientID || key.Alg != s.Alg || !key.RevokedAt.IsZero() {
			continue
		}
		switch key.State {
		case Active:
			active = key
		case Published:
			if next == nil || next.State == Created {
				next = key
			}
		case Created:
			if next == nil {
				next = key
			}
		case Retired:
			plans = append(plans, l.plan(Delete, key, key.RetiredAt.Add(s.Keep)))
		}
	}
	if active == nil {
		plans = append(plans, &Plan{Step: Activate, Key: next, Awaits: "no key signs that another could take the place of", At: l.Now})
	} else {
		due := active.ActivatedAt.Add(s.Every)
		switch {
		case next == nil:
			plans = append(plans, &Plan{Step: Create, At: due.Add(-s.Wait)})
		case next.State == Created:
			plans = append(plans, l.plan(Publish, next, due.Add(-s.Wait)))
		default:
			plans = append(plans, l.plan(Activate, next, later(due, next.PublishedAt.Add(s.Wait))))
		}
	}
	// What has to wait for somebody does not hold up what has not.
	return slices.MinFunc(plans, func(a, b *Plan) int {
		if (a.Awaits == "") != (b.Awaits == "") {
			return map[bool]int{true: -1, false: 1}[a.Awaits == ""]
		}
		return a.At.Compare(b.At)
	})
}

// plan is a step not before a time, nor before it breaks nobody any more.
func (l *Life) plan(step Step, key *storage.SigningKey, at time.Time) *Plan {
	plan := &Plan{Step: step, Key: key, At: at}
	v := l.Decide(step, key)
	if v.Refusal != "" && step != Activate { // that of Activate passes by itself
		plan.Awaits = v.Refusal
	}
	for _, b := range v.Breaks {
		if b.Until.IsZero() {
			plan.Awaits = "would break " + b.ClientID + ": " + b.Why
		}
		plan.At = later(plan.At, b.Until)
	}
	return plan
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
