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

// signIn opens the brand's page with a connector, and signs somebody in there.
func (s *stage) signIn(tab context.Context, t *testing.T, connector string, consumer int) {
	t.Helper()
	do(tab, t, chromedp.Navigate(s.Brand+"/?connector="+connector), chromedp.WaitEnabled(chromedp.CSS("#embedded")))
	do(tab, t, click("#sign-in"))
	s.fillIn(tab, t, consumer)
	see(tab, t, "#sign-out")
	do(tab, t, chromedp.WaitEnabled(chromedp.CSS("#embedded")))
	webtest.ConsoleErrors(tab) // the page script had found nobody signed in: 401
}
