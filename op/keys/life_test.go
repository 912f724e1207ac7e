package keys_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// The owners of the table below: the provider, whose tokens go to a site that reads
// the key set each hour and to one that has said nothing, a connector that reads it
// too, and one that holds a pasted key.
const (
	provider, reading, pasted int64 = 0, 1, 2
)

// noon is when the steps of the table are decided about.
var noon = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// ago is so long before noon.
func ago(d time.Duration) time.Time { return noon.Add(-d) }

func lifeOf(others ...*storage.SigningKey) *keys.Life {
	client := func(id int64, name string, refresh storage.Seconds, cloud *liveperson.ConversationalCloud) *storage.Client {
		return &storage.Client{
			ID: id, ClientID: name, ResponseTypes: []string{"code"}, IDTokenSignedResponseAlg: keys.RS256, IDTokenLifetime: 3600,
			AccessTokenLifetime: 7200, JWKSRefresh: refresh, ConversationalCloud: cloud,
		}
	}
	return &keys.Life{
		Keys: others, Now: noon, Settings: keys.DefaultSettings(),
		Clients: []*storage.Client{
			client(reading, "reading", 0, &liveperson.ConversationalCloud{IDPCertificateType: liveperson.CertificateJWKS}),
			client(pasted, "pasted", 0, &liveperson.ConversationalCloud{}),
			client(3, "hourly", 3600, nil), client(4, "silent", 0, nil),
		},
	}
}

// keyIn is a key that came into its state two days ago.
func keyIn(owner int64, state string) *storage.SigningKey {
	key := &storage.SigningKey{ID: 10, ClientID: owner, Kid: "key-" + state, Alg: keys.RS256, State: state, CreatedAt: ago(10 * 24 * time.Hour)}
	if state != keys.Deleted {
		key.PrivateSealed = []byte("sealed")
	}
	at := ago(48 * time.Hour)
	for _, step := range map[string][]*time.Time{
		keys.Published: {&key.PublishedAt},
		keys.Active:    {&key.PublishedAt, &key.ActivatedAt},
		keys.Retired:   {&key.PublishedAt, &key.ActivatedAt, &key.RetiredAt},
		keys.Deleted:   {&key.PublishedAt, &key.ActivatedAt, &key.RetiredAt, &key.DeletedAt},
	}[state] {
		*step = at
	}
	return key
}

// TestEveryTransition decides about each step from each state, under each condition
// that it depends on.
func TestEveryTransition(t *testing.T) {
	t.Parallel()
	type change func(*keys.Life, *storage.SigningKey)
	published := func(at time.Time) change { return func(_ *keys.Life, k *storage.SigningKey) { k.PublishedAt = at } }
	retired := func(at time.Time) change { return func(_ *keys.Life, k *storage.SigningKey) { k.RetiredAt = at } }
	lost := func(_ *keys.Life, k *storage.SigningKey) { k.PrivateSealed = nil }
	ended := func(at time.Time) change { return func(_ *keys.Life, k *storage.SigningKey) { k.TokensUntil = at } }
	beside := func(state string) change {
		return func(l *keys.Life, k *storage.SigningKey) {
			other := keyIn(k.ClientID, state)
			other.ID, other.Kid = 11, "other"
			l.Keys = append(l.Keys, other)
		}
	}
	es256 := func(_ *keys.Life, k *storage.SigningKey) { k.Alg = keys.ES256 }
	instances := func(counters ...int64) change {
		return func(l *keys.Life, k *storage.SigningKey) {
			k.PublishedCounter = 7
			for _, counter := range counters {
				l.Instances = append(l.Instances, storage.Instance{Counter: counter})
			}
		}
	}
	const behind = "1 of 3 instances do not publish it yet: each does within a second, or counts no more soon after it was cut off"
	const (
		gone     = "it is deleted, and its private half gone"
		unopened = "its private half is lost: no master key opens it any more"
	)
	until := func(d time.Duration) string { return noon.Add(d).Format(time.RFC3339) }

	covered := map[string]bool{}
	for _, row := range []struct {
		state     string
		step      keys.Step
		owner     int64
		condition string
		change    []change
		refusal   string   // never possible, and why
		breaks    []string // whom it would break, until when
	}{
		{state: keys.Created, step: keys.Publish},
		{state: keys.Created, step: keys.Publish, owner: pasted, condition: "a pasted key", change: []change{beside(keys.Active)}},
		{state: keys.Published, step: keys.Publish, refusal: "it is published already"},
		{state: keys.Active, step: keys.Publish, refusal: "it is active, and published"},
		{state: keys.Retired, step: keys.Publish, refusal: "it is retired, and still published"},
		{state: keys.Deleted, step: keys.Publish, refusal: gone},

		{state: keys.Created, step: keys.Publish, condition: "its master key is lost", change: []change{lost}, refusal: unopened},
		{state: keys.Retired, step: keys.Activate, condition: "its master key is lost", change: []change{beside(keys.Active), lost}, refusal: unopened},
		{state: keys.Created, step: keys.Activate, refusal: "it is not published yet"},
		{state: keys.Published, step: keys.Activate, change: []change{beside(keys.Active)}},
		{
			state: keys.Published, step: keys.Activate, condition: "just published", change: []change{beside(keys.Active), published(noon)},
			breaks: []string{"hourly " + until(61*time.Minute), "silent " + until(6*time.Minute)},
		},
		{
			state: keys.Published, step: keys.Activate, condition: "longer than the key set is kept", change: []change{beside(keys.Active), published(ago(6 * time.Minute))},
			breaks: []string{"hourly " + until(55*time.Minute)},
		},
		{
			state: keys.Published, step: keys.Activate, condition: "a moment too early for all", change: []change{beside(keys.Active), published(ago(61*time.Minute - time.Second))},
			breaks: []string{"hourly " + until(time.Second)},
		},
		{state: keys.Published, step: keys.Activate, condition: "in the moment when all have read it", change: []change{beside(keys.Active), published(ago(61 * time.Minute))}},
		{
			state: keys.Published, step: keys.Activate, condition: "the first key of its owner", change: []change{published(noon)},
			breaks: []string{"hourly " + until(61*time.Minute), "silent " + until(6*time.Minute)},
		},
		{state: keys.Published, step: keys.Activate, condition: "of an algorithm that nobody reads", change: []change{published(noon), es256}},
		{
			state: keys.Published, step: keys.Activate, owner: reading, condition: "a connector that reads the key set", change: []change{beside(keys.Active), published(ago(time.Minute))},
			breaks: []string{"reading " + until(5*time.Minute)},
		},
		{state: keys.Published, step: keys.Activate, owner: reading, condition: "and has read it", change: []change{beside(keys.Active), published(ago(6 * time.Minute))}},
		{state: keys.Published, step: keys.Activate, owner: pasted, condition: "a pasted key", change: []change{beside(keys.Active)}, breaks: []string{"pasted"}},
		{state: keys.Published, step: keys.Activate, owner: pasted, condition: "a pasted key of before", change: []change{beside(keys.Retired)}, breaks: []string{"pasted"}},
		{state: keys.Published, step: keys.Activate, owner: pasted, condition: "the first key, which alone can be pasted", change: []change{published(noon)}},
		{state: keys.Published, step: keys.Activate, owner: pasted, condition: "beside others that have never signed", change: []change{beside(keys.Created), beside(keys.Deleted)}},
		{state: keys.Published, step: keys.Activate, condition: "an instance does not publish it", change: []change{beside(keys.Active), instances(7, 6, 8)}, refusal: behind},
		{state: keys.Published, step: keys.Activate, condition: "every instance publishes it", change: []change{beside(keys.Active), instances(7, 7, 8)}},
		{state: keys.Retired, step: keys.Activate, condition: "the way back, which an instance does not publish", change: []change{beside(keys.Active), instances(7, 6, 8)}, refusal: behind},
		{state: keys.Active, step: keys.Activate, refusal: "it is active already"},
		{state: keys.Retired, step: keys.Activate, condition: "the way back", change: []change{beside(keys.Active), retired(ago(time.Second))}},
		{state: keys.Retired, step: keys.Activate, owner: pasted, condition: "the way back of a pasted key", change: []change{beside(keys.Active)}, breaks: []string{"pasted"}},
		{state: keys.Deleted, step: keys.Activate, refusal: gone},

		{state: keys.Created, step: keys.Retire, refusal: "it has never signed: delete it"},
		{state: keys.Published, step: keys.Retire, refusal: "it has never signed: delete it"},
		{state: keys.Active, step: keys.Retire, refusal: "the provider always has one for RS256: another has to be activated in its place"},
		{state: keys.Active, step: keys.Retire, condition: "of an algorithm that nobody has", change: []change{es256}},
		{
			state: keys.Active, step: keys.Retire, condition: "of an algorithm that a client has", breaks: []string{"silent"},
			change: []change{es256, func(l *keys.Life, _ *storage.SigningKey) { l.Clients[3].IDTokenSignedResponseAlg = keys.ES256 }},
		},
		{state: keys.Active, step: keys.Retire, owner: reading, breaks: []string{"reading"}},
		{state: keys.Active, step: keys.Retire, owner: pasted, breaks: []string{"pasted"}},
		{state: keys.Retired, step: keys.Retire, refusal: "it is retired already"},
		{state: keys.Deleted, step: keys.Retire, refusal: gone},

		{state: keys.Created, step: keys.Delete},
		{state: keys.Created, step: keys.Delete, owner: pasted},
		{state: keys.Published, step: keys.Delete, change: []change{published(noon)}},
		{state: keys.Published, step: keys.Delete, owner: pasted, condition: "pasted ahead", breaks: []string{"pasted"}},
		{state: keys.Active, step: keys.Delete, refusal: "it signs: another has to be activated in its place, or it has to be retired"},
		{state: keys.Retired, step: keys.Delete, condition: "long after its last token"},
		{
			state: keys.Retired, step: keys.Delete, condition: "just retired", change: []change{retired(noon)},
			breaks: []string{"hourly " + until(25*time.Hour+time.Minute), "silent " + until(25*time.Hour+time.Minute)},
		},
		{
			state: keys.Retired, step: keys.Delete, condition: "a token of before lives longer than those of now", change: []change{ended(noon.Add(time.Hour))},
			breaks: []string{"hourly " + until(25*time.Hour+time.Minute), "silent " + until(25*time.Hour+time.Minute)},
		},
		{
			state: keys.Retired, step: keys.Delete, condition: "access tokens that live longer than ID tokens", breaks: []string{"hourly " + until(26*time.Hour+time.Minute), "silent " + until(26*time.Hour+time.Minute)},
			change: []change{retired(noon), func(l *keys.Life, _ *storage.SigningKey) { l.Clients[2].AccessTokenFormat = storage.AccessTokenJWT }},
		},
		{
			state: keys.Retired, step: keys.Delete, condition: "a moment too early", change: []change{retired(ago(25*time.Hour + time.Minute - time.Second))},
			breaks: []string{"hourly " + until(time.Second), "silent " + until(time.Second)},
		},
		{state: keys.Retired, step: keys.Delete, condition: "in the moment", change: []change{retired(ago(25*time.Hour + time.Minute))}},
		{state: keys.Deleted, step: keys.Delete, refusal: "it is deleted already"},
	} {
		covered[row.state+" "+string(row.step)] = true
		t.Run(strings.TrimSpace(fmt.Sprint(row.step, " what is ", row.state, ", ", []string{"of the provider", "of reading", "of pasted"}[row.owner], " ", row.condition)), func(t *testing.T) {
			t.Parallel()
			key := keyIn(row.owner, row.state)
			life := lifeOf(key)
			for _, change := range row.change {
				change(life, key)
			}
			v := life.Decide(row.step, key)
			var breaks []string
			for _, b := range v.Breaks {
				text := b.ClientID
				if !b.Until.IsZero() {
					text += " " + b.Until.Format(time.RFC3339)
				}
				breaks = append(breaks, text)
			}
			if diff := cmp.Diff(row.breaks, breaks); v.Refusal != row.refusal || diff != "" {
				t.Errorf("refused for %q, want %q; breaks (-want +got):\n%s", v.Refusal, row.refusal, diff)
			}
			if err := v.Err(false); (err == nil) != (row.refusal == "" && row.breaks == nil) {
				t.Errorf("without force: %v", err)
			}
			refused, isRefused := errors.AsType[*keys.RefusedError](v.Err(true))
			if isRefused != (row.refusal != "") || isRefused && refused.Forcible() {
				t.Errorf("with force: %v", v.Err(true))
			}
			hasActive := slices.ContainsFunc(life.Keys, func(k *storage.SigningKey) bool { return k.State == keys.Active && k != key })
			if retires := v.Retires != nil; retires != (hasActive && row.step == keys.Activate && row.refusal == "") {
				t.Errorf("retires another: %v", retires)
			}
			if row.refusal == "" && v.To != map[keys.Step]string{keys.Publish: keys.Published, keys.Activate: keys.Active, keys.Retire: keys.Retired, keys.Delete: keys.Deleted}[row.step] {
				t.Errorf("leads to %q", v.To)
			}
		})
	}
	for _, state := range []string{keys.Created, keys.Published, keys.Active, keys.Retired, keys.Deleted} {
		for _, step := range keys.Steps {
			if !covered[state+" "+string(step)] {
				t.Errorf("%s what is %s is in no row", step, state)
			}
		}
	}
}

// The sentence of a refusal names whom, why and until when.
func TestRefusedStepSaysWhomItWouldBreak(t *testing.T) {
	t.Parallel()
	key := keyIn(provider, keys.Published)
	key.PublishedAt = noon
	life := lifeOf(key)
	for step, want := range map[keys.Step]string{
		keys.Publish: "publish key key-published: it is published already",
		keys.Activate: "activate key key-published: would break hourly (it reads the key set each 1h0m0s, until 2026-07-01T13:01:00Z); " +
			"silent (it may keep the key set for 5m0s, until 2026-07-01T12:06:00Z)",
	} {
		if got := life.Decide(step, key).Err(false); got == nil || got.Error() != want {
			t.Errorf("got  %v\nwant %s", got, want)
		}
	}
}

func TestStatusOfAKey(t *testing.T) {
	t.Parallel()
	active, retired, next := keyIn(pasted, keys.Active), keyIn(provider, keys.Retired), keyIn(provider, keys.Published)
	retired.RetiredAt, next.PublishedAt = noon, noon
	life := lifeOf(active, retired, next)
	for _, test := range []struct {
		key  *storage.SigningKey
		want keys.Status
	}{
		{active, keys.Status{
			ClientID: "pasted", Since: ago(48 * time.Hour), MayBePasted: []string{"pasted"}, TokensUntil: noon.Add(time.Hour),
			Next: []keys.Next{{Step: keys.Retire, Breaks: []string{"pasted"}}},
		}},
		{retired, keys.Status{
			Since: noon, MayBePasted: []string{}, TokensUntil: noon.Add(time.Hour),
			Next: []keys.Next{{Step: keys.Activate}, {Step: keys.Delete, From: noon.Add(25*time.Hour + time.Minute)}},
		}},
		{next, keys.Status{
			Since: noon, MayBePasted: []string{},
			Next: []keys.Next{{Step: keys.Activate, From: noon.Add(61 * time.Minute)}, {Step: keys.Delete}},
		}},
	} {
		test.want.Kid, test.want.Alg, test.want.State, test.want.CreatedAt = test.key.Kid, test.key.Alg, test.key.State, test.key.CreatedAt
		if diff := cmp.Diff(test.want, life.Status(test.key)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.key.State, diff)
		}
	}
}

func TestFindByTheBeginningOfAKid(t *testing.T) {
	t.Parallel()
	rows := []*storage.SigningKey{{Kid: "ab"}, {Kid: "abc"}, {Kid: "xyz"}}
	for kid, want := range map[string]string{"ab": "ab", "abc": "abc", "x": "xyz", "a": "", "": "", "q": "", "abcd": ""} {
		got, err := keys.Find(rows, kid)
		if (err == nil) != (want != "") || err == nil && got.Kid != want {
			t.Errorf("%q: %v, %v", kid, got, err)
		}
	}
	if _, err := keys.Find(rows, "a"); !errors.Is(err, keys.ErrAmbiguous) {
		t.Errorf("%v", err)
	}
}
