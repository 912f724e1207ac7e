package op_test

import (
	"crypto/rand"
	"encoding/base64"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// reset gives the trail's database new keys.
func (tr *trail) reset() {
	tr.t.Helper()
	key := make([]byte, seal.MasterKeySize)
	if _, err := rand.Read(key); err != nil {
		tr.t.Fatal(err)
	}
	source := seal.MasterKeyValue(base64.StdEncoding.EncodeToString(key))
	_, _, err := op.ResetKeys(tr.t.Context(), tr.store, op.KeyReset{
		MasterKey: source, Settings: keys.DefaultSettings(), Rand: rand.Reader,
		Audit: storage.AuditEvent{Actor: "amelia", ActorKind: storage.ActorCommand, Action: "key reset", TargetKind: "database"},
	})
	if err != nil {
		tr.t.Fatal(err)
	}
	opened, err := seal.Open(tr.t.Context(), tr.store, source, rand.Reader)
	if err != nil {
		tr.t.Fatal(err)
	}
	tr.keyring = opened.Keyring
}

// After a reset of the keys, what was sealed before is told as not checked, and what is
// sealed since is checked as ever. There are the seals 1 and 2 of the events 1 to 3 and 4
// to 6, seal 3 of the reset, and seal 4 of the events 7, of the reset, and 8.
func TestAuditTrailAfterAKeyReset(t *testing.T) {
	t.Parallel()
	const (
		broken = "the seal was changed, or was not made here"
		first  = "1 (0,3] " + broken
		second = "2 (3,6] " + broken
	)
	for name, test := range map[string]struct {
		sql       string
		again     bool  // the keys are reset again
		unchecked int64 // seals
		head      bool  // that of seal 2, brought along
		faults    []string
	}{
		"nothing":                    {sql: "select 1", unchecked: 2},
		"a head from before":         {sql: "select 1", head: true, unchecked: 2},
		"a second reset":             {sql: "select 1", again: true, unchecked: 4},
		"an event after it":          {sql: "update audit_events set actor = 'rory' where id = 8", unchecked: 2, faults: []string{"4 (6,8] events were changed"}},
		"the event of the reset":     {sql: "delete from audit_events where id = 7", unchecked: 2, faults: []string{"4 (6,8] events are missing"}},
		"a seal after it":            {sql: "update audit_seals set events_sha256 = sha256('x') where id = 4", unchecked: 2, faults: []string{"4 (6,8] " + broken}},
		"the reset's time":           {sql: "update audit_seals set sealed_at = sealed_at - interval '1 day' where id = 3", faults: []string{first, second, "3 (6,6] " + broken}},
		"the reset deleted":          {sql: "delete from audit_seals where id = 3", faults: []string{first, second, "4 (6,8] seals are missing before this one"}},
		"a reset made up":            {sql: "update audit_seals set events = 0, after_event_id = last_event_id where id = 4", faults: []string{first, second, "4 (8,8] the seal does not follow", "4 (8,8] " + broken}},
		"the reset copied":           {sql: "insert into audit_seals select 5, after_event_id, last_event_id, events, events_sha256, previous_hmac, previous_expires_at, hmac, key_sealed, sealed_at, expires_at from audit_seals where id = 3", faults: []string{first, second, "5 (6,6] the seal does not follow", "5 (6,6] " + broken}},
		"an event before it":         {sql: "update audit_events set actor = 'rory' where id = 5", unchecked: 2, faults: []string{"2 (3,6] events were changed"}},
		"all before it":              {sql: "delete from audit_seals where id < 3; delete from audit_events where id < 7", faults: []string{"3 (6,6] the seals before this one are missing"}},
		"the last seal before it":    {sql: "update audit_seals set hmac = sha256('x') where id = 2", unchecked: 2, faults: []string{"3 (6,6] the seal does not follow"}},
		"that of a head before it":   {sql: "update audit_seals set hmac = sha256('x') where id = 2", head: true, unchecked: 2, faults: []string{"2 (3,6] the seal is another than that of the head", "3 (6,6] the seal does not follow"}},
		"an event, a digest to suit": {sql: "delete from audit_events where id = 5; update audit_seals set events = 2, events_sha256 = sha256('x') where id = 2", unchecked: 2, faults: []string{"2 (3,6] events were changed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tr := newTrail(t)
			tr.tell("amelia", "rory", "clara")
			tr.seal()
			tr.tell("amelia", "rory", "clara")
			head := tr.seal()
			tr.reset()
			tr.tell("rory")
			tr.seal()
			if test.again {
				tr.reset()
				tr.seal()
			}
			tr.exec(test.sql)
			if !test.head {
				head = nil
			}
			report := tr.verify(head)
			wantFaults(t, report, test.faults...)
			if report.Unchecked != test.unchecked || (report.KeyReset == nil) != (test.unchecked == 0) {
				t.Errorf("%+v", report)
			}
			if len(test.faults) == 0 && (report.UncheckedEvents < 6 || report.UncheckedEvents+report.Events+report.Unsealed < 8) {
				t.Errorf("%+v", report)
			}
		})
	}
}

// What cannot be opened since a reset is not in the way of sealing the rest anew.
func TestResealAfterAKeyReset(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.tell("amelia")
	tr.seal()
	tr.reset()
	if _, err := tr.keyring.Renew(t.Context(), tr.store, seal.Audit, storage.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	if err := tr.keyring.Reseal(t.Context(), tr.store, storage.AuditEvent{}, func(int64, int64) {}); err != nil {
		t.Error(err)
	}
	wantFaults(t, tr.verify(nil))
}
