package op_test

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

func TestAClientIsDeletedWhileItRefreshes(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	var (
		wait    sync.WaitGroup
		running sync.WaitGroup
	)
	for range 6 {
		value := granted(t, b).RefreshToken
		browser := p.Browser(t)
		running.Add(1)
		wait.Go(func() {
			for i := range 20 {
				page := refresh(browser, value)
				if i == 0 {
					running.Done()
				}
				if page.Status != http.StatusOK {
					if page.Status != http.StatusBadRequest && page.Status != http.StatusUnauthorized {
						t.Errorf("status %d: %s", page.Status, page.Body)
					}
					return
				}
				value = tokens(t, page).RefreshToken
			}
		})
	}
	running.Wait()
	id := webtest.Query[int64](p, "select id from clients where client_id = 'portal'")
	if err := p.Store.Administer(t.Context(), func(tx *storage.Tx) error { return tx.DeleteClient(t.Context(), id) }); err != nil {
		t.Errorf("delete client: %v", err)
	}
	wait.Wait()
}

// The statements by which the release that knows of no refresh tokens signs out.
func TestASignOutByThePreviousReleaseEndsFamilies(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	b := amelia(t, p)
	token, offline := delegated(t, b), granted(t, b)
	access := tokens(t, refreshDelegated(b, token.RefreshToken))
	session := webtest.Query[int64](p, "select max(id) from sessions")
	p.Exec(fmt.Sprintf("delete from authorization_codes where session_id = %d", session))
	p.Exec(fmt.Sprintf("delete from sessions where id = %d", session))
	wantRefused(t, refreshDelegated(b, access.RefreshToken))
	if page := userinfo(b, access.AccessToken); page.Status != http.StatusUnauthorized {
		t.Errorf("its access token lives: status %d", page.Status)
	}
	tokens(t, refresh(b, offline.RefreshToken))
}

// A used code is kept for what it led to, and no longer.
func TestUsedCodesGoWithWhatTheyLedTo(t *testing.T) {
	t.Parallel()
	p := startRefresh(t)
	codes := func(condition string) int {
		return webtest.Query[int](p, "select count(*)::int from authorization_codes where "+condition)
	}
	b := amelia(t, p)
	delegated(t, b)
	if n := codes("expires_at > session_ends_at"); n != 0 {
		t.Errorf("%d codes outlive the session that ends their family", n)
	}
	signOutOf(t, b)
	if n := codes("consumed_at is not null"); n != 0 {
		t.Errorf("%d codes are left after signing out", n)
	}

	b = amelia(t, p)
	token := granted(t, b)
	if n := codes("consumed_at is not null"); n != 1 {
		t.Errorf("%d codes, want that of the family", n)
	}
	signOutOf(t, b)
	if n := codes("consumed_at is not null"); n != 1 {
		t.Errorf("%d codes, want that of the family granted by offline_access", n)
	}
	if page := present(b, "/revoke", "portal", token.RefreshToken); page.Status != http.StatusOK {
		t.Fatalf("revoke: status %d", page.Status)
	}
	if n := codes("consumed_at is not null"); n != 0 {
		t.Errorf("%d codes are left of a family that was revoked", n)
	}
}

func TestTheSweepTakesTheTokensThatNoCodeGives(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, retryBrand)
	b := amelia(t, p)
	code := silent(t, b, retryRequest()).Get("code")
	tokens(t, redeemAs(b, "retrying", retrySecret, retryGrant(code)))
	sealed := "select count(*)::int from authorization_codes where retry_sealed is not null"
	sweep(t, p)
	if n := webtest.Query[int](p, sealed); n != 1 {
		t.Fatalf("%d codes with sealed tokens", n)
	}
	p.Advance(2 * time.Minute)
	sweep(t, p)
	if n := webtest.Query[int](p, sealed); n != 0 {
		t.Errorf("%d codes with sealed tokens are left", n)
	}
}

func signOutOf(t *testing.T, b *webtest.Browser) {
	t.Helper()
	if done := b.Get("/end_session").Submit("sign-out", nil); done.Status != http.StatusOK {
		t.Fatalf("sign out: status %d", done.Status)
	}
}
