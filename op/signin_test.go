package op_test

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

var value = regexp.MustCompile(` value="[^"]*"`)

// anonymous is a page without what differs by design: the ticket and the name
// that was typed.
func anonymous(page *webtest.Page) string { return value.ReplaceAllString(page.Body, "") }

//contract:2.9-failed
//security:19-names
func TestEveryFailedSignInLooksTheSame(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	// A consumer who is disabled later has had a password that works.
	p.Exec("update consumers set disabled = true where username = 'rory'")
	reference := p.Browser(t).Authorize(codeRequest()).SignIn("amelia", "wrong")
	if reference.Status != http.StatusForbidden || reference.Text("message") == "" {
		t.Fatalf("status %d, message %q", reference.Status, reference.Text("message"))
	}
	for name, credentials := range map[string][2]string{
		"unknown":                {"nobody", "wrong"},
		"unknown address":        {"nobody@brand.example", "wrong"},
		"unknown number":         {"+15555555555", "wrong"},
		"disabled, right":        {"rory", rorysPassword},
		"disabled, wrong":        {"rory", "wrong"},
		"made disabled, right":   {"john", "some good password of john"},
		"no password":            {"nopassword", "wrong"},
		"password of another":    {"amelia", rorysPassword},
		"longer than any":        {"amelia", strings.Repeat("p", 5000)},
		"control characters":     {"amelia", "correct\x07horse"},
		"case of the password":   {"amelia", strings.ToUpper(ameliasPassword)},
		"name that nobody has":   {"a b\x01", "wrong"},
		"name in every language": {"žluťoučký😀", "wrong"},
		"an unverified address":  {"river@brand.example ", "wrong"},
	} {
		page := p.Browser(t).Authorize(codeRequest()).SignIn(credentials[0], credentials[1])
		if page.Status != reference.Status || anonymous(page) != anonymous(reference) {
			t.Errorf("%s: status %d, want the same page as for a wrong password:\n%s", name, page.Status, page.Body)
		}
		if len(page.Header.Values("Set-Cookie")) != 0 {
			t.Errorf("%s: cookies %v", name, page.Header.Values("Set-Cookie"))
		}
		if want := reference.Header.Clone(); len(want) != len(page.Header) {
			t.Errorf("%s: headers %v, want those of %v", name, page.Header, want)
		}
	}
	for _, name := range []string{"Amelia", " amelia ", "AMELIA@brand.example"} {
		if page := p.Browser(t).Authorize(codeRequest()).SignIn(name, ameliasPassword); page.Target() == "" {
			t.Errorf("%q: status %d", name, page.Status)
		}
	}
}

//security:19-guessing 19-lock-out 19-device
func TestStrangersAreSlowedDownAndKnownDevicesAreNot(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	known := amelia(t, p)
	known.Get("/end_session").Submit("sign-out", nil)

	stranger := p.Browser(t)
	page := stranger.Authorize(codeRequest())
	for range 5 {
		if got := page.SignIn("amelia", "wrong"); got.Status != http.StatusForbidden {
			t.Fatalf("status %d", got.Status)
		}
	}
	page.SignIn("amelia", "wrong") // the sixth begins a wait
	waiting := page.SignIn("amelia", ameliasPassword)
	seconds, err := strconv.Atoi(waiting.Header.Get("Retry-After"))
	if waiting.Status != http.StatusTooManyRequests || err != nil || seconds < 1 || seconds > 5 || !regexp.MustCompile(`\d`).MatchString(waiting.Text("message")) {
		t.Errorf("status %d, Retry-After %q, message %q", waiting.Status, waiting.Header.Get("Retry-After"), waiting.Text("message"))
	}
	if waiting.Element("sign-in") == nil || waiting.Form("sign-in").Get("username") != "amelia" {
		t.Error("the page to try again later has no form")
	}
	// The same for a name that nobody has.
	nobody := p.Browser(t).Authorize(codeRequest())
	for range 6 {
		nobody.SignIn("nobody", "wrong")
	}
	if got := nobody.SignIn("nobody", "wrong"); got.Status != http.StatusTooManyRequests {
		t.Errorf("unknown name: status %d", got.Status)
	}

	if got := known.Authorize(codeRequest()).SignIn("amelia", ameliasPassword); got.Target() == "" {
		t.Errorf("a known device: status %d, message %q", got.Status, got.Text("message"))
	}
	// Its cookie helps for its account alone.
	for range 6 {
		stranger.Authorize(codeRequest()).SignIn("rory", "wrong")
	}
	if got := known.Authorize(codeRequest("prompt", "login")).SignIn("rory", rorysPassword); got.Status != http.StatusTooManyRequests {
		t.Errorf("a device known for another account: status %d", got.Status)
	}
	// It has a budget of its own.
	hammering := known.Authorize(codeRequest("prompt", "login"))
	for range 6 {
		hammering.SignIn("amelia", "wrong")
	}
	if got := hammering.SignIn("amelia", ameliasPassword); got.Status != http.StatusTooManyRequests {
		t.Errorf("a known device that fails too often: status %d", got.Status)
	}
	p.Advance(6 * time.Second)
	if got := page.SignIn("amelia", ameliasPassword); got.Target() == "" {
		t.Errorf("after the wait: status %d", got.Status)
	}
}

//security:19-device
func TestADeviceIsKnownUntilThePasswordChanges(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	known := amelia(t, p)
	p.Exec("update consumers set password_changed_at = idp_now() where username = 'amelia'")
	known.Get("/end_session").Submit("sign-out", nil)
	stranger := p.Browser(t).Authorize(codeRequest())
	for range 6 {
		stranger.SignIn("amelia", "wrong")
	}
	if got := known.Authorize(codeRequest()).SignIn("amelia", ameliasPassword); got.Status != http.StatusTooManyRequests {
		t.Errorf("status %d, want 429: the device was known before the password changed", got.Status)
	}
}

//security:19-flood
func TestAFullHashingQueueAnnouncesItself(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, func(o *web.Options) {
		o.Hashing.Concurrency, o.Hashing.Queue = 1, 0
		o.Hashing.Memory, o.Hashing.Iterations = 64*1024, 3
	}, brand)
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		busy  int
	)
	for i := range 8 {
		page := p.Browser(t).Authorize(codeRequest())
		group.Go(func() {
			got := page.SignIn("nobody"+strconv.Itoa(i), "wrong")
			mu.Lock()
			defer mu.Unlock()
			switch got.Status {
			case http.StatusForbidden:
			case http.StatusServiceUnavailable:
				busy++
				if got.Header.Get("Retry-After") == "" || got.Text("message") == "" || got.Element("sign-in") == nil {
					t.Errorf("busy: Retry-After %q, message %q", got.Header.Get("Retry-After"), got.Text("message"))
				}
			default:
				t.Errorf("status %d", got.Status)
			}
		})
	}
	group.Wait()
	if busy == 0 {
		t.Error("nobody was sent away")
	}
	// Who was sent away has not failed: nothing of it stays on the throttle.
	if counted := webtest.Query[int](p, "select coalesce(sum(failures), 0) from sign_in_throttle where bucket >= 1 << 20 and bucket < 2 << 20"); counted != 8-busy {
		t.Errorf("%d failures counted by account, want %d", counted, 8-busy)
	}
}

//security:20-kept
func TestPasswordChangeAndDisablingEndEverything(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]string{
		"disabled":     strings.Replace(brand, "  - username: amelia\n", "  - username: amelia\n    disabled: true\n", 1),
		"new password": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := webtest.Start(t, nil, brand)
			b, page := amelia(t, p), p.Browser(t).Authorize(codeRequest())
			token := tokens(t, redeem(b, silent(t, b, codeRequest()).Get("code")))
			code := silent(t, b, codeRequest()).Get("code")
			if change != "" {
				p.Apply(change)
			} else {
				p.SetPassword("amelia", "an entirely new password")
			}
			wantError(t, b.Authorize(codeRequest("prompt", "none")), "login_required")
			wantWire(t, redeem(b, code), http.StatusBadRequest, "invalid_grant")
			wantWire(t, userinfo(b, token.AccessToken), http.StatusUnauthorized, "invalid_token")
			if got := fromPage(t, b, "messaging", "https://www.brand.example"); got.Status != http.StatusUnauthorized {
				t.Errorf("token source: status %d", got.Status)
			}
			if got := page.SignIn("amelia", ameliasPassword); got.Status != http.StatusForbidden {
				t.Errorf("the old password: status %d", got.Status)
			}
		})
	}
}

// TestOldHashesAreRenewed: at the first sign-in, for several who sign in to the
// account at that moment, and without ending anything.
func TestOldHashesAreRenewed(t *testing.T) {
	t.Parallel()
	hash, err := bcrypt.GenerateFromPassword([]byte(ameliasPassword), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	p := webtest.Start(t, nil, strings.Replace(brand, "password: "+ameliasPassword, "password_hash: "+string(hash), 1))
	var group sync.WaitGroup
	browsers := []*webtest.Browser{p.Browser(t), p.Browser(t), p.Browser(t), p.Browser(t)}
	for _, b := range browsers {
		page := b.Authorize(codeRequest())
		group.Go(func() {
			if got := page.SignIn("amelia", ameliasPassword); got.Target() == "" {
				t.Errorf("status %d, message %q", got.Status, got.Text("message"))
			}
		})
	}
	group.Wait()
	if got := webtest.Query[string](p, "select password_hash from consumers where username = 'amelia'"); !strings.HasPrefix(got, "$argon2id$") {
		t.Errorf("hash %.10s…", got)
	}
	for _, b := range append(browsers, amelia(t, p)) {
		silent(t, b, codeRequest("prompt", "none"))
	}
}

// TestSignInsAtOnce: a form that is sent twice, and a person in two browsers.
func TestSignInsAtOnce(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	page, elsewhere := b.Authorize(implicitRequest("prompt", "login")), p.Browser(t).Authorize(implicitRequest())
	var (
		group sync.WaitGroup
		mu    sync.Mutex
		sids  = map[any]int{}
	)
	for _, page := range []*webtest.Page{page, page, page, elsewhere} {
		group.Go(func() {
			got := page.SignIn("amelia", ameliasPassword)
			if got.Target() == "" {
				t.Errorf("status %d, message %q", got.Status, got.Text("message"))
				return
			}
			sid := claims(t, p, "site", got.Answer().Get("id_token"))["sid"]
			mu.Lock()
			defer mu.Unlock()
			sids[sid]++
		})
	}
	group.Wait()
	silent(t, b, implicitRequest("prompt", "none"))
	if sessions := webtest.Query[int](p, "select count(*) from sessions"); sessions != len(sids) {
		t.Errorf("%d sessions for %d sids", sessions, len(sids))
	}
}
