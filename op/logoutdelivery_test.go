package op_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// A receiver that fails is tried again, with growing waits and a token made afresh,
// and the browser has not waited for any of it.
//
//security:26-logout-token
func TestFailedDeliveryIsTriedAgain(t *testing.T) {
	t.Parallel()
	elsewhere := newReceiver(t, nil)
	rp := newReceiver(t, func(attempt int, w http.ResponseWriter, r *http.Request) {
		switch attempt {
		case 1:
			http.Error(w, "secret words of the receiver", http.StatusInternalServerError)
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			http.Redirect(w, r, elsewhere.URL, http.StatusTemporaryRedirect)
		case 4:
			w.WriteHeader(http.StatusBadRequest)
		}
	})
	p := webtest.Start(t, nil, brand, listener("shop", rp.URL+"/?"))
	b := amelia(t, p)
	_, idToken := use(t, p, b, "shop")
	b.Get("/end_session").Submit("sign-out", nil)
	seen := map[string]bool{}
	wait := 10 * time.Second
	for attempt := 1; attempt <= 5; attempt++ {
		tokens := rp.wait(t, attempt)
		seen[wantLogoutToken(t, p, "shop", tokens[attempt-1], idToken)] = true
		if attempt == 5 {
			break
		}
		webtest.Eventually(t, "the failure is logged", func() bool {
			return strings.Count(p.Log.String(), "a sign-out was not delivered, and is tried again") == attempt
		})
		due := webtest.Query[float64](p, "select extract(epoch from next_at - idp_now())::float8 from logout_notices")
		if due < (wait-5*time.Second).Seconds() || due > wait.Seconds() {
			t.Errorf("after attempt %d the next is due in %v s, want %v", attempt, due, wait)
		}
		p.Advance(wait)
		wait *= 2
	}
	if len(seen) != 5 {
		t.Errorf("%d different tokens in 5 attempts", len(seen))
	}
	webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
	if n := len(elsewhere.received(t)); n != 0 {
		t.Error("a redirect was followed")
	}
	if log := p.Log.String(); strings.Contains(log, "secret words") || strings.Contains(log, idToken["sid"].(string)) {
		t.Error("the log has what the receiver said, or a sid")
	}
}

// A receiver that never takes anything is given up in the end.
func TestDeliveryEnds(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, func(_ int, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) })
	p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
	b := amelia(t, p)
	use(t, p, b, "shop")
	b.Get("/end_session").Submit("sign-out", nil)
	rp.wait(t, 1)
	p.Advance(23*time.Hour + 30*time.Minute)
	rp.wait(t, 2)
	p.Exec("update logout_notices set attempts = 20, next_at = idp_now()")
	rp.wait(t, 3)
	webtest.Eventually(t, "it is given up", func() bool { return strings.Contains(p.Log.String(), "is not tried again") })
	p.Advance(time.Hour)
	if _, err := p.Store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := pendingNotices(p); n != 0 {
		t.Errorf("%d notices are left", n)
	}
}

// What was not delivered when its process ended is delivered by another.
func TestDeliverySurvivesTheProcess(t *testing.T) {
	t.Parallel()
	t.Run("ended before", func(t *testing.T) {
		t.Parallel()
		rp := newReceiver(t, nil)
		p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
		b := amelia(t, p)
		_, idToken := use(t, p, b, "shop")
		p.StopRunning()
		b.Get("/end_session").Submit("sign-out", nil)
		if len(rp.received(t)) != 0 || pendingNotices(p) != 1 {
			t.Fatal("delivered by a provider that does not run")
		}
		p.Another()
		wantLogoutToken(t, p, "shop", rp.wait(t, 1)[0], idToken)
	})
	t.Run("ended during", func(t *testing.T) {
		t.Parallel()
		arrived := make(chan struct{})
		rp := newReceiver(t, func(attempt int, _ http.ResponseWriter, r *http.Request) {
			if attempt == 1 {
				close(arrived)
				<-r.Context().Done()
			}
		})
		p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
		b := amelia(t, p)
		_, idToken := use(t, p, b, "shop")
		b.Get("/end_session").Submit("sign-out", nil)
		<-arrived
		p.StopRunning()
		p.Another()
		p.Advance(10 * time.Second)
		wantLogoutToken(t, p, "shop", rp.wait(t, 2)[1], idToken)
		webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
	})
}

// Several instances share the work, and none of it is done twice.
func TestInstancesShareDeliveries(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, nil)
	p := webtest.Start(t, nil, brand, listener("shop", rp.URL))
	p.StopRunning()
	const n = 40
	p.Exec(fmt.Sprintf(`insert into logout_notices (client_id, sid, sub, expires_at)
		select id, 'sid-' || n, 'sub', idp_now() + interval '1 day' from clients, generate_series(1, %d) n where client_id = 'shop'`, n))
	p.Another()
	p.Another()
	rp.wait(t, n)
	webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
	rp.wait(t, n)
}

// A client that does not answer keeps nobody else's notices waiting.
//
//security:26-slow
func TestSlowReceiverHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	done := make(chan struct{})
	slow := newReceiver(t, func(_ int, _ http.ResponseWriter, r *http.Request) {
		select {
		case <-done:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(done) })
	quick := newReceiver(t, nil)
	p := webtest.Start(t, nil, brand, listener("slow", slow.URL), listener("quick", quick.URL))
	first, second := amelia(t, p), amelia(t, p)
	use(t, p, first, "slow")
	use(t, p, second, "quick")
	first.Get("/end_session").Submit("sign-out", nil)
	slow.wait(t, 1)
	second.Get("/end_session").Submit("sign-out", nil)
	quick.wait(t, 1)
	if n := len(slow.received(t)); n != 1 {
		t.Errorf("%d attempts at the slow one", n)
	}
}

// The provider calls no address that only it can reach: the issuer here is not on
// loopback, so that the receiver's is refused.
//
//security:26-inside
func TestLogoutAddressesThatAreNotPublic(t *testing.T) {
	t.Parallel()
	rp := newReceiver(t, nil)
	p := webtest.Start(t, func(o *web.Options) { o.Issuer = "https://id.brand.example" }, brand, listener("shop", "https://localhost:1/logout"))
	for _, address := range []string{rp.URL, strings.Replace(rp.URL, "http:", "https:", 1)} {
		p.Exec(`update clients set metadata = jsonb_set(metadata, '{backchannel_logout_uri}', to_jsonb($1::text)) where client_id = 'shop'`, address)
		p.Exec(`insert into logout_notices (client_id, sid, sub, expires_at) select id, 'sid', 'sub', idp_now() + interval '1 day' from clients where client_id = 'shop'`)
	}
	p.Reload()
	webtest.Eventually(t, "it is refused", func() bool { return strings.Contains(p.Log.String(), "not a public one") })
	if len(rp.received(t)) != 0 {
		t.Error("it was called")
	}
}

// When PostgreSQL's answer is lost, what was delivered is not delivered again, and
// what was taken and not delivered is.
func TestDeliveryWhenTheDatabasesAnswerIsLost(t *testing.T) {
	t.Parallel()
	signedOut := func(t *testing.T, statement string, running bool) (p *webtest.Provider, rp *receiver, idToken map[string]any, happened func() bool) {
		t.Helper()
		rp = newReceiver(t, nil)
		p = webtest.Start(t, nil, brand, listener("shop", rp.URL))
		b := amelia(t, p)
		_, idToken = use(t, p, b, "shop")
		if !running {
			p.StopRunning()
		}
		happened = p.Counts.LoseAnswer(statement)
		b.Get("/end_session").Submit("sign-out", nil)
		return p, rp, idToken, happened
	}
	t.Run("delivered", func(t *testing.T) {
		t.Parallel()
		p, rp, idToken, happened := signedOut(t, "delete from logout_notices", true)
		webtest.Eventually(t, "the answer is lost", happened)
		wantLogoutToken(t, p, "shop", rp.wait(t, 1)[0], idToken)
		p.Advance(time.Hour)
		if n := pendingNotices(p); n != 0 {
			t.Errorf("%d notices are left", n)
		}
	})
	t.Run("taken", func(t *testing.T) {
		t.Parallel()
		p, rp, idToken, happened := signedOut(t, "update logout_notices", false)
		claim := storage.LogoutClaim{
			ClientIDs: []int64{webtest.Query[int64](p, "select id from clients where client_id = 'shop'")}, Limit: 1, Wait: 10 * time.Second, MaxWait: time.Hour,
		}
		if _, err := p.Store.ClaimLogoutNotices(t.Context(), claim); !errors.Is(err, storage.ErrUnavailable) || !happened() {
			t.Fatal(err)
		}
		p.Another()
		p.Advance(10 * time.Second)
		wantLogoutToken(t, p, "shop", rp.wait(t, 1)[0], idToken)
		webtest.Eventually(t, "the outbox is empty", func() bool { return pendingNotices(p) == 0 })
	})
}
