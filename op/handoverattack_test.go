package op_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

func sessions(p *webtest.Provider) int {
	return webtest.Query[int](p, "select count(*)::int from sessions")
}

// Somebody begins, and has a person sign in at the brand's login by his challenge. The
// person's browser gets the verifier and has no binding, or another; his has the
// binding, and gets the verifier too late, if ever.
//
//security:17-lured
func TestLuredThroughTheBrandsLogin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	stranger := p.Browser(t)
	for _, lured := range []*webtest.Browser{p.Browser(t), amelia(t, p), shopper(t, p, williams)} {
		handle, before := lured.Cookie("idp_session"), sessions(p)
		redirectTo := accepted(t, p, handedOver(t, stranger.Authorize(handedRequest())), pond)
		wantErrorPage(t, lured.Get(redirectTo), http.StatusForbidden, "access_denied")
		if lured.Cookie("idp_session") != handle {
			t.Error("the person's session is another")
		}
		wantErrorPage(t, stranger.Get(redirectTo), http.StatusConflict, "invalid_request")
		wantError(t, stranger.Authorize(handedRequest("prompt", "none")), "login_required")
		if n := sessions(p); n != before {
			t.Errorf("%d sessions, %d before", n, before)
		}
	}
	// A rejection, too, is answered in the right browser alone.
	wantErrorPage(t, p.Browser(t).Get(reject(t, p, handedOver(t, stranger.Authorize(handedRequest())), "access_denied").redirectTo),
		http.StatusForbidden, "access_denied")
}

//security:17-guessed
func TestVerifierIsGuessed(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	challenge := handedOver(t, b.Authorize(handedRequest()))
	redirectTo := accepted(t, p, challenge, pond)
	verifier := redirectTo[strings.LastIndex(redirectTo, "=")+1:]
	for _, guess := range []string{
		"", "?login_verifier=", "?login_verifier=" + challenge, "?login_verifier=" + verifier[1:], "?login_verifier=" + strings.ToUpper(verifier),
		"?login_verifier=" + verifier + "&login_verifier=" + verifier, "?login_challenge=" + challenge, "?login_verifier=%00",
	} {
		wantErrorPage(t, b.Get("/continue-login"+guess), http.StatusNotFound, "invalid_request")
	}
	if page := b.Post("/continue-login", params("login_verifier", verifier)); page.Status != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", page.Status)
	}
	// Whoever looks whether an address is there has not come with it.
	for _, path := range []string{redirectTo, "/continue-logout?logout_verifier=" + verifier} {
		if page := b.Do(b.RawRequest(http.MethodHead, path, "", "")); page.Status != http.StatusMethodNotAllowed || page.Header.Get("Allow") != http.MethodGet {
			t.Errorf("HEAD %s: status %d, Allow %q", path, page.Status, page.Header.Get("Allow"))
		}
	}
	for _, guess := range []string{verifier, challenge[1:], challenge + "x"} {
		if d := accept(t, p, guess, williams); d.status != http.StatusNotFound {
			t.Errorf("%q: %+v", guess, d)
		}
	}
	if page := b.Get(redirectTo); page.Answer().Get("code") == "" { // none of it has harmed the right one
		t.Errorf("status %d", page.Status)
	}
}

// A decision is made once and used once, however many try at the same time.
//
//security:17-twice
func TestDecidedOnceAndUsedOnce(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	challenge := handedOver(t, b.Authorize(handedRequest()))
	backendKey(p)
	const n = 8
	var (
		wait     sync.WaitGroup
		decision [n]decided
		pages    [n]*webtest.Page
	)
	for i := range n {
		wait.Go(func() {
			if i%2 == 0 {
				decision[i] = accept(t, p, challenge, pond)
			} else {
				decision[i] = reject(t, p, challenge, "access_denied")
			}
		})
	}
	wait.Wait()
	counts := map[int]int{}
	var redirectTo string
	for _, d := range decision {
		counts[d.status]++
		redirectTo += d.redirectTo
	}
	if counts[http.StatusOK] != 1 || counts[http.StatusConflict] != n-1 {
		t.Fatalf("%v", counts)
	}
	for i := range n {
		wait.Go(func() { pages[i] = b.For(t).Get(redirectTo) })
	}
	wait.Wait()
	answers := 0
	for _, page := range pages {
		if page.Target() != "" {
			answers++
			continue
		}
		wantErrorPage(t, page, http.StatusConflict, "invalid_request")
	}
	if answers != 1 {
		t.Errorf("%d answers", answers)
	}
	for _, again := range []decided{accept(t, p, challenge, pond), reject(t, p, challenge, "access_denied")} {
		if again.status != http.StatusConflict {
			t.Errorf("%+v", again)
		}
	}
}

//security:17-late
func TestLateForTheBrandsLogin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	late, used := handedOver(t, b.Authorize(handedRequest())), handedOver(t, b.Authorize(handedRequest()))
	p.Advance(9*time.Minute + 55*time.Second)
	redirectTo := accepted(t, p, used, pond)
	p.Advance(10 * time.Second)
	if d := accept(t, p, late, pond); d.status != http.StatusGone {
		t.Errorf("%+v", d)
	}
	if d := reject(t, p, late, "access_denied"); d.status != http.StatusGone {
		t.Errorf("%+v", d)
	}
	readChallenge(p, backendKey(p), late).Want(http.StatusGone)
	if page := b.Get(redirectTo); page.Answer().Get("code") == "" { // who was accepted in time has a minute to come back
		t.Errorf("status %d", page.Status)
	}
	redirectTo = accepted(t, p, handedOver(t, b.Authorize(handedRequest("prompt", "login"))), pond)
	p.Advance(10*time.Minute + time.Second)
	wantErrorPage(t, b.Get(redirectTo), http.StatusGone, "invalid_request")
	if _, err := p.Store.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantErrorPage(t, b.Get(redirectTo), http.StatusNotFound, "invalid_request")
	if n := webtest.Query[int](p, "select count(*)::int from login_challenges"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

// However much of the ten minutes is left, an accepted login waits a minute and no longer:
// not until max_age has passed, for one.
//
//security:17-late
func TestAnAcceptedLoginWaitsAMinute(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	for _, after := range []time.Duration{50 * time.Second, 61 * time.Second} {
		redirectTo := accepted(t, p, handedOver(t, b.Authorize(handedRequest("max_age", "60", "prompt", "login"))), pond)
		p.Advance(after)
		page := b.Get(redirectTo)
		if after > time.Minute {
			wantErrorPage(t, page, http.StatusGone, "invalid_request")
		} else if page.Answer().Get("code") == "" {
			t.Errorf("after %s: status %d", after, page.Status)
		}
	}
}

// Somebody else than the request demands signs in at the brand, or somebody who may not.
//
//security:15-hint 17-somebody-else
func TestSomebodyElseSignsInAtTheBrand(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	hint := silent(t, shopper(t, p, pond), handedRequest("response_type", "id_token")).Get("id_token")
	b := p.Browser(t)
	challenge := handedOver(t, b.Authorize(handedRequest("id_token_hint", hint)))
	if ask := wantAsk(t, p, challenge); ask.Sub != "sub-of-pond" || ask.ExternalID != "crm-1" {
		t.Errorf("%+v", ask)
	}
	wantError(t, b.Get(accepted(t, p, challenge, williams)), "login_required")
	wantError(t, b.Get(accepted(t, p, handedOver(t, b.Authorize(handedRequest("claims", `{"id_token":{"sub":{"value":"sub-of-pond"}}}`))), williams)), "login_required")
	if page := b.Get(accepted(t, p, handedOver(t, b.Authorize(handedRequest("id_token_hint", hint))), pond)); page.Answer().Get("code") == "" {
		t.Errorf("target %q", page.Target())
	}

	disabled := strings.ReplaceAll(handed, "{external_id: crm-2, sub", "{external_id: crm-2, disabled: true, sub")
	open, redirectTo := handedOver(t, b.Authorize(handedRequest("prompt", "login"))), accepted(t, p, handedOver(t, b.Authorize(handedRequest("prompt", "login"))), williams)
	p.Apply(disabled)
	if page := b.Get(redirectTo); page.Status != http.StatusNotFound { // gone with everything else of the consumer
		t.Errorf("status %d, target %q", page.Status, page.Target())
	}
	if d := accept(t, p, open, williams); d.status != http.StatusBadRequest || strings.Join(d.fields, "") != "sub" {
		t.Errorf("%+v", d)
	}
	redirectTo = accepted(t, p, open, pond)
	p.Exec("update consumers set disabled = true where external_id = 'crm-1'") // by a release that knows of no challenges
	wantError(t, b.Get(redirectTo), "access_denied")

	p.Exec("update consumers set disabled = false")
	redirectTo = accepted(t, p, handedOver(t, b.Authorize(handedRequest("prompt", "login"))), pond)
	if _, err := p.Store.SignOutEverywhere(t.Context(), webtest.Query[int64](p, "select id from consumers where external_id = 'crm-1'"), storage.AuditEvent{}); err != nil {
		t.Fatal(err)
	}
	wantErrorPage(t, b.Get(redirectTo), http.StatusNotFound, "invalid_request")
}

// Signing out replaces the binding, so that what was begun before dies.
//
//security:10-history
func TestSignOutEndsWhatWasHandedOver(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := shopper(t, p, pond)
	redirectTo := accepted(t, p, handedOver(t, b.Authorize(handedRequest("prompt", "login"))), pond)
	b.Get("/end_session").Submit("sign-out", nil)
	wantErrorPage(t, b.Get(redirectTo), http.StatusForbidden, "access_denied")
	wantSignedOut(t, b)
}

// Whoever can write to the database moves a request that was sealed to another row, or
// to a page.
//
//security:17-moved
func TestStoredRequestIsMoved(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand, handed)
	b := p.Browser(t)
	own, other := handedOver(t, b.Authorize(handedRequest())), handedOver(t, b.Authorize(handedRequest("state", "other")))
	redirectTo := accepted(t, p, own, pond)
	p.Exec("update login_challenges set request_sealed = (select request_sealed from login_challenges order by id desc limit 1)")
	wantErrorPage(t, b.Get(redirectTo), http.StatusInternalServerError, "server_error")
	p.Exec("update login_challenges set request_sealed = (select request_sealed from login_challenges order by id limit 1), binding_sha256 = sha256('x')")
	if d := accept(t, p, other, pond); d.status != http.StatusInternalServerError {
		t.Errorf("%+v", d)
	}
	if sessions(p) != 0 {
		t.Error("somebody is signed in")
	}
}

// One network address stores no more than so many requests that lead nowhere, and
// keeps no other from signing in.
//
//security:17-flood
func TestFloodOfChallenges(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) { o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")} }, brand, handed)
	from := func(b *webtest.Browser, address string) *webtest.Page {
		return b.Do(b.Request("/authorize?"+handedRequest().Encode(), nil, "X-Forwarded-For", address))
	}
	const flood, workers, limit = 330, 6, 300
	pages := make(chan *webtest.Page, flood)
	var wait sync.WaitGroup
	for range workers {
		b := p.Browser(t)
		b.Client.Jar = nil
		wait.Go(func() {
			for range flood / workers {
				pages <- from(b, "203.0.113.7")
			}
		})
	}
	wait.Wait()
	close(pages)
	counts := map[int]int{}
	var refused *webtest.Page
	for page := range pages {
		counts[page.Status]++
		if page.Status == http.StatusTooManyRequests {
			refused = page
		}
	}
	if counts[http.StatusFound] != limit || counts[http.StatusTooManyRequests] != flood-limit {
		t.Fatalf("%v", counts)
	}
	wantErrorPage(t, refused, http.StatusTooManyRequests, "temporarily_unavailable")
	var seconds int
	if _, err := fmt.Sscan(refused.Header.Get("Retry-After"), &seconds); err != nil || seconds < 500 || seconds > 600 {
		t.Errorf("Retry-After %q", refused.Header.Get("Retry-After"))
	}
	if n := webtest.Query[int](p, "select count(*)::int from login_challenges"); n != limit {
		t.Errorf("%d rows", n)
	}
	b := p.Browser(t)
	challenge := handedOver(t, from(b, "203.0.113.8"))
	p.Advance(10*time.Minute + time.Second)
	if d := accept(t, p, challenge, pond); d.status != http.StatusGone {
		t.Errorf("%+v", d)
	}
	// Who comes to a sign-in is not counted.
	for range 3 {
		b.Get(accepted(t, p, handedOver(t, from(p.Browser(t), "203.0.113.7")), pond))
		own := p.Browser(t)
		if page := own.Get(accepted(t, p, handedOver(t, from(own, "203.0.113.7")), pond)); page.Answer().Get("code") == "" {
			t.Errorf("status %d", page.Status)
		}
	}
	if n := webtest.Query[int](p, "select failures from sign_in_throttle where window_ends_at > idp_now() + interval '9 minutes'"); n != 3 {
		t.Errorf("%d are counted", n)
	}
}
