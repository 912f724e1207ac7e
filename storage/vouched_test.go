package storage_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/storage"
)

// issueVouched issues a code, and an access token, for the consumer by the brand's word.
func (l *leaver) issueVouched(name string, consent ...string) error {
	return l.store.Issue(l.t.Context(), storage.Issue{
		Session: &storage.Session{
			ConsumerID: l.consumer.ID, AuthTime: time.Now().Add(-time.Minute), ACR: "loa1", AMR: []string{"otp"}, EndsAt: time.Now().Add(time.Hour),
		},
		ClientID: l.clients[0], Consent: consent, DetailsSealed: []byte("sealed " + name),
		Code:        &storage.NewCode{SHA256: handle(name), ClientID: l.clients[0], RedirectURI: "https://shop.example/cb", Scope: "openid", Lifetime: time.Minute},
		AccessToken: &storage.NewAccessToken{SHA256: handle(name + " token"), ClientID: l.clients[0], Scope: "openid", Lifetime: time.Minute},
	})
}

func (l *leaver) redeem(name string) (*storage.Grant, error) {
	return l.store.RedeemCode(l.t.Context(), storage.Redemption{
		CodeSHA256: handle(name), ClientID: l.clients[0], RedirectURI: "https://shop.example/cb",
		AccessTokenSHA256: handle(name + " redeemed"), AccessTokenLifetime: time.Minute,
		Family: &storage.NewFamily{HandleSHA256: handle(name + " family"), TokenSHA256: handle(name + " refresh"), Lifetime: time.Hour, Plain: true},
	})
}

func TestVouchedGrants(t *testing.T) {
	t.Parallel()
	for name, pooled := range map[string]bool{"direct": false, "behind a pooler": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeaver(t, pooled)
			l.exec("update consumers set external_id = 'crm-1'")
			for _, key := range []storage.ConsumerKey{{ExternalID: "crm-1"}, {Sub: l.consumer.Sub}} {
				in, err := l.store.VouchedConsumer(t.Context(), key)
				if err != nil || in.Consumer.Username != "amelia" || in.Session.ID != 0 || in.Session.ConsumerID != l.consumer.ID || time.Since(in.Now).Abs() > time.Minute {
					t.Errorf("%+v, %v", in, err)
				}
			}
			if _, err := l.store.VouchedConsumer(t.Context(), storage.ConsumerKey{Sub: "crm-1"}); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("nobody's sub: %v", err)
			}
			if err := l.issueVouched("one", "openid"); !errors.Is(err, storage.ErrNoConsent) {
				t.Errorf("without consent: %v", err)
			}
			if err := l.issueVouched("one"); err != nil {
				t.Fatal(err)
			}
			if _, err := l.store.AccessTokenBySHA256(t.Context(), handle("one token")); err != nil {
				t.Error(err)
			}
			grant, err := l.redeem("one")
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{int64(0), "", "loa1", []string{"otp"}, "sealed one"}, []any{
				grant.Session.ID, grant.Session.Sid, grant.Session.ACR, grant.Session.AMR, string(grant.DetailsSealed),
			}); diff != "" || !grant.Refreshable || time.Until(grant.Session.EndsAt) < 50*time.Minute {
				t.Errorf("%+v\n%s", grant, diff)
			}
			refreshed, err := l.store.RotateRefreshToken(t.Context(), storage.Refresh{
				HandleSHA256: handle("one family"), TokenSHA256: handle("one refresh"), ClientID: l.clients[0], Plain: true, Allowed: []string{"openid"},
				SuccessorSHA256: handle("next"), AccessTokenSHA256: handle("next token"), AccessTokenLifetime: time.Minute, Sealed: []byte("s"), Grace: time.Minute,
			})
			if err != nil || refreshed.Session.ID != 0 || refreshed.DetailsSealed != nil {
				t.Errorf("%+v, %v", refreshed, err)
			}
			// Signing out of a browser is nothing to it, signing out everywhere is.
			if _, err := l.signIn("browser"); err != nil {
				t.Fatal(err)
			}
			if err := l.store.SignOut(t.Context(), handle("browser")); err != nil {
				t.Fatal(err)
			}
			if _, err := l.store.AccessTokenBySHA256(t.Context(), handle("next token")); err != nil {
				t.Error(err)
			}
			if _, err := l.store.SignOutEverywhere(t.Context(), l.consumer.ID, storage.AuditEvent{}); err != nil {
				t.Fatal(err)
			}
			for _, token := range []string{"one token", "one redeemed", "next token"} {
				if _, err := l.store.AccessTokenBySHA256(t.Context(), handle(token)); !errors.Is(err, storage.ErrNotFound) {
					t.Errorf("%s: %v", token, err)
				}
			}
			l.exec("update consumers set disabled = true")
			if err := l.issueVouched("two"); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("for somebody disabled: %v", err)
			}
			end := time.Now().Add(time.Minute)
			if err := l.store.UseSubjectAssertion(t.Context(), handle("a"), end); err != nil {
				t.Error(err)
			}
			for jti, expires := range map[string]time.Time{"a": end, "b": end.Add(-2 * time.Minute)} {
				if err := l.store.UseSubjectAssertion(t.Context(), handle(jti), expires); !errors.Is(err, storage.ErrAssertionRefused) {
					t.Errorf("%s: %v", jti, err)
				}
			}
		})
	}
}

// TestVouchedGrantsAndTheEndOfEverything: whatever is issued while everything ends is
// ended, too, or was issued afterwards.
func TestVouchedGrantsAndTheEndOfEverything(t *testing.T) {
	t.Parallel()
	l := newLeaver(t, false)
	for range 50 {
		var wait sync.WaitGroup
		issued := make(chan error, 1)
		wait.Go(func() { issued <- l.issueVouched("race") })
		wait.Go(func() {
			if err := l.disable(); err != nil {
				t.Error(err)
			}
		})
		wait.Wait()
		if err := <-issued; err != nil && !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
		if _, err := l.redeem("race"); !errors.Is(err, storage.ErrCodeRefused) {
			t.Fatalf("redeemed: %v", err)
		}
		l.exec("update consumers set disabled = false")
		if _, err := l.redeem("race"); !errors.Is(err, storage.ErrCodeRefused) {
			t.Fatalf("the code of before outlived it: %v", err)
		}
	}
}

func (l *leaver) disable() error {
	disabled := *l.consumer
	disabled.Disabled = true
	return l.store.Administer(l.t.Context(), func(tx *storage.Tx) error { return tx.UpdateConsumer(l.t.Context(), &disabled, nil) })
}
