package e2e_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestFormPostInChromium: the page's policy lets the form out to the relying
// party, with a script and without, and after a sign-in as well as at once.
func TestFormPostInChromium(t *testing.T) {
	t.Parallel()
	received := make(chan url.Values, 1)
	party := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			_ = r.ParseForm()
			received <- r.Form
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write([]byte(`<!doctype html><link rel="icon" href="data:,"><h1 id="arrived">Arrived</h1>`))
	}))
	t.Cleanup(party.Close)
	s := serve(t, cheapHashing...)
	s.Apply(fmt.Sprintf(`
clients:
  - client_id: posted
    client_name: The cloud
    redirect_uris: ["%s/authenticate"]
    response_types: [token]
    conversational_cloud: {variant: legacy, response_placement: form_post}
`, party.URL) + amelia)
	request := params("client_id", "posted", "response_type", "token", "redirect_uri", party.URL+"/authenticate?lang=en", "state", longState)
	tab := newTab(t)
	check := func(way string) {
		t.Helper()
		tab.Do(chromedp.WaitReady(chromedp.ID("arrived")))
		got := <-received
		if subClaim(got.Get("token")) == "" || got.Get("state") != longState || got.Get("iss") != s.Issuer || got.Get("lang") != "en" {
			t.Errorf("%s: %v", way, got)
		}
		if at := ask(tab, chromedp.Location()); at != party.URL+"/authenticate?lang=en" {
			t.Errorf("%s: the answer is in the address %s", way, at)
		}
	}
	tab.Open(s.Issuer+"/authorize", request)
	tab.SignIn("amelia", ameliasPassword)
	check("after a sign-in")
	tab.Open(s.Issuer+"/authorize", request)
	check("with a session")
	tab.Complaints()
	tab.WithoutJavaScript()
	tab.Open(s.Issuer+"/authorize", request)
	tab.Do(chromedp.Click(chromedp.ID("continue")))
	check("without JavaScript")
}
