package op_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

const days = 24 * time.Hour

// setSchedule has keys replaced each 90 days, published a day before, and kept for two.
func setSchedule(t *testing.T, p *webtest.Provider, of op.ScheduledKeys) {
	t.Helper()
	of.Audit = webtest.Operator
	if err := op.SetKeySchedule(t.Context(), p.Store, keys.DefaultSettings(), of, 90*days, days, 2*days); err != nil {
		t.Fatal(err)
	}
}

// statesOf are the states of the provider's keys for an algorithm, the oldest first.
func statesOf(t *testing.T, p *webtest.Provider, alg string) []string {
	t.Helper()
	rows, err := p.Store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, row := range rows {
		if row.ClientID == 0 && row.Alg == alg {
			states = append(states, row.State)
		}
	}
	return states
}

// TestKeysAreReplacedByASchedule: by whichever instance is first, and each step once.
func TestKeysAreReplacedByASchedule(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	instances := []*webtest.Provider{p, p.Another(), p.Another()}
	setSchedule(t, p, op.ScheduledKeys{})
	wantStates := func(when string, want ...string) {
		t.Helper()
		webtest.Eventually(t, when, func() bool { return cmp.Equal(statesOf(t, p, keys.RS256), want) })
	}
	old := kidsOf(t, p, "/jwks.json")
	p.Advance(89*days + time.Second)
	wantStates("the next key is published", "active", "published")
	for _, instance := range instances {
		webtest.Eventually(t, "each instance publishes both", func() bool { return len(kidsOf(t, instance, "/jwks.json")) == len(old)+1 })
	}
	p.Advance(days)
	wantStates("it signs", "retired", "active")
	b := amelia(t, p)
	webtest.Eventually(t, "it signs tokens", func() bool { return !slices.Contains(old, kidOf(t, b)) })
	p.Advance(2 * days)
	wantStates("the old one is deleted", "deleted", "active")
	p.Advance(87 * days) // the same again
	wantStates("the one after it is published", "deleted", "active", "published")

	want := []string{"keys.create", "keys.publish", "keys.retire", "keys.activate", "keys.delete", "keys.create", "keys.publish"}
	webtest.Eventually(t, "the events are as many", func() bool { return len(scheduleEvents(t, p)) >= len(want) })
	if diff := cmp.Diff(want, scheduleEvents(t, p)); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if n := webtest.Query[int](p, "select count(*) from key_schedules where taken_until > idp_now()"); n > 0 {
		t.Error("a schedule was not given back")
	}
}

// TestPausedScheduleDoesNothing while another goes on.
func TestPausedScheduleDoesNothing(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	es256, err := op.CreateKey(t.Context(), p.Store, op.NewKey{Audit: webtest.Operator, Alg: keys.ES256, Make: p.NewSigningKey})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []keys.Step{keys.Publish, keys.Activate} {
		p.Reload() // which publishes it
		if err := stepKey(t, p, step, es256.Kid, false); err != nil {
			t.Fatal(err)
		}
	}
	of, other := op.ScheduledKeys{Audit: webtest.Operator}, op.ScheduledKeys{Alg: keys.ES256, Audit: webtest.Operator}
	setSchedule(t, p, of)
	setSchedule(t, p, other) // is looked at after it
	if err := op.PauseKeySchedule(t.Context(), p.Store, of, true); err != nil {
		t.Fatal(err)
	}
	setSchedule(t, p, of) // does not resume it
	p.Advance(89*days + time.Second)
	webtest.Eventually(t, "the other goes on", func() bool { return len(statesOf(t, p, keys.ES256)) == 2 })
	p.Advance(days)
	webtest.Eventually(t, "and on", func() bool { return cmp.Equal(statesOf(t, p, keys.ES256), []string{"retired", "active"}) })
	if got := statesOf(t, p, keys.RS256); !cmp.Equal(got, []string{"active"}) {
		t.Errorf("the paused one has gone on: %v", got)
	}
	if err := op.PauseKeySchedule(t.Context(), p.Store, of, false); err != nil {
		t.Fatal(err)
	}
	webtest.Eventually(t, "it goes on", func() bool { return len(statesOf(t, p, keys.RS256)) == 2 })
	if err := op.RemoveKeySchedule(t.Context(), p.Store, of); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{op.RemoveKeySchedule(t.Context(), p.Store, of), op.PauseKeySchedule(t.Context(), p.Store, of, true)} {
		if !errors.Is(err, storage.ErrNotFound) {
			t.Errorf("one that is removed: %v", err)
		}
	}
}

// TestOneInstanceHasASchedule at a time.
func TestOneInstanceHasASchedule(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	setSchedule(t, p, op.ScheduledKeys{})
	id := webtest.Query[int64](p, "select id from key_schedules")
	take := func(want bool) {
		t.Helper()
		if taken, err := p.Store.TakeKeySchedule(t.Context(), id, time.Minute); err != nil || taken != want {
			t.Errorf("taken %v, %v; want %v", taken, err, want)
		}
	}
	take(true)
	take(false)
	if err := p.Store.GiveBackKeySchedule(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	take(true)
	p.Advance(time.Minute) // whoever had it has died
	take(true)
}

// scheduleEvents are the actions of the provider's schedule so far.
func scheduleEvents(t *testing.T, p *webtest.Provider) []string {
	t.Helper()
	events, err := p.Store.AuditEvents(t.Context(), storage.AuditFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, event := range events {
		if event.ActorKind == "schedule" && event.Actor == "the provider, RS256" {
			actions = append(actions, event.Action)
		}
	}
	return actions
}
