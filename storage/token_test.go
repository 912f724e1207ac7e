package storage_test

import (
	"errors"
	"testing"
	"time"

	"github.com/brandidp/idp/storage"
)

// Tokens of clients, and assertions, with and without a pooler.
func TestTokensOfClients(t *testing.T) {
	t.Parallel()
	for name, pooled := range map[string]bool{"direct": false, "behind a pooler": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLeaver(t, pooled)
			ctx, own, other := t.Context(), l.clients[0], l.clients[1]
			err := l.store.IssueToClient(ctx, storage.NewAccessToken{SHA256: handle("t"), ClientID: own, Scope: "orders", Lifetime: time.Hour})
			if err != nil {
				t.Fatal(err)
			}
			state, err := l.store.AccessTokenState(ctx, handle("t"))
			if err != nil || state.ClientID != own || state.Sub != "" || state.Scope != "orders" || state.ExpiresAt.Sub(state.IssuedAt).Round(time.Minute) != time.Hour {
				t.Errorf("%+v, %v", state, err)
			}
			if _, err := l.store.AccessTokenBySHA256(ctx, handle("t")); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("a token that speaks for nobody: %v", err)
			}
			if err := l.store.RevokeAccessToken(ctx, handle("t"), other); !errors.Is(err, storage.ErrOtherClient) {
				t.Errorf("another client's: %v", err)
			}
			for range 2 {
				if err := l.store.RevokeAccessToken(ctx, handle("t"), own); err != nil {
					t.Error(err)
				}
			}
			if _, err := l.store.AccessTokenState(ctx, handle("t")); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("after it was revoked: %v", err)
			}
			if err := l.store.RevokeRefreshToken(ctx, handle("f"), own); err != nil {
				t.Error(err)
			}
			if _, err := l.store.RefreshTokenState(ctx, storage.Refresh{HandleSHA256: handle("f"), TokenSHA256: handle("r"), ClientID: own, Offline: true}); !errors.Is(err, storage.ErrNotFound) {
				t.Errorf("no such family: %v", err)
			}

			end := time.Now().Add(time.Minute)
			if err := l.store.UseAssertion(ctx, own, handle("a"), end); err != nil {
				t.Error(err)
			}
			if err := l.store.UseAssertion(ctx, own, handle("a"), end); !errors.Is(err, storage.ErrAssertionRefused) {
				t.Errorf("a second time: %v", err)
			}
			if err := l.store.UseAssertion(ctx, other, handle("a"), end); err != nil {
				t.Errorf("another client's: %v", err)
			}
			if err := l.store.UseAssertion(ctx, own, handle("b"), end.Add(-2*time.Minute)); !errors.Is(err, storage.ErrAssertionRefused) {
				t.Errorf("one that has expired: %v", err)
			}
		})
	}
}

// An instance can know a client for a moment longer than there is one.
func TestNothingIsIssuedToAClientThatIsGone(t *testing.T) {
	t.Parallel()
	l := newLeaver(t, false)
	gone := l.clients[0]
	if err := l.store.Administer(t.Context(), func(tx *storage.Tx) error { return tx.DeleteClient(t.Context(), gone) }); err != nil {
		t.Fatal(err)
	}
	err := l.store.IssueToClient(t.Context(), storage.NewAccessToken{SHA256: handle("t"), ClientID: gone, Scope: "orders", Lifetime: time.Hour})
	if !errors.Is(err, storage.ErrClientGone) {
		t.Errorf("access token: %v", err)
	}
	if err := l.store.UseAssertion(t.Context(), gone, handle("a"), time.Now().Add(time.Minute)); !errors.Is(err, storage.ErrClientGone) {
		t.Errorf("assertion: %v", err)
	}
}
