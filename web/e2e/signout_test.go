package e2e_test

import (
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestSignOutInChromium: a relying party on another site signs out by a link and by a
// form, after which the browser is back there and nobody is signed in; and the
// relying party has been told besides.
func TestSignOutInChromium(t *testing.T) {
	t.Parallel()
	told := make(chan string, 8)
	hint, endSession := "", ""
	party := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		const page = `<!doctype html><meta charset="utf-8"><title>Party</title><link rel="icon" href="data:,">`
		switch r.URL.Path {
		case "/told":
			told <- r.PostFormValue("logout_token")
		case "/leave":
			fields := params("id_token_hint", hint, "post_logout_redirect_uri", "http://"+r.Host+"/bye", "state", longState)
			text := page + `<a id="link" href="` + html.EscapeString(endSession+"?"+fields.Encode()) + `">Sign out</a><form method="post" action="` + endSession + `">`
			for name := range fields {
				text += `<input type="hidden" name="` + name + `" value="` + html.EscapeString(fields.Get(name)) + `">`
			}
			_, _ = fmt.Fprint(w, text+`<button id="button">Sign out</button></form>`)
		default:
			_, _ = fmt.Fprint(w, page+`<h1 id="arrived">Arrived</h1>`)
		}
	}))
	t.Cleanup(party.Close)
	s := serve(t, append([]string{"--brand-website", party.URL + "/website"}, cheapHashing...)...)
	endSession = s.Issuer + "/end_session"
	s.Apply(fmt.Sprintf(`
clients:
  - client_id: party
    redirect_uris: ["%[1]s/cb"]
    response_types: [id_token]
    post_logout_redirect_uris: ["%[1]s/bye"]
    backchannel_logout_uri: %[1]s/told
`, party.URL) + amelia)
	request := params("client_id", "party", "response_type", "id_token", "redirect_uri", party.URL+"/cb", "nonce", "n", "scope", "openid")
	tab := newTab(t)
	for _, way := range []string{"link", "button"} {
		tab.Open(s.Issuer+"/authorize", request)
		tab.SignIn("amelia", ameliasPassword)
		hint = tab.Arrives().Get("id_token")
		tab.Open(party.URL+"/leave", nil)
		tab.Do(chromedp.Click(chromedp.ID(way)))
		if state := tab.Arrives().Get("state"); state != longState {
			t.Errorf("%s: state %q", way, state)
		}
		if at := eval[string](tab, "location.origin + location.pathname"); at != party.URL+"/bye" {
			t.Errorf("%s leads to %s", way, at)
		}
		select {
		case token := <-told:
			if subClaim(token) != subClaim(hint) {
				t.Errorf("%s: told of %q", way, subClaim(token))
			}
		case <-time.After(10 * time.Second):
			t.Errorf("%s: the party was not told", way)
		}
		tab.Open(s.Issuer+"/authorize", params("client_id", "party", "response_type", "id_token", "redirect_uri", party.URL+"/cb", "nonce", "n", "scope", "openid", "prompt", "none"))
		if answer := tab.Arrives(); answer.Get("error") != "login_required" {
			t.Errorf("%s: %v", way, answer)
		}
	}
	tab.Complaints()

	// The person asks by themselves, and signs out everywhere.
	tab.Open(s.Issuer+"/authorize", request)
	tab.SignIn("amelia", ameliasPassword)
	tab.Arrives()
	tab.Open(endSession, nil)
	tab.Do(chromedp.Click(chromedp.ID("everywhere")))
	tab.Do(chromedp.WaitReady(chromedp.ID("continue")), chromedp.Click(chromedp.ID("continue")))
	tab.Arrives() // at the brand's website
	<-told
}
