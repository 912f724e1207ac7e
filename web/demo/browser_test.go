package demo_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/demo"
	"github.com/brandidp/idp/web/webtest"
)

// do runs steps in a tab.
func do(ctx context.Context, t *testing.T, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		address, _ := chromedp.Run(ctx, chromedp.Location())
		body, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("at %s: %v\n%s\nconsole: %q", address, err, body, webtest.ConsoleErrors(ctx))
	}
}

// patience is how long a page may take to show what is expected.
const patience = 30 * time.Second

// see gives the text of an element, once it is visible. It asks the document of
// the moment, since a page may be on its way to another.
func see(ctx context.Context, t *testing.T, selector string) string {
	t.Helper()
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	ask := fmt.Sprintf(`((e) => e && e.getClientRects().length > 0 && e.innerText)(document.querySelector(%q))`, selector)
	for {
		text, err := chromedp.Run(limited, chromedp.Poll[string](ask, chromedp.WithPollingTimeout(2*time.Second)))
		if err == nil {
			return text
		}
		if limited.Err() != nil {
			address, _ := chromedp.Run(ctx, chromedp.Location())
			body, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
			t.Fatalf("no %s at %s: %v\n%s\nconsole: %q", selector, address, err, body, webtest.ConsoleErrors(ctx))
		}
	}
}

func click(selector string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(chromedp.CSS(selector))
}

// fillIn fills in the provider's sign-in form.
func (s *stage) fillIn(ctx context.Context, t *testing.T, consumer int) {
	t.Helper()
	do(ctx, t,
		chromedp.WaitVisible(chromedp.CSS("form#sign-in")),
		chromedp.SendKeys(chromedp.CSS("[name=username]"), demo.Usernames[consumer]),
		chromedp.SendKeys(chromedp.CSS("[name=password]"), s.Secrets.Passwords[consumer]),
		click("#submit"),
	)
}

// noErrors fails the test if the tab's console has errors.
func noErrors(ctx context.Context, t *testing.T) {
	t.Helper()
	if lines := webtest.ConsoleErrors(ctx); len(lines) > 0 {
		t.Errorf("errors in the console: %q", lines)
	}
}

// checksOf reads the list of checks of a conversation's page.
const checksOf = `Object.fromEntries(Array.from(document.querySelectorAll("#checks li"), li => [li.dataset.check, li.dataset.outcome]))`

// allPassed holds the checks on a page against those that there are.
func allPassed(t *testing.T, got map[string]string, want ...string) {
	t.Helper()
	expected := map[string]string{}
	for _, name := range append(want, "account", "segments", "alg", "kid", "signature", "pasted", "iss", "sub", "identity", "aud", "iat", "exp", "lp_sdes") {
		expected[name] = "passed"
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

// agentSees holds what stands on a conversation's page against the consumer.
func agentSees(t *testing.T, text, name string, facts ...string) {
	t.Helper()
	for _, fact := range append(facts, name, "Verified", "Personal Info", "Customer Info") {
		if !strings.Contains(text, fact) {
			t.Errorf("the agent does not see %q of %s:\n%s", fact, name, text)
		}
	}
}

var ameliasFacts = []string{
	"amelia@larkspur.example", "+44 1632 960042 (mobile)", "en-GB", "Leadworth Post", "23 November 1989", "Gloucestershire, GB",
	"vip", "138766AC", "\u2212400.99 GBP", "3543546543545688", "15 October 2025", "23 May 2013",
}

// fitsPhone fails the test if a page has to be scrolled sideways on a phone.
func fitsPhone(ctx context.Context, t *testing.T) {
	t.Helper()
	do(ctx, t, chromedp.EmulateViewport(320, 640))
	if width, err := chromedp.Run(ctx, chromedp.Evaluate[int]("document.documentElement.scrollWidth")); err != nil || width > 320 {
		t.Errorf("the page is %d px wide on a phone of 320, error %v", width, err)
	}
	do(ctx, t, chromedp.ResetViewport())
}

// screenshot keeps a picture where SCREENSHOTS says, for people to look at.
func screenshot(ctx context.Context, t *testing.T, name string) {
	t.Helper()
	if folder := os.Getenv("DEMO_SCREENSHOTS"); folder != "" {
		webtest.Screenshot(ctx, t, filepath.Join(folder, name+".png"), true)
	}
}

// inWindow opens an external window, signing in there if signIn names somebody,
// and gives its tab once the conversation has begun.
func (s *stage) inWindow(ctx context.Context, t *testing.T, button string, signIn int) context.Context {
	t.Helper()
	do(ctx, t, chromedp.WaitEnabled(chromedp.CSS(button)))
	window := webtest.NewWindow(ctx, t, click(button))
	if signIn >= 0 {
		s.fillIn(window, t, signIn)
	}
	if got := see(window, t, "#outcome"); got != "Authenticated" {
		body, _ := chromedp.Run(window, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("the window says %q:\n%s", got, body)
	}
	address, err := chromedp.Run(window, chromedp.Location())
	if err != nil || strings.Contains(address, "token") || strings.Contains(address, "code") {
		t.Errorf("the window ends at %s, error %v", address, err)
	}
	return window
}

func checksIn(ctx context.Context, t *testing.T) map[string]string {
	t.Helper()
	checks, err := chromedp.Run(ctx, chromedp.Evaluate[map[string]string](checksOf))
	if err != nil {
		t.Fatal(err)
	}
	return checks
}

// A consumer signs in at the brand and is authenticated in each of the three ways.
//
//contract:6.2-code 6.2-implicit
func TestThreeWays(t *testing.T) {
	t.Parallel()
	s := start(t)
	tab := webtest.Chromium(t)
	do(tab, t, chromedp.Navigate(s.Brand), chromedp.WaitEnabled(chromedp.CSS("#embedded")))
	screenshot(tab, t, "brand-signed-out")
	webtest.ConsoleErrors(tab) // the page script has found nobody signed in: 401
	do(tab, t, click("#sign-in"))
	s.fillIn(tab, t, 0)
	if got := see(tab, t, "#greeting"); got != "Hello Amelia" {
		t.Fatalf("the brand says %q", got)
	}
	do(tab, t, chromedp.WaitEnabled(chromedp.CSS("#embedded")))
	screenshot(tab, t, "brand")
	fitsPhone(tab, t)

	for button, more := range map[string][]string{
		"#window-id-token": {"state"}, "#window-code": {"state", "code", "token-response"},
	} {
		window := s.inWindow(tab, t, button, -1)
		allPassed(t, checksIn(window, t), more...)
		agentSees(t, see(window, t, "#consumer"), "Amelia Pond", ameliasFacts...)
		if beside := see(window, t, "#anonymous"); !strings.Contains(beside, "Not verified") || strings.Contains(beside, "Amelia") {
			t.Errorf("beside it:\n%s", beside)
		}
		if payload := see(window, t, "#payload"); !strings.Contains(payload, `"lp_sdes": [`) || !strings.Contains(payload, s.Addresses.Provider) {
			t.Errorf("the token's payload:\n%s", payload)
		}
		noErrors(window, t)
		screenshot(window, t, button[1:])
		fitsPhone(window, t)
	}

	do(tab, t, click("#embedded"))
	if got := embedded(tab, t, "#outcome"); got != "Authenticated" {
		t.Fatalf("the embedded window says %q", got)
	}
	agentSees(t, embedded(tab, t, "#consumer"), "Amelia Pond", ameliasFacts...)
	items := inFrame(tab, t, func(frame chromedp.QueryOption) chromedp.Action[[]map[string]string] {
		return chromedp.AttributesAll(chromedp.CSSAll("#checks li"), frame)
	})
	checks := map[string]string{}
	for _, item := range items {
		checks[item["data-check"]] = item["data-outcome"]
	}
	allPassed(t, checks)
	screenshot(tab, t, "embedded")
	do(tab, t, click("#conversation button"), chromedp.WaitNotPresent(chromedp.CSS("#conversation")))
	noErrors(tab, t)
}

// inFrame runs a query in the embedded window. The frame's document is replaced
// when it has loaded, and a query in the one before would wait for ever: so it is
// asked again, each time in the document of the moment.
func inFrame[T any](tab context.Context, t *testing.T, query func(chromedp.QueryOption) chromedp.Action[T]) T {
	t.Helper()
	limited, cancel := context.WithTimeout(tab, patience)
	defer cancel()
	for {
		bounded, cancel := context.WithTimeout(limited, 2*time.Second)
		frames, err := chromedp.Run(bounded, chromedp.Nodes(chromedp.CSS("#conversation iframe")))
		var found T
		if err == nil {
			found, err = chromedp.Run(bounded, query(chromedp.FromNode(frames[0])))
		}
		cancel()
		if err == nil {
			return found
		}
		if limited.Err() != nil {
			t.Fatalf("the embedded window: %v", err)
		}
	}
}

// embedded gives the text of an element in the embedded window, once it is
// visible.
func embedded(tab context.Context, t *testing.T, selector string) string {
	t.Helper()
	return inFrame(tab, t, func(frame chromedp.QueryOption) chromedp.Action[string] {
		return chromedp.Text(chromedp.CSS(selector), frame)
	})
}

// Somebody who is not signed in yet signs in in the window itself, and is nobody
// else than who they are.
func TestSecondConsumerInTheWindow(t *testing.T) {
	t.Parallel()
	s := start(t)
	tab := webtest.Chromium(t)
	do(tab, t, chromedp.Navigate(s.Brand))
	window := s.inWindow(tab, t, "#window-code", 1)
	checks := checksIn(window, t)
	if checks["identity"] != "left-out" {
		t.Errorf("identity: %s, though the page had named nobody", checks["identity"])
	}
	agentSees(t, see(window, t, "#consumer"), "Rory Williams",
		"rory@larkspur.example", "business", "204419RW", "25.00 GBP", "Royal Leadworth Hospital", "500", "nurse", "29 February 2024")
	noErrors(window, t)
}

func TestAnonymousWindow(t *testing.T) {
	t.Parallel()
	s := start(t)
	tab := webtest.Chromium(t)
	do(tab, t, chromedp.Navigate(s.Brand), chromedp.WaitEnabled(chromedp.CSS("#anonymous")))
	window := webtest.NewWindow(tab, t, click("#anonymous"))
	if got := see(window, t, "#outcome"); got != "Anonymous" {
		t.Errorf("the window says %q", got)
	}
	if text := see(window, t, "#consumer"); !strings.Contains(text, "Not verified") || strings.Contains(text, "Personal Info\n") {
		t.Errorf("the agent sees:\n%s", text)
	}
	noErrors(window, t)
	screenshot(window, t, "anonymous")
	do(window, t, chromedp.Navigate(s.Addresses.Cloud))
	if text := see(window, t, ".desk"); !strings.Contains(text, "Anonymous") {
		t.Errorf("the desk:\n%s", text)
	}
	screenshot(window, t, "desk")
}

// Who signs out of the brand and of the provider is told so politely.
func TestSignOut(t *testing.T) {
	t.Parallel()
	s := start(t)
	tab := webtest.Chromium(t)
	do(tab, t, chromedp.Navigate(s.Brand), click("#sign-in"))
	s.fillIn(tab, t, 0)
	see(tab, t, "#greeting")
	webtest.ConsoleErrors(tab) // nobody was signed in at first: 401
	do(tab, t, click("#sign-out"), chromedp.WaitVisible(chromedp.CSS("#confirm")), click("#confirm"), chromedp.WaitNotPresent(chromedp.CSS("#confirm")))
	noErrors(tab, t)
	do(tab, t, chromedp.Navigate(s.Brand), chromedp.WaitVisible(chromedp.CSS("#sign-in")), chromedp.WaitEnabled(chromedp.CSS("#embedded")), click("#embedded"))
	if got := embedded(tab, t, "#message"); !strings.HasPrefix(got, "You are not signed in.") {
		t.Errorf("the embedded window says %q", got)
	}
	for _, line := range webtest.ConsoleErrors(tab) {
		if !strings.Contains(line, "401") {
			t.Errorf("error in the console: %s", line)
		}
	}
	screenshot(tab, t, "signed-out-embedded")
	if len(s.Cloud.Conversations()) != 0 {
		t.Error("somebody was let in")
	}
}
