package storage_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

const (
	amelia  = "amelia"
	account = int64(1)<<20 | 7
	address = int64(2)<<20 | 7
	laptop  = int64(3)<<20 | 7
	phone   = int64(3)<<20 | 8
)

// throttled is a database with one consumer, amelia, and a clock that the test moves.
type throttled struct {
	t     *testing.T
	store *storage.Store
	conn  *pgx.Conn
	now   time.Time
}

func newThrottled(t *testing.T) *throttled {
	t.Helper()
	url := storagetest.New(t)
	store, err := storage.Open(t.Context(), storage.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	th := &throttled{t: t, store: store, conn: conn, now: time.Date(2030, 1, 1, 12, 0, 0, 0, time.UTC)}
	th.pass(0)
	err = store.Administer(t.Context(), func(tx *storage.Tx) error {
		consumer := storage.Consumer{Username: amelia, PasswordHash: "$2b$12$" + "x", ManagedBy: "apply"}
		return tx.InsertConsumer(t.Context(), &consumer, []storage.Identifier{{Value: amelia, Kind: "username"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	return th
}

// pass moves the database's clock.
func (th *throttled) pass(d time.Duration) {
	th.t.Helper()
	th.now = th.now.Add(d)
	_, err := th.conn.Exec(th.t.Context(), fmt.Sprintf(`create or replace function idp_now() returns timestamptz
		language sql volatile parallel safe as $$ select timestamptz '%s' $$`, th.now.Format(time.RFC3339Nano)))
	if err != nil {
		th.t.Fatal(err)
	}
}

func (th *throttled) try(p storage.TrySignInParams) storage.TrySignInResult {
	th.t.Helper()
	result, err := th.store.TrySignIn(th.t.Context(), p)
	if err != nil {
		th.t.Fatal(err)
	}
	return result
}

// fail tries n times, each of which is admitted.
func (th *throttled) fail(n int, p storage.TrySignInParams) {
	th.t.Helper()
	for i := range n {
		if wait := th.try(p).RetryAfter; wait != 0 {
			th.t.Fatalf("try %d of %d has to wait %v", i+1, n, wait)
		}
	}
}

func (th *throttled) wantWait(want time.Duration, p storage.TrySignInParams) {
	th.t.Helper()
	result := th.try(p)
	if result.RetryAfter != want {
		th.t.Fatalf("the wait is %v, want %v", result.RetryAfter, want)
	}
	if want != 0 && result.Consumer != nil {
		th.t.Error("the consumer was read for a try that has to wait")
	}
}

// failures are the counts by bucket.
func (th *throttled) failures() map[int64]int {
	th.t.Helper()
	rows, err := th.conn.Query(th.t.Context(), "select bucket, failures from sign_in_throttle")
	if err != nil {
		th.t.Fatal(err)
	}
	counts := make(map[int64]int)
	var bucket int64
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&bucket, &n}, func() error { counts[bucket] = n; return nil }); err != nil {
		th.t.Fatal(err)
	}
	return counts
}

func (th *throttled) wantFailures(want map[int64]int) {
	th.t.Helper()
	if diff := cmp.Diff(want, th.failures()); diff != "" {
		th.t.Errorf("failures by bucket (-want +got):\n%s", diff)
	}
}

// stranger tries amelia's password from a device that nobody knows.
func stranger() storage.TrySignInParams {
	return storage.TrySignInParams{Identifier: amelia, AccountBucket: account, AddressBucket: address}
}

// elsewhere is a stranger at an address of his own each time.
func elsewhere(n int) storage.TrySignInParams {
	p := stranger()
	p.AddressBucket += int64(n) + 1
	return p
}

// known tries it from a device that has signed in before.
func (th *throttled) known(device int64) storage.TrySignInParams {
	th.t.Helper()
	consumer, err := th.store.FindConsumer(th.t.Context(), amelia)
	if err != nil {
		th.t.Fatal(err)
	}
	p := stranger()
	p.Device = &storage.Device{Bucket: device, ConsumerID: consumer.ID, PasswordChangedAt: consumer.PasswordChangedAt}
	return p
}
