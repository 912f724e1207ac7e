package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/web/webtest"
)

// A tab is a person's with a real browser.
type tab struct {
	tb  testing.TB
	ctx context.Context //nolint:containedctx // a tab of chromedp is a context
}

// newTab gives a tab with cookies of its own.
func newTab(tb testing.TB) *tab {
	tb.Helper()
	return &tab{tb: tb, ctx: webtest.Chromium(tb)}
}

// Do does things one after the other.
func (t *tab) Do(actions ...chromedp.Action[chromedp.Void]) {
	t.tb.Helper()
	if err := chromedp.Do(t.ctx, actions...); err != nil {
		t.tb.Fatal(err)
	}
}

// Open goes to an address, with parameters if there are any.
func (t *tab) Open(address string, params url.Values) {
	t.tb.Helper()
	if len(params) > 0 {
		address += "?" + params.Encode()
	}
	t.Do(chromedp.Navigate(address))
}

// SignIn fills in the form.
func (t *tab) SignIn(username, password string) {
	t.tb.Helper()
	t.Do(
		chromedp.Clear(chromedp.ID("username")), chromedp.SendKeys(chromedp.ID("username"), username),
		chromedp.SendKeys(chromedp.ID("password"), password), chromedp.Click(chromedp.ID("submit")),
	)
}

// Arrives waits until the relying party's page is there, and reads its answer.
func (t *tab) Arrives() url.Values {
	t.tb.Helper()
	t.Do(chromedp.WaitReady(chromedp.ID("arrived")))
	u, err := url.Parse(ask(t, chromedp.Location()))
	if err != nil {
		t.tb.Fatal(err)
	}
	return response(u)
}

// Size makes the window so many pixels wide and high.
func (t *tab) Size(width, height int64, options ...chromedp.EmulateViewportOption) {
	t.tb.Helper()
	t.Do(chromedp.EmulateViewport(width, height, options...))
}

// WithoutJavaScript turns the pages' scripts off.
func (t *tab) WithoutJavaScript() {
	t.tb.Helper()
	call(t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
}

// Language makes it a browser in that language.
func (t *tab) Language(tag string) {
	t.tb.Helper()
	call(t, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": tag}})
}

// Scheme makes it a browser that likes light or dark.
func (t *tab) Scheme(scheme string) {
	t.tb.Helper()
	call(t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
	})
}

func call[P, R any](t *tab, command cdp.Command[P, R], params P) {
	t.tb.Helper()
	if _, err := chromedp.Call(t.ctx, command, params); err != nil {
		t.tb.Fatal(err)
	}
}

// ask runs an action and gives what it finds.
func ask[T any](t *tab, action chromedp.Action[T]) T {
	t.tb.Helper()
	result, err := chromedp.Run(t.ctx, action)
	if err != nil {
		t.tb.Fatal(err)
	}
	return result
}

// eval asks the page something.
func eval[T any](t *tab, expression string) T {
	t.tb.Helper()
	return ask(t, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// Complaints are errors in the console; a page's own status is none.
func (t *tab) Complaints() {
	t.tb.Helper()
	for _, line := range webtest.ConsoleErrors(t.ctx) {
		if !strings.HasPrefix(line, "network: Failed to load resource: the server responded with a status of 4") {
			t.tb.Errorf("console: %s", line)
		}
	}
}

// Fits expects that nothing is wider than the window.
func (t *tab) Fits() {
	t.tb.Helper()
	if wide := eval[int](t, "document.documentElement.scrollWidth - innerWidth"); wide > 0 {
		t.tb.Errorf("the page is %d pixels too wide", wide)
	}
}

// axe is the accessibility checker, to be run in a page.
var axe = sync.OnceValues(func() (string, error) {
	script, err := os.ReadFile("node_modules/axe-core/axe.min.js")
	return string(script), err
})

// Accessible expects that axe-core has nothing to say, in light and dark.
func (t *tab) Accessible() {
	t.tb.Helper()
	t.Complaints()
	script, err := axe()
	if err != nil {
		t.tb.Fatalf("axe-core is not there: run make test, or npm ci in web/e2e (%v)", err)
	}
	t.Do(chromedp.Evaluate[chromedp.Void](script + ";0"))
	for _, scheme := range []string{"light", "dark"} {
		t.Scheme(scheme)
		found := eval[string](t, `axe.run({preload: false, resultTypes: ["violations"]}).then(r => JSON.stringify(
			r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.map(n => n.html + " " + n.failureSummary)}))))`)
		var violations []struct {
			ID    string   `json:"id"`
			Help  string   `json:"help"`
			Nodes []string `json:"nodes"`
		}
		if err := json.Unmarshal([]byte(found), &violations); err != nil {
			t.tb.Fatal(err)
		}
		for _, v := range violations {
			t.tb.Errorf("%s: axe-core: %s: %s\n%s", scheme, v.ID, v.Help, strings.Join(v.Nodes, "\n"))
		}
	}
	t.Complaints()
}

// Focused is the id of the element that has the keyboard.
func (t *tab) Focused() string {
	t.tb.Helper()
	return eval[string](t, "document.activeElement.id")
}

// Text is what an element says.
func (t *tab) Text(id string) string {
	t.tb.Helper()
	return eval[string](t, fmt.Sprintf("document.getElementById(%q).innerText", id))
}
