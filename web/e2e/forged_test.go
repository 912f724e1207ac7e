package e2e_test

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/web/webtest"
)

// signingIn opens a pop-up and gives it, with the state that it was asked with.
func signingIn(t *testing.T, opener *tab) (*tab, string) {
	t.Helper()
	window := &tab{tb: t, ctx: webtest.NewWindow(opener.ctx, t, chromedp.Click(chromedp.ID("sign-in")))}
	window.Do(chromedp.WaitVisible(chromedp.ID("submit")))
	return window, eval[string](window, `new URLSearchParams(location.search).get("state")`)
}

// forge sends the page that has opened a window an answer from that window.
func forge(window *tab, issuer, state, token string) {
	window.tb.Helper()
	eval[int](window, fmt.Sprintf(`opener.postMessage({type: "authorization_response",
		response: {iss: %q, state: %q, sub: "somebody", id_token: %q, expires_in: "3600"}}, "*"), 0`, issuer, state, token))
}

// forgedMessages: each of the four things that the page script looks at is wrong
// once, and all else right.
func forgedMessages(t *testing.T, h *shop) {
	opener := h.tab(t)
	opener.Open(h.Other()+"/chat", params("client", "page"))
	window, state := signingIn(t, opener)
	forged := 0
	ignored := func(name string) {
		t.Helper()
		forged++
		opener.Do(chromedp.Poll[chromedp.Void](fmt.Sprintf("messages.length >= %d", forged)))
		if got := eval[string](opener, `Promise.race([got.then(JSON.stringify), Promise.resolve("nothing")])`); got != "nothing" {
			t.Fatalf("%s: the page got %s", name, got)
		}
	}
	forge(window, h.Issuer, state+"0", "forged")
	ignored("another state")
	forge(window, "https://evil.example", state, "forged")
	ignored("another issuer")
	second := &tab{tb: t, ctx: webtest.NewWindow(opener.ctx, t, chromedp.Evaluate[chromedp.Void](
		fmt.Sprintf(`void open("%s/.well-known/openid-configuration", "second", "popup")`, h.Issuer)))}
	second.Do(chromedp.WaitReady(chromedp.CSS("pre")))
	forge(second, h.Issuer, state, "forged")
	ignored("another window of the provider")
	back := eval[string](window, "location.href")
	window.Do(chromedp.Evaluate[chromedp.Void](`void (location.href = "http://localhost:`+h.rogue+`/cookies")`), chromedp.WaitReady(chromedp.CSS("pre")))
	forge(window, h.Issuer, state, "forged")
	ignored("another origin")

	// The answer itself still comes.
	window.Do(chromedp.Evaluate[chromedp.Void](`void (location.href = "`+back+`")`), chromedp.WaitVisible(chromedp.ID("submit")))
	window.SignIn("amelia", ameliasPassword)
	if got := eval[given](opener, "got"); subClaim(got.IDToken()) == "" {
		t.Errorf("got %s, %s", got.Token, got.Error)
	}

	// And so would a forged one in which all is right.
	another := h.tab(t)
	another.Open(h.Other()+"/chat", params("client", "page"))
	window, state = signingIn(t, another)
	forge(window, h.Issuer, state, "all is right")
	if got := eval[given](another, "got"); got.IDToken() != "all is right" {
		t.Errorf("a message in which all is right: %s, %s", got.Token, got.Error)
	}
}
