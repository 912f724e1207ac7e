package demo_test

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web/webtest"
)

// anonymously begins a conversation without a name on the brand's page.
func (s *stage) anonymously(tab context.Context, t *testing.T, connector string) window {
	t.Helper()
	do(tab, t, chromedp.Navigate(s.Brand+"/?connector="+connector), chromedp.WaitEnabled(chromedp.CSS("#anonymous")))
	webtest.ConsoleErrors(tab) // the page script has found nobody signed in: 401
	w := embed(tab, t, "#anonymous", "Anonymous")
	w.writes("May I ask something?")
	webtest.Eventually(t, "the message arrives", func() bool { return s.wrote(w.of, standin.ByConsumer, "May I ask something?") })
	if text := s.browser(t).Get(s.Addresses.Cloud + "/desk/" + w.of).Text("consumer"); !strings.Contains(text, "Not verified") || strings.Contains(text, "Personal Info\n") {
		t.Errorf("the agent sees:\n%s", text)
	}
	return w
}

// steppedUp expects that a conversation which was begun without a name goes on as
// somebody's, with what was written.
func (s *stage) steppedUp(w window, begun, name string) {
	w.t.Helper()
	if w.of != begun || !s.found(w.t, w.of).SteppedUp || s.known() != 1 {
		w.t.Errorf("conversation %s has gone on as %s", begun, w.of)
	}
	if got := w.see("#messages .consumer"); got != "May I ask something?" {
		w.t.Errorf("of what was written there is %q", got)
	}
	s.talk(w, name)
	page := w.see("main")
	for text, want := range map[string]bool{"goes on as " + name: true, "A fresh token has been brought ": true, "Somebody else": false} {
		if strings.Contains(page, text) != want {
			w.t.Errorf("the window says %q: %v, want %v\n%s", text, !want, want, page)
		}
	}
}

// focused expects the focus on a button of the panel, or on none.
func focused(tab context.Context, t *testing.T, name string) {
	t.Helper()
	if got, err := chromedp.Run(tab, chromedp.Evaluate[string](`document.activeElement.name || ""`)); err != nil || got != name {
		t.Errorf("the focus is on %q, want %q, error %v", got, name, err)
	}
}

// A conversation that was begun without a name goes on as that of the consumer who
// has signed in on the brand's page since, and is not seen after they sign out.
//
//contract:6.1-anonymous 6.5-step-up 6.5-signed-out
func TestStepUpOnThePage(t *testing.T) {
	t.Parallel()
	s := start(t)
	tab := webtest.Chromium(t)
	w := s.anonymously(tab, t, "messaging-pkce")
	screenshot(tab, t, "anonymous")
	do(tab, t, chromedp.Reload(), chromedp.WaitVisible(chromedp.CSS("#conversation")))
	next := begun(webtest.Frame(tab, t), t, "Anonymous")
	if got := next.see("#messages .consumer"); next.of != w.of || got != "May I ask something?" {
		t.Errorf("on the next page conversation %s goes on as %s, with %q", w.of, next.of, got)
	}

	focused(tab, t, "")

	do(tab, t, click("#sign-in"))
	s.fillIn(tab, t, 1)
	do(tab, t, chromedp.WaitVisible(chromedp.CSS("#conversation")))
	next = begun(webtest.Frame(tab, t), t, "Authenticated")
	s.steppedUp(next, w.of, "Rory Williams")
	s.checked(t, w.of, standin.EmbeddedCode, "code", "token-response")

	do(tab, t, click("#sign-out"), chromedp.WaitVisible(chromedp.CSS("#sign-in")), chromedp.WaitEnabled(chromedp.CSS("#embedded")))
	if address, err := chromedp.Run(tab, chromedp.Location()); err != nil || address != s.Brand+"/?connector=messaging-pkce" {
		t.Errorf("after signing out the page is %s, error %v", address, err)
	}
	if shown, err := chromedp.Run(tab, chromedp.Evaluate[bool](`document.querySelector("#conversation") !== null`)); err != nil || shown {
		t.Errorf("after signing out the conversation is shown: %v, error %v", shown, err)
	}
}

// The same by a window, in which the visitor signs in.
//
//contract:6.5-step-up
func TestStepUpInAWindow(t *testing.T) {
	t.Parallel()
	s := start(t)
	tab := webtest.Chromium(t)
	w := s.anonymously(tab, t, "messaging")
	in := s.external(tab, t, "[name=pop-out]", 0)
	s.steppedUp(in, w.of, "Amelia Pond")
	// The page had named nobody, so there was nobody to hold the token against.
	for _, check := range s.found(t, in.of).Checks {
		if want := standin.Passed; check.Outcome != want && check.Name != "identity" {
			t.Errorf("%s: %s: %s", check.Name, check.Outcome, check.Reason)
		}
	}
}
