package demo_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web/webtest"
)

// strict gives a tab that blocks cookies of third parties.
func strict(t *testing.T) context.Context {
	t.Helper()
	tab := webtest.Chromium(t)
	if _, err := chromedp.Call(tab, network.SetCookieControls, network.SetCookieControlsParams{EnableThirdPartyCookieRestriction: true}); err != nil {
		t.Fatal(err)
	}
	return tab
}

// cookieSites are two sites that share nothing with the stage but the names of
// its brand and its provider. The provider's sets a cookie that may go along with
// what any site fetches, and says which it got.
func cookieSites(t *testing.T) (brand, provider string) {
	t.Helper()
	server, address := open(t, providerName)
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/set" {
			http.SetCookie(w, &http.Cookie{Name: "third", Value: "party", SameSite: http.SameSiteNoneMode, Secure: true})
		}
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		_, _ = w.Write([]byte(r.Header.Get("Cookie")))
	})
	server.Start()
	return strings.Replace(address, providerName, otherBrandName, 1), address
}

// fetched has a page fetch an address along with its cookies, of which there is
// one: it gives the cookies that arrived, and why the browser kept some back.
func fetched(tab context.Context, t *testing.T, address string) (cookies string, blocked []network.CookieBlockedReason) {
	t.Helper()
	var mu sync.Mutex
	var told bool
	err := chromedp.Listen(tab, func(event any) {
		mu.Lock()
		defer mu.Unlock()
		sent, is := event.(*network.EventRequestWillBeSentExtraInfo)
		if !is || len(sent.AssociatedCookies) != 1 || told {
			return
		}
		// Requests of the page for its own site are told of, too.
		if reasons := sent.AssociatedCookies[0].BlockedReasons; !slices.Contains(reasons, network.CookieBlockedReasonDomainMismatch) {
			blocked, told = reasons, true
		}
	})
	if err == nil {
		_, err = chromedp.Call(tab, network.Enable, network.EnableParams{})
	}
	if err == nil {
		cookies, err = chromedp.Run(tab, chromedp.Evaluate[string](
			`fetch("`+address+`", {credentials: "include"}).then((r) => r.text())`, chromedp.EvalAwaitPromise))
	}
	if err != nil {
		t.Fatal(err)
	}
	webtest.Eventually(t, "the browser says what it did with the cookie", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return told
	})
	mu.Lock()
	defer mu.Unlock()
	return cookies, blocked
}

// The brand's site is on another domain than its provider, and the browser keeps
// the provider's cookie from it.
//
//contract:2.4-other-site 2.9-offline
func TestThirdPartyCookiesAreBlocked(t *testing.T) {
	t.Parallel()
	s := startAt(t, otherBrandName, func(brandFile string) string { return brandFile })

	t.Run("the browser does block them", func(t *testing.T) {
		t.Parallel()
		elsewhere, provider := cookieSites(t)
		sameSite := strings.Replace(provider, providerName, brandName, 1)
		tab := strict(t)
		do(tab, t, chromedp.Navigate(provider+"/set"))
		for from, want := range map[string]string{sameSite: "third=party", elsewhere: ""} {
			do(tab, t, chromedp.Navigate(from))
			if got, reasons := fetched(tab, t, provider+"/cookies"); got != want || (len(reasons) == 0) != (want != "") {
				t.Errorf("from %s: cookies %q, want %q, kept back for %q", from, got, want, reasons)
			}
		}
	})

	t.Run("what the page fetches finds nobody signed in", func(t *testing.T) {
		t.Parallel()
		tab := strict(t)
		s.signIn(tab, t, "messaging", 0)
		do(tab, t, click("#embedded"))
		if got := see(webtest.Frame(tab, t), t, "#message"); !strings.HasPrefix(got, "You are not signed in.") {
			t.Errorf("the embedded window says %q", got)
		}
	})

	for connector, test := range map[string]struct {
		way    standin.Way
		checks []string
	}{
		"messaging": {standin.Embedded, nil}, "messaging-code": {standin.EmbeddedCode, []string{"code", "token-response"}},
		"messaging-pkce": {standin.EmbeddedCode, []string{"code", "token-response"}},
	} {
		t.Run("a pop-up finds them: "+connector, func(t *testing.T) {
			t.Parallel()
			tab := strict(t)
			do(tab, t,
				chromedp.Navigate(s.Brand+"/?connector="+connector), click("#pop-up"),
				chromedp.WaitNotPresent(chromedp.CSS("#pop-up")), chromedp.WaitEnabled(chromedp.CSS("#embedded")))
			s.fillIn(webtest.NewWindow(tab, t, click("#embedded")), t, 0)
			w := begun(webtest.Frame(tab, t), t, "Authenticated")
			s.talk(w, "Amelia Pond", ameliasFacts...)
			s.withoutIdentity(t, w.of, test.way, test.checks...)
		})
	}

	t.Run("the external window needs no such cookie", func(t *testing.T) {
		t.Parallel()
		tab := strict(t)
		s.signIn(tab, t, "messaging-code", 0)
		w := s.external(tab, t, "#external", -1)
		s.talk(w, "Amelia Pond", ameliasFacts...)
		s.withoutIdentity(t, w.of, standin.WindowCode, "state", "code", "token-response")
	})
}
