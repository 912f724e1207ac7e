package storage_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/storage"
)

// issue asks for a code that needs a consent.
func (l *leaver) issue(session int64, name string, consent ...string) error {
	return l.store.Issue(l.t.Context(), storage.Issue{
		Session: &storage.Session{ID: session}, ClientID: l.clients[0], Consent: consent,
		Code: &storage.NewCode{SHA256: handle(name), ClientID: l.clients[0], RedirectURI: "https://shop.example/cb", Scope: "openid", Lifetime: time.Minute},
	})
}

func TestConsents(t *testing.T) {
	t.Parallel()
	for name, pooled := range map[string]bool{"direct": false, "behind a pooler": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeaver(t, pooled)
			in, err := l.signIn("one")
			if err != nil || len(in.Consents) != 0 || in.Consents.Cover(l.clients[0], []string{"openid"}) {
				t.Fatalf("%+v, %v", in, err)
			}
			if err := l.issue(in.Session.ID, "before", "openid"); !errors.Is(err, storage.ErrNoConsent) {
				t.Errorf("a code without consent: %v", err)
			}
			for _, scopes := range [][]string{{"openid", "email"}, {"openid"}, {"phone", "openid"}} {
				if err := l.store.RememberConsent(t.Context(), in.Session.ID, l.clients[0], scopes); err != nil {
					t.Fatal(err)
				}
			}
			want := storage.Consents{l.clients[0]: {"openid", "email", "phone"}}
			again, err := l.signIn("two")
			if err != nil {
				t.Fatal(err)
			}
			read, err := l.store.SessionByHandle(t.Context(), handle("one"))
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []storage.Consents{again.Consents, read.Consents} {
				if diff := cmp.Diff(want, got); diff != "" || !got.Cover(l.clients[0], []string{"phone", "email"}) || got.Cover(l.clients[1], []string{"openid"}) {
					t.Error(got, diff)
				}
			}
			listed, err := l.store.ConsentsOf(t.Context(), l.consumer.ID)
			if err != nil || len(listed) != 1 || listed[0].ClientID != "shop" || listed[0].ClientRow != l.clients[0] || !listed[0].ChangedAt.After(listed[0].GivenAt) {
				t.Errorf("%+v, %v", listed, err)
			}
			if err := l.issue(in.Session.ID, "allowed", "phone", "openid"); err != nil {
				t.Error(err)
			}
			if err := l.issue(in.Session.ID, "too much", "openid", "address"); !errors.Is(err, storage.ErrNoConsent) {
				t.Errorf("a code for more than was allowed: %v", err)
			}
			if err := l.store.WithdrawConsent(t.Context(), l.consumer.ID, l.clients[1], storage.AuditEvent{}); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("nothing to withdraw: %v", err)
			}
			if err := l.store.WithdrawConsent(t.Context(), l.consumer.ID, l.clients[0], storage.AuditEvent{}); err != nil {
				t.Fatal(err)
			}
			if err := l.issue(in.Session.ID, "withdrawn", "openid"); !errors.Is(err, storage.ErrNoConsent) {
				t.Errorf("a code after the withdrawal: %v", err)
			}
		})
	}
}

// TestConsentsInParallel has consents given, used, withdrawn and ended at once, which
// neither deadlocks nor leaves anything of somebody who is disabled.
func TestConsentsInParallel(t *testing.T) {
	t.Parallel()
	l := newLeaver(t, false)
	sessions := make([]int64, 4)
	for i := range sessions {
		in, err := l.signIn(fmt.Sprint("browser ", i))
		if err != nil {
			t.Fatal(err)
		}
		sessions[i] = in.Session.ID
	}
	expected := func(err error) {
		if err != nil && !errors.Is(err, storage.ErrNotFound) && !errors.Is(err, storage.ErrNoConsent) {
			t.Error(err)
		}
	}
	var wg sync.WaitGroup
	for i, session := range sessions {
		wg.Go(func() {
			for n := range 50 {
				expected(l.store.RememberConsent(t.Context(), session, l.clients[0], []string{"openid"}))
				expected(l.issue(session, fmt.Sprint(i, " ", n), "openid"))
				expected(l.store.WithdrawConsent(t.Context(), l.consumer.ID, l.clients[0], storage.AuditEvent{}))
			}
		})
	}
	wg.Go(func() {
		for n := range 50 {
			disabled := *l.consumer
			disabled.Disabled = n == 40
			expected(l.store.Administer(t.Context(), func(tx *storage.Tx) error { return tx.UpdateConsumer(t.Context(), &disabled, nil) }))
		}
	})
	wg.Wait()
	for _, table := range []string{"consents", "authorization_codes"} {
		l.empty(table)
	}
}

// empty checks that a table has no rows.
func (l *leaver) empty(table string) {
	l.t.Helper()
	conn, err := pgx.Connect(l.t.Context(), l.url)
	if err != nil {
		l.t.Fatal(err)
	}
	defer conn.Close(l.t.Context()) //nolint:errcheck // the test has its answer
	var rows int
	if err := conn.QueryRow(l.t.Context(), "select count(*) from "+table).Scan(&rows); err != nil || rows != 0 {
		l.t.Errorf("%d rows in %s, %v", rows, table, err)
	}
}
