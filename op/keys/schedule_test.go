package keys_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

const days = 24 * time.Hour

// scheduleOf replaces an owner's keys each 90 days.
func scheduleOf(owner int64) *storage.KeySchedule {
	return &storage.KeySchedule{ClientID: owner, Alg: keys.RS256, Every: 90 * days, Wait: days, Keep: 2 * days}
}

func TestScheduleThatWouldBreakSomebodyIsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		owner  int64
		change func(*storage.KeySchedule)
		want   string
	}{
		"good":                      {provider, func(*storage.KeySchedule) {}, ""},
		"of a connector that reads": {reading, func(*storage.KeySchedule) {}, ""},
		"a pasted key":              {pasted, func(*storage.KeySchedule) {}, `client "pasted": it may hold a pasted public key`},
		"a short wait":              {provider, func(s *storage.KeySchedule) { s.Wait = time.Hour }, `wait: must be at least 1h1m0s, or client "hourly" might not know the new key`},
		"the shortest wait":         {provider, func(s *storage.KeySchedule) { s.Wait = 61 * time.Minute }, ""},
		"shorter than key sets are": {reading, func(s *storage.KeySchedule) { s.Wait = 6*time.Minute - 1 }, `wait: must be at least 6m0s, or client "reading"`},
		"not kept long":             {provider, func(s *storage.KeySchedule) { s.Keep = 25 * time.Hour }, "keep: must be at least 25h1m0s"},
		"more often than it waits":  {provider, func(s *storage.KeySchedule) { s.Every = days }, "every: must be longer than wait"},
		"of an algorithm of nobody": {provider, func(s *storage.KeySchedule) { s.Alg, s.Wait = keys.ES256, 6*time.Minute }, ""},
		"shorter, and of nobody":    {provider, func(s *storage.KeySchedule) { s.Alg, s.Wait = keys.ES256, 6*time.Minute-1 }, "wait: must be at least 6m0s, or who reads the key set"},
	} {
		s := scheduleOf(test.owner)
		test.change(s)
		err := lifeOf().CheckSchedule(s)
		if (err == nil) != (test.want == "") || err != nil && !strings.HasPrefix(err.Error(), test.want) || errors.Is(err, keys.ErrPasted) != (test.owner == pasted) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// TestWhatAScheduleDoesNext follows from the keys alone.
func TestWhatAScheduleDoesNext(t *testing.T) {
	t.Parallel()
	key := func(owner int64, state string, change func(*storage.SigningKey)) *storage.SigningKey {
		k := keyIn(owner, state)
		change(k)
		return k
	}
	activated := func(at time.Time) func(*storage.SigningKey) {
		return func(k *storage.SigningKey) { k.ActivatedAt = at }
	}
	published := func(at time.Time) func(*storage.SigningKey) {
		return func(k *storage.SigningKey) { k.PublishedAt = at }
	}
	retired := func(at time.Time) func(*storage.SigningKey) {
		return func(k *storage.SigningKey) { k.RetiredAt = at }
	}
	same := func(*storage.SigningKey) {}
	activation := noon.Add(-80 * days) // so the next is in ten days
	for name, test := range map[string]struct {
		owner  int64
		keys   []*storage.SigningKey
		step   keys.Step
		at     time.Time
		awaits string
	}{
		"none yet":        {provider, []*storage.SigningKey{key(provider, keys.Active, activated(activation))}, keys.Create, noon.Add(9 * days), ""},
		"one was made":    {provider, []*storage.SigningKey{key(provider, keys.Active, activated(activation)), key(provider, keys.Created, same)}, keys.Publish, noon.Add(9 * days), ""},
		"published early": {provider, []*storage.SigningKey{key(provider, keys.Active, activated(activation)), key(provider, keys.Published, published(noon))}, keys.Activate, noon.Add(10 * days), ""},
		"published late":  {provider, []*storage.SigningKey{key(provider, keys.Active, activated(noon.Add(-90*days))), key(provider, keys.Published, published(noon))}, keys.Activate, noon.Add(days), ""},
		"a published one before one that was made": {
			provider,
			[]*storage.SigningKey{key(provider, keys.Created, same), key(provider, keys.Published, published(noon)), key(provider, keys.Active, activated(activation)), key(provider, keys.Created, same)},
			keys.Activate, noon.Add(10 * days), "",
		},
		"overdue":             {provider, []*storage.SigningKey{key(provider, keys.Active, activated(noon.Add(-100*days)))}, keys.Create, noon.Add(-11 * days), ""},
		"one is retired":      {provider, []*storage.SigningKey{key(provider, keys.Active, activated(noon)), key(provider, keys.Retired, retired(noon))}, keys.Delete, noon.Add(2 * days), ""},
		"tokens outlive keep": {provider, []*storage.SigningKey{key(provider, keys.Active, activated(noon)), key(provider, keys.Retired, func(k *storage.SigningKey) { k.RetiredAt, k.TokensUntil = noon, noon.Add(5*days) })}, keys.Delete, noon.Add(6*days + time.Minute), ""},
		"keys of others":      {provider, []*storage.SigningKey{key(provider, keys.Active, activated(activation)), key(reading, keys.Retired, same), key(reading, keys.Published, same)}, keys.Create, noon.Add(9 * days), ""},
		"a leaked one":        {provider, []*storage.SigningKey{key(provider, keys.Active, activated(activation)), key(provider, keys.Retired, func(k *storage.SigningKey) { k.RevokedAt = noon })}, keys.Create, noon.Add(9 * days), ""},
		"none signs":          {provider, []*storage.SigningKey{key(provider, keys.Published, same)}, keys.Activate, noon, "no key signs that another could take the place of"},
		"none signs, and one is retired": {
			provider, []*storage.SigningKey{key(provider, keys.Published, same), key(provider, keys.Retired, retired(noon))}, keys.Delete, noon.Add(2 * days), "",
		},
		"a connector that holds a pasted key by now": {
			pasted,
			[]*storage.SigningKey{key(pasted, keys.Active, activated(noon.Add(-90*days))), key(pasted, keys.Published, same)},
			keys.Activate, noon, "would break pasted: it may hold another key, pasted: this one has to be pasted there first",
		},
	} {
		plan := lifeOf(test.keys...).Plan(scheduleOf(test.owner))
		if plan.Step != test.step || !plan.At.Equal(test.at) || plan.Awaits != test.awaits {
			t.Errorf("%s: %s at %v, awaits %q; want %s at %v, %q", name, plan.Step, plan.At, plan.Awaits, test.step, test.at, test.awaits)
		}
		if due := plan.Due(test.at); due != (test.awaits == "") || plan.Due(test.at.Add(-time.Second)) {
			t.Errorf("%s: due %v", name, due)
		}
	}
}
