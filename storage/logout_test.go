package storage_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// leaver is a consumer with clients, who signs in and out.
type leaver struct {
	t        *testing.T
	url      string
	store    *storage.Store
	consumer *storage.Consumer
	clients  []int64
}

func newLeaver(t *testing.T, pooled bool) *leaver {
	t.Helper()
	l := &leaver{t: t, url: storagetest.New(t)}
	opts := storage.Options{URL: l.url, MaxConnections: 8}
	if pooled { // a pooler in transaction mode keeps no prepared statements
		opts.DirectURL = l.url + " "
	}
	var err error
	if l.store, err = storage.Open(t.Context(), opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.store.Close)
	l.consumer = &storage.Consumer{Username: "amelia", ManagedBy: "apply"}
	err = l.store.Administer(t.Context(), func(tx *storage.Tx) error {
		for _, id := range []string{"shop", "club"} {
			client := &storage.Client{ClientID: id}
			if err := tx.InsertClient(t.Context(), client); err != nil {
				return err
			}
			l.clients = append(l.clients, client.ID)
		}
		return tx.InsertConsumer(t.Context(), l.consumer, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func handle(name string) []byte {
	sum := sha256.Sum256([]byte(name))
	return sum[:]
}

// signIn makes a session whose handle and sid are of that name.
func (l *leaver) signIn(name string) (*storage.SignedIn, error) {
	return l.store.SignIn(l.t.Context(), storage.SignIn{
		HandleSHA256: handle(name), Sid: name, ConsumerID: l.consumer.ID, PasswordChangedAt: l.consumer.PasswordChangedAt,
		ACR: "loa1", AMR: []string{"pwd"}, Idle: time.Hour, Absolute: time.Hour,
	})
}

func (l *leaver) exec(sql string, args ...any) {
	l.t.Helper()
	conn, err := pgx.Connect(l.t.Context(), l.url)
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close(l.t.Context()) //nolint:errcheck // the test has its answer
	if _, err := conn.Exec(l.t.Context(), sql, args...); err != nil {
		l.t.Fatal(err)
	}
}

func (l *leaver) claim(limit int, clients ...int64) []storage.LogoutNotice {
	l.t.Helper()
	notices, err := l.store.ClaimLogoutNotices(l.t.Context(), storage.LogoutClaim{
		ClientIDs: clients, Limit: limit, Wait: 10 * time.Second, MaxWait: time.Minute,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return notices
}

func TestLogoutNotices(t *testing.T) {
	t.Parallel()
	for name, pooled := range map[string]bool{"direct": false, "behind a pooler": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeaver(t, pooled)
			in, err := l.signIn("one")
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if err := l.store.NoteClient(t.Context(), in.Session.ID, l.clients[0]); err != nil {
					t.Fatal(err)
				}
			}
			again, err := l.store.SessionByHandle(t.Context(), handle("one"))
			if err != nil || len(again.Noted) != 1 || again.Noted[0] != l.clients[0] {
				t.Fatalf("noted %v, %v", again, err)
			}
			if got := l.claim(9, l.clients...); len(got) != 0 {
				t.Fatalf("claimed %v before the session has ended", got)
			}
			if err := l.store.SignOut(t.Context(), handle("one")); err != nil {
				t.Fatal(err)
			}
			if err := l.store.NoteClient(t.Context(), in.Session.ID, l.clients[0]); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("a session that has ended is noted: %v", err)
			}
			if got := l.claim(9, l.clients[1]); len(got) != 0 {
				t.Errorf("another client's: %v", got)
			}
			for attempt := 1; attempt <= 4; attempt++ {
				got := l.claim(9, l.clients...)
				if len(got) != 1 || got[0].Attempt != attempt || got[0].Last || got[0].ClientID != l.clients[0] || got[0].Sid != "one" || got[0].Sub != l.consumer.Sub {
					t.Fatalf("attempt %d: %+v", attempt, got)
				}
				if got := l.claim(9, l.clients...); len(got) != 0 {
					t.Fatalf("attempt %d is claimed twice: %+v", attempt, got)
				}
				wait := min(10*time.Second<<(attempt-1), time.Minute)
				l.exec("update logout_notices set next_at = next_at - $1::interval", wait)
			}
			got := l.claim(9, l.clients...)
			if err := l.store.DeleteLogoutNotice(t.Context(), got[0].ID); err != nil {
				t.Fatal(err)
			}
			l.exec("update logout_notices set next_at = idp_now()")
			if got := l.claim(9, l.clients...); len(got) != 0 {
				t.Errorf("delivered and claimed: %+v", got)
			}
		})
	}
}

// Each notice is one claimer's, and no client gets more than its share at once.
func TestClaimersOfLogoutNotices(t *testing.T) {
	t.Parallel()
	l := newLeaver(t, false)
	const each = 60
	l.exec(`insert into logout_notices (client_id, sid, sub, expires_at)
		select c, 'sid', 'sub', idp_now() + interval '1 day' from unnest($1::bigint[]) c, generate_series(1, $2::int)`, l.clients, each)
	var (
		mu      sync.Mutex
		claimed = map[int64]int{}
		all     sync.WaitGroup
	)
	for range 8 {
		all.Go(func() {
			for {
				got := l.claim(5, l.clients...)
				share := map[int64]int{}
				mu.Lock()
				for _, notice := range got {
					claimed[notice.ID]++
					share[notice.ClientID]++
				}
				mu.Unlock()
				for _, n := range share {
					if n > 5 {
						t.Errorf("%d at once", n)
					}
				}
				if len(got) == 0 {
					return
				}
			}
		})
	}
	all.Wait()
	if len(claimed) != 2*each {
		t.Errorf("%d notices were claimed, of %d", len(claimed), 2*each)
	}
	for id, n := range claimed {
		if n != 1 {
			t.Errorf("notice %d was claimed %d times", id, n)
		}
	}
}

// Whoever ends sessions in another order than the rest meets a deadlock here. In the
// end each client that was noted has a notice for each session.
func TestSessionsEndedAtOnce(t *testing.T) {
	t.Parallel()
	l := newLeaver(t, false)
	var all sync.WaitGroup
	var mu sync.Mutex
	noted := map[string]bool{}
	for n := range 60 {
		all.Go(func() {
			name := fmt.Sprint("session ", n)
			in, err := l.signIn(name)
			if err != nil {
				t.Error(err)
				return
			}
			for _, client := range l.clients {
				switch err := l.store.NoteClient(t.Context(), in.Session.ID, client); {
				case err == nil:
					mu.Lock()
					noted[fmt.Sprint(name, client)] = true
					mu.Unlock()
				case !errors.Is(err, storage.ErrNotFound):
					t.Error(err)
				}
			}
			if n%3 == 0 {
				_, err = l.store.SignOutEverywhere(t.Context(), l.consumer.ID, storage.AuditEvent{})
			} else {
				err = l.store.SignOut(t.Context(), handle(name))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, notice := range l.claim(1000, l.clients...) {
		key := fmt.Sprint(notice.Sid, notice.ClientID)
		if !noted[key] {
			t.Errorf("a notice for %s, which was not noted, or the second", key)
		}
		delete(noted, key)
	}
	if len(noted) > 0 {
		t.Errorf("no notice for %v", noted)
	}
	if n, err := l.store.SignOutEverywhere(t.Context(), l.consumer.ID, storage.AuditEvent{}); n != 0 || err != nil {
		t.Errorf("%d sessions are left, %v", n, err)
	}
}
