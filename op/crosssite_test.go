package op_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/web/webtest"
)

// TestCrossSitePostsAreSentAgain: the browser leaves Lax cookies out of a POST
// from another site, so the request is sent once more from a page of ours.
//
//security:13-cross-site-request 13-replaced-binding
func TestCrossSitePostsAreSentAgain(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	request := codeRequest("state", `<"&'>`+"\t+%2B ž", "extra", "1", "submit", "x", "action", "y")
	for name, headers := range map[string][]string{
		"Sec-Fetch-Site cross-site": {"Sec-Fetch-Site", "cross-site", "Origin", "https://www.brand.example"},
		"Sec-Fetch-Site same-site":  {"Sec-Fetch-Site", "same-site"},
		"Origin alone":              {"Origin", "https://www.brand.example"},
	} {
		t.Run(name, func(t *testing.T) {
			without := p.Browser(t)
			page := without.Do(without.Request("/authorize", request, headers...))
			if page.Status != http.StatusOK || page.Target() != "" || len(page.Header.Values("Set-Cookie")) != 0 {
				t.Fatalf("status %d, target %q, cookies %v", page.Status, page.Target(), page.Header.Values("Set-Cookie"))
			}
			if diff := cmp.Diff(request, page.Form("repost")); diff != "" {
				t.Errorf("fields (-sent +page):\n%s", diff)
			}
			again := b.Do(b.Request("/authorize", page.Form("repost"), "Sec-Fetch-Site", "same-origin", "Origin", "null"))
			if again.Status != http.StatusOK || again.Answer().Get("code") == "" || again.Answer().Get("state") != request.Get("state") {
				t.Errorf("sent again: status %d, target %q", again.Status, again.Target())
			}
		})
	}
	// What cannot be kept intact in a page is refused at once.
	wantErrorPage(t, b.Do(b.Request("/authorize", codeRequest("state", "\xff"), "Sec-Fetch-Site", "cross-site")), http.StatusBadRequest, "invalid_request")
	// Nothing is sent again for ever: our own page is known by its Origin, which
	// Referrer-Policy: no-referrer makes null.
	for _, headers := range [][]string{{"Origin", p.Issuer}, {"Origin", "null"}, {"Sec-Fetch-Site", "same-origin", "Origin", "null"}, {"Sec-Fetch-Site", "none"}, {}} {
		page := b.Do(b.Request("/authorize", codeRequest(), headers...))
		if page.Target() == "" || page.Answer().Get("code") == "" {
			t.Errorf("%v: status %d\n%s", headers, page.Status, page.Body)
		}
	}
}

//security:13-forms
func TestFormsOfOursTakeNothingFromAnotherSite(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	forms := map[string]url.Values{
		"/sign-in":  with(p.Browser(t).Authorize(codeRequest()).Form("sign-in"), "username", "amelia", "password", ameliasPassword),
		"/continue": b.Authorize(codeRequest("prompt", "select_account")).Form("continue-as"),
		"/consent":  with(b.Authorize(codeRequest("prompt", "consent")).Form("consent"), "consent", "allow"),
	}
	for address, form := range forms {
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Sec-Fetch-Site", "cross-site", "Origin", p.Issuer},
			{"Sec-Fetch-Site", "cross-site", "Origin", "null"},
			{"Origin", "https://evil.example"},
			{"Origin", strings.Replace(p.Issuer, "localhost", "evil.localhost", 1)},
		} {
			wantErrorPage(t, b.Do(b.Request(address, form, headers...)), http.StatusForbidden, "access_denied")
		}
	}
	// A browser too old for Sec-Fetch-Site sends Origin: null from our own pages.
	page := p.Browser(t).Authorize(codeRequest())
	form := with(page.Form("sign-in"), "username", "amelia", "password", ameliasPassword)
	old := p.Browser(t)
	wantErrorPage(t, old.Do(old.Request("/sign-in", form, "Origin", "null")), http.StatusBadRequest, "invalid_request") // no binding: not its own
	own := p.Browser(t)
	form = with(own.Authorize(codeRequest()).Form("sign-in"), "username", "amelia", "password", ameliasPassword)
	if page := own.Do(own.Request("/sign-in", form, "Origin", "null")); page.Target() == "" {
		t.Errorf("Origin: null with its own binding: status %d\n%s", page.Status, page.Body)
	}
}
