package op_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
	"github.com/brandidp/idp/web/webtest"
)

// trail is an audit trail in a database of its own.
type trail struct {
	t       *testing.T
	url     string
	store   *storage.Store
	keyring *seal.Keyring
	// ahead is how far the verifier's clock is ahead.
	ahead time.Duration
}

func newTrail(t *testing.T) *trail {
	t.Helper()
	tr := &trail{t: t, url: storagetest.New(t)}
	var err error
	if tr.store, err = storage.Open(t.Context(), storage.Options{URL: tr.url}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tr.store.Close)
	key := make([]byte, seal.MasterKeySize)
	if _, err := rand.Read(key); err != nil {
		t.Fatal(err)
	}
	opened, err := seal.Open(t.Context(), tr.store, seal.MasterKeyValue(base64.StdEncoding.EncodeToString(key)), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tr.keyring = opened.Keyring
	return tr
}

// tell writes events about targets, in one transaction.
func (tr *trail) tell(targets ...string) {
	tr.t.Helper()
	var events []storage.AuditEvent
	for _, target := range targets {
		events = append(events, storage.AuditEvent{
			Actor: "crm", ActorKind: "api_key", Action: "put-consumer", Target: target, TargetKind: "consumer", RequestID: "r",
			Before: json.RawMessage(`{"disabled": false}`), After: json.RawMessage(`{"disabled": true}`),
		})
	}
	if err := tr.store.Record(tr.t.Context(), storage.Recorded{Events: events}); err != nil {
		tr.t.Fatal(err)
	}
}

// seal seals all that was told.
func (tr *trail) seal() *op.AuditHead {
	tr.t.Helper()
	// Other tests have transactions on the same server, which are waited for.
	webtest.Eventually(tr.t, "all events are sealed", func() bool {
		all, err := op.SealAuditEvents(tr.t.Context(), tr.store, tr.keyring, rand.Reader)
		if err != nil {
			tr.t.Fatal(err)
		}
		return all
	})
	head, err := op.ReadAuditHead(tr.t.Context(), tr.store)
	if err != nil {
		tr.t.Fatal(err)
	}
	return head
}

func (tr *trail) exec(sql string, args ...any) {
	tr.t.Helper()
	conn := tr.connect()
	defer conn.Close(context.WithoutCancel(tr.t.Context())) //nolint:errcheck // it was executed
	if _, err := conn.Exec(tr.t.Context(), sql, args...); err != nil {
		tr.t.Fatal(err)
	}
}

func (tr *trail) connect() *pgx.Conn {
	tr.t.Helper()
	conn, err := pgx.Connect(tr.t.Context(), tr.url)
	if err != nil {
		tr.t.Fatal(err)
	}
	return conn
}

func (tr *trail) verify(head *op.AuditHead) *op.AuditReport {
	tr.t.Helper()
	report, err := op.VerifyAudit(tr.t.Context(), tr.store, tr.keyring, head, time.Now().Add(tr.ahead))
	if err != nil {
		tr.t.Fatal(err)
	}
	return report
}

// wantFaults compares the faults of a report with what they begin with.
func wantFaults(t *testing.T, report *op.AuditReport, want ...string) {
	t.Helper()
	got := []string{}
	for i, fault := range report.Faults {
		text := fmt.Sprintf("%d (%d,%d] %s", fault.Seal, fault.AfterEventID, fault.LastEventID, fault.Fault)
		if i < len(want) && strings.HasPrefix(text, want[i]) {
			text = want[i]
		}
		got = append(got, text)
	}
	if diff := cmp.Diff(append([]string{}, want...), got); diff != "" {
		t.Errorf("faults (-want +got):\n%s", diff)
	}
}

// The clock of the database, which whoever writes to it can set, does not decide what has
// expired: an event that was changed is seen, and seals that were cut off are.
func TestAuditEventsExpireByTheClockOfWhoVerifies(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.tell("amelia")
	tr.seal()
	tr.tell("rory")
	tr.seal()
	tr.exec("update audit_events set target = 'clara' where target = 'rory'; delete from audit_events where target = 'amelia'; delete from audit_seals where id = 1")
	tr.exec("create or replace function idp_now() returns timestamptz language sql as 'select clock_timestamp() + interval ''1000 days'''")
	wantFaults(t, tr.verify(nil), "2 (1,2] the seals before this one are missing", "2 (1,2] events were changed")
}

// A seal of another database, made over the same events, is none of this one's.
func TestAnAuditSealFromElsewhereIsSeen(t *testing.T) {
	t.Parallel()
	here, elsewhere := newTrail(t), newTrail(t)
	for _, tr := range []*trail{here, elsewhere} {
		tr.tell("amelia")
		tr.seal()
	}
	tail, err := elsewhere.store.AuditTail(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	here.exec("delete from audit_seals")
	if err := here.store.InsertAuditSeal(t.Context(), &tail.Last); err != nil {
		t.Fatal(err)
	}
	wantFaults(t, here.verify(nil), "1 (0,1] the seal was changed, or was not made here")
}

// A seal made after the end was cut off is another than that of the head.
func TestAnAuditTrailMadeAnewIsSeenByTheHead(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.tell("amelia")
	tr.seal()
	tr.tell("rory")
	head := tr.seal()
	tr.exec("delete from audit_seals where id = 2; update audit_events set target = 'clara' where target = 'rory'")
	tr.seal()
	wantFaults(t, tr.verify(nil))
	wantFaults(t, tr.verify(head), "2 (1,2] the seal is another than that of the head")
}

// Seals hold under a data key that was replaced, and those after it under the new one.
func TestAuditSealsOutliveTheirDataKey(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	tr.tell("amelia")
	tr.seal()
	if _, err := tr.keyring.Renew(t.Context(), tr.store, seal.Audit, storage.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	snapshot, err := tr.store.ReadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := tr.keyring.Update(snapshot.DataKeys, now); err != nil {
		t.Fatal(err)
	}
	tr.keyring.Advance(now.Add(seal.RenewalWait + time.Second))
	tr.tell("rory")
	tr.seal()
	if report := tr.verify(nil); report.Seals != 2 || report.Events != 2 {
		t.Errorf("%+v", report)
	}
	tr.wantDataKeys(2)
	wantFaults(t, tr.verify(nil))
}

// wantDataKeys counts those that seals are sealed by.
func (tr *trail) wantDataKeys(want int) {
	tr.t.Helper()
	conn := tr.connect()
	defer conn.Close(context.WithoutCancel(tr.t.Context())) //nolint:errcheck // only read from
	var got int
	if err := conn.QueryRow(tr.t.Context(), "select count(distinct substring(key_sealed for 9)) from audit_seals").Scan(&got); err != nil || got != want {
		tr.t.Errorf("%d data keys, want %d; %v", got, want, err)
	}
}

// Expired events go with their seals, whole batches from the first on, and what is left
// is still verified, with heads from before as well.
func TestExpiredAuditEventsGoWithTheirSeals(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	var heads []*op.AuditHead
	for day := range 4 {
		tr.tell("amelia", "rory")
		// Told so long ago. The second batch expires later than the third.
		tr.exec("update audit_events set expires_at = idp_now() + ($1 - 1) * interval '1 day' where expires_at > idp_now() + interval '300 days'", []int{0, 2, 1, 3}[day])
		heads = append(heads, tr.seal())
	}
	sweep := func(seals, events int64) {
		t.Helper()
		if _, err := tr.store.Sweep(t.Context()); err != nil {
			t.Fatal(err)
		}
		if report := tr.verify(nil); report.Seals != seals || report.Events != events {
			t.Errorf("%+v, want %d seals and %d events", report, seals, events)
		}
		wantFaults(t, tr.verify(nil))
	}
	wantFaults(t, tr.verify(heads[0]))
	sweep(3, 6)
	for _, head := range heads { // what the first seal was is still known
		wantFaults(t, tr.verify(head))
	}
	other := *heads[0]
	other.HMAC = heads[1].HMAC
	wantFaults(t, tr.verify(&other), "2 (2,4] the seal is another than that of the head")

	tr.exec(`create or replace function idp_now() returns timestamptz language sql as 'select clock_timestamp() + interval ''26 hours'''`)
	tr.ahead = 26 * time.Hour
	sweep(1, 2)
	if report := tr.verify(heads[0]); !report.HeadExpired || len(report.Faults) > 0 {
		t.Errorf("%+v", report)
	}
	tr.exec(`create or replace function idp_now() returns timestamptz language sql as 'select clock_timestamp() + interval ''9 days'''`)
	tr.ahead = 9 * 24 * time.Hour
	sweep(1, 0) // the last stays, for the next to follow on
	tr.tell("clara")
	tr.seal()
	sweep(1, 1)
}

// An event whose transaction ends late, and has a lower id than others that are there
// already, is sealed in its place, and nobody who reads on misses it.
func TestAnAuditEventThatComesLateIsNotMissed(t *testing.T) {
	t.Parallel()
	tr := newTrail(t)
	ctx := t.Context()
	begin := func() pgx.Tx {
		conn := tr.connect()
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(ctx)) })
		tx, err := conn.Begin(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	do := func(tx pgx.Tx, sql string) {
		t.Helper()
		if _, err := tx.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	const insert = `insert into audit_events (actor, actor_kind, action, target_kind, target, request_id) values ('crm', 'api_key', 'put-consumer', 'consumer', 'x', 'r')`
	early, late := begin(), begin()
	do(early, "select pg_current_xact_id()") // the lower transaction …
	do(late, insert)
	do(early, insert) // … with the higher id
	if err := early.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if all, err := op.SealAuditEvents(ctx, tr.store, tr.keyring, rand.Reader); all || err != nil {
		t.Errorf("sealed though a transaction is open: %v, %v", all, err)
	}
	if events, err := tr.store.AuditEvents(ctx, storage.AuditFilter{Limit: 10}); len(events) != 0 || err != nil {
		t.Errorf("%+v, %v", events, err)
	}
	if err := late.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	tr.seal()
	events, err := tr.store.AuditEvents(ctx, storage.AuditFilter{Limit: 10})
	if err != nil || len(events) != 2 || events[0].ID != 1 {
		t.Errorf("%+v, %v", events, err)
	}
	wantFaults(t, tr.verify(nil))
}

// Several instances seal while many write: each event is sealed once, and read once.
func TestInstancesSealTogether(t *testing.T) {
	t.Parallel()
	const writers, each, sealers = 8, 40, 3
	tr := newTrail(t)
	var writing, sealing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			for range each {
				tr.tell("amelia", "rory")
			}
		})
	}
	done := make(chan struct{})
	for range sealers {
		sealing.Go(func() {
			for {
				if _, err := op.SealAuditEvents(t.Context(), tr.store, tr.keyring, rand.Reader); err != nil {
					t.Error(err)
					return
				}
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	read, last := 0, int64(0)
	next := func() {
		events, err := tr.store.AuditEvents(t.Context(), storage.AuditFilter{After: last, Limit: 1000})
		if err != nil {
			t.Error(err)
		}
		for _, e := range events {
			read, last = read+1, e.ID
		}
	}
	written := make(chan struct{})
	go func() { writing.Wait(); close(written) }()
	for more := true; more; {
		next()
		select {
		case <-written:
			more = false
		default:
		}
	}
	close(done)
	sealing.Wait()
	head := tr.seal()
	next()
	report := tr.verify(head)
	wantFaults(t, report)
	if report.Events != 2*writers*each || report.Unsealed != 0 || read != 2*writers*each || report.Seals < 2 {
		t.Errorf("%+v, read %d", report, read)
	}
}

// A running provider seals by itself, and says when seals that it has seen are gone.
func TestARunningProviderSealsAndMissesSeals(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	sealed := func() bool {
		return webtest.Query[bool](p, "select coalesce((select max(id) from audit_events) = (select max(last_event_id) from audit_seals), false)")
	}
	tell := func() {
		t.Helper()
		if err := p.Store.Record(t.Context(), storage.Recorded{Events: []storage.AuditEvent{{Action: "put-consumer", Actor: "crm", ActorKind: storage.ActorAPIKey}}}); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		tell()
		webtest.Eventually(t, "the event is sealed", sealed)
	}
	const gone = "seals of audit events that were here are gone or others"
	if strings.Contains(p.Log.String(), gone) {
		t.Error("seals are missed that are there")
	}
	p.Exec("truncate audit_seals")
	webtest.Eventually(t, "it is said that seals are gone", func() bool { return strings.Contains(p.Log.String(), gone) })
	p.StopRunning()
	p.Another() // which takes over
	tell()
	webtest.Eventually(t, "the event is sealed", sealed)
}
