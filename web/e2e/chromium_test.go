package e2e_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/brandidp/idp/web/webtest"
)

// house is a provider and a relying party's site.
type house struct {
	*idp
	*site
}

func newHouse(t *testing.T, flags ...string) *house {
	t.Helper()
	s := serve(t, append(flags, cheapHashing...)...)
	h := &house{idp: s, site: newSite(t, s.Issuer)}
	s.Apply(h.Clients() + amelia)
	return h
}

// Authorize opens the authorization endpoint for a request of the site.
func (h *house) Authorize(t *tab, pairs ...string) {
	t.tb.Helper()
	t.Open(h.Issuer+"/authorize", h.Request(pairs...))
}

// longState is as much as a conversation window sends, with all that could be
// spoilt on the way.
var longState = strings.Repeat(`{"a":"ü + %2B & ' <b> \" שלום 👋"} `, 200)

//contract:2.2-small-window 2.3-redirect 2.9-failed
func TestPeopleSignIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for name, test := range map[string]func(*testing.T, *house, *tab){
		"with JavaScript": func(t *testing.T, h *house, tab *tab) {
			signInAndArrive(t, h, tab)
			tab.Complaints()
		},
		"without JavaScript": func(t *testing.T, h *house, tab *tab) {
			tab.WithoutJavaScript()
			signInAndArrive(t, h, tab)
		},
		"in a pop-up window":      inPopUp,
		"by keyboard alone":       byKeyboard,
		"in Hebrew":               inHebrew,
		"for an application":      forApplication,
		"by a form of the site":   bySitesForm,
		"and out again":           andOutAgain,
		"as whom they choose":     asChosen,
		"with the wrong password": wrongPassword,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, h, newTab(t))
		})
	}
}

func signInAndArrive(t *testing.T, h *house, tab *tab) {
	t.Helper()
	h.Authorize(tab, "state", longState)
	tab.SignIn("amelia", ameliasPassword)
	arrivedAs(t, tab.Arrives(), longState)
}

// arrivedAs expects a token and the state as it was.
func arrivedAs(t *testing.T, answer url.Values, state string) {
	t.Helper()
	if subClaim(answer.Get("id_token")) == "" {
		t.Errorf("no ID token in %v", answer)
	}
	if answer.Get("state") != state {
		t.Errorf("state %q, want %q", answer.Get("state"), state)
	}
}

// The window has no scroll bars to speak of, so the button has to be in sight.
func inPopUp(t *testing.T, h *house, opener *tab) {
	opener.Open(h.URL, h.Request("state", "a state", "display", "popup"))
	popup := &tab{tb: t, ctx: webtest.NewWindow(opener.ctx, t, chromedp.Click(chromedp.ID("open")))}
	popup.Size(400, 600)
	popup.Do(chromedp.WaitVisible(chromedp.ID("submit")))
	popup.Fits()
	if bottom := eval[float64](popup, `document.getElementById("submit").getBoundingClientRect().bottom`); bottom > 600 {
		t.Errorf("the button ends at %v of 600 pixels", bottom)
	}
	popup.Accessible()
	popup.SignIn("amelia", ameliasPassword)
	opener.Do(chromedp.Poll[chromedp.Void](`document.getElementById("received").textContent !== ""`))
	u, err := url.Parse("https://rp.example/" + opener.Text("received"))
	if err != nil {
		t.Fatal(err)
	}
	arrivedAs(t, response(u), "a state")
	opener.Complaints()
}

func byKeyboard(t *testing.T, h *house, tab *tab) {
	h.Authorize(tab, "state", "a state")
	tab.Do(chromedp.WaitVisible(chromedp.ID("submit")))
	for _, step := range []struct{ focused, keys string }{
		{"username", "amelia" + kb.Tab}, {"password", kb.Tab}, {"submit", ""},
	} {
		if got := tab.Focused(); got != step.focused {
			t.Fatalf("the keyboard is at %q, want %q", got, step.focused)
		}
		tab.Do(chromedp.KeyEvent(step.keys))
	}
	tab.Do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(kb.ModifierShift)))
	tab.Do(chromedp.KeyEvent(ameliasPassword + kb.Enter))
	arrivedAs(t, tab.Arrives(), "a state")
}

func inHebrew(t *testing.T, h *house, tab *tab) {
	tab.Language("he-IL,he;q=0.9")
	h.Authorize(tab, "state", "a state")
	tab.Do(chromedp.WaitVisible(chromedp.ID("submit")))
	if lang := eval[string](tab, "document.documentElement.lang + getComputedStyle(document.body).direction"); lang != "hertl" {
		t.Errorf("language and direction %q", lang)
	}
	gap := eval[float64](tab, `(r => r(document.getElementById("username")).right - r(document.querySelector("h1")).right)(e => {
		const range = document.createRange(); range.selectNodeContents(e);
		return e.id ? e.getBoundingClientRect() : range.getBoundingClientRect() })`)
	if gap < -1 || gap > 1 {
		t.Errorf("the heading ends %v pixels from the right edge of the fields", gap)
	}
	tab.Accessible()
	tab.SignIn("amelia", ameliasPassword)
	arrivedAs(t, tab.Arrives(), "a state")
}

// An application's own scheme is not followed before somebody clicks.
func forApplication(t *testing.T, h *house, tab *tab) {
	tab.Open(h.Issuer+"/authorize", params("client_id", "app", "response_type", "code", "scope", "openid", "redirect_uri", "com.brand.app:/cb",
		"state", longState, "code_challenge_method", "S256", "code_challenge", strings.Repeat("A", 43)))
	tab.SignIn("amelia", ameliasPassword)
	tab.Do(chromedp.WaitVisible(chromedp.ID("continue")))
	link, err := url.Parse(eval[string](tab, `document.getElementById("continue").href`))
	if err != nil {
		t.Fatal(err)
	}
	if answer := response(link); link.Scheme != "com.brand.app" || answer.Get("code") == "" || answer.Get("state") != longState {
		t.Errorf("the link is %v", link)
	}
	tab.Accessible()
}

// A form of another site carries no cookie of ours, and still finds the session.
func bySitesForm(t *testing.T, h *house, tab *tab) {
	h.Authorize(tab)
	tab.SignIn("amelia", ameliasPassword)
	tab.Arrives()
	tab.Open(h.URL, h.Request("state", longState, "response_mode", "fragment"))
	tab.Do(chromedp.Click(chromedp.ID("send")))
	arrivedAs(t, tab.Arrives(), longState)
	tab.Complaints()

	// axe-core needs JavaScript, so here the page's own script is missing.
	call(tab, network.SetBlockedURLs, network.SetBlockedURLsParams{
		URLPatterns: []*network.BlockPattern{{URLPattern: h.Issuer + "/*.js", Block: true}},
	})
	tab.Open(h.URL, h.Request("state", longState))
	tab.Do(chromedp.Click(chromedp.ID("send")), chromedp.WaitVisible(chromedp.ID("repost")))
	webtest.ConsoleErrors(tab.ctx)
	tab.Accessible()

	tab.WithoutJavaScript()
	tab.Open(h.URL, h.Request("state", longState))
	tab.Do(chromedp.Click(chromedp.ID("send")), chromedp.WaitVisible(chromedp.ID("repost")))
	tab.Do(chromedp.Click(chromedp.ID("continue")))
	arrivedAs(t, tab.Arrives(), longState)
}

func andOutAgain(t *testing.T, h *house, tab *tab) {
	h.Authorize(tab)
	tab.SignIn("amelia", ameliasPassword)
	tab.Arrives()
	tab.Open(h.Issuer+"/end_session", nil)
	tab.Accessible()
	tab.Do(chromedp.Click(chromedp.ID("confirm")), chromedp.WaitNotPresent(chromedp.ID("sign-out")))
	tab.Accessible()
	h.Authorize(tab, "prompt", "none")
	if answer := tab.Arrives(); answer.Get("error") != "login_required" {
		t.Errorf("after signing out: %v", answer)
	}
}

// Going on as oneself, and agreeing, or not.
func asChosen(t *testing.T, h *house, tab *tab) {
	h.Authorize(tab)
	tab.SignIn("amelia", ameliasPassword)
	tab.Arrives()
	h.Authorize(tab, "prompt", "select_account consent", "state", longState)
	tab.Do(chromedp.WaitVisible(chromedp.ID("continue-as")))
	tab.Accessible()
	tab.Do(chromedp.Click(chromedp.ID("continue")), chromedp.WaitVisible(chromedp.ID("consent")))
	tab.Accessible()
	tab.Do(chromedp.Click(chromedp.ID("allow")))
	arrivedAs(t, tab.Arrives(), longState)
	h.Authorize(tab, "prompt", "consent")
	tab.Do(chromedp.Click(chromedp.ID("deny")))
	if answer := tab.Arrives(); answer.Get("error") != "access_denied" {
		t.Errorf("after refusing: %v", answer)
	}
	h.Authorize(tab, "prompt", "consent")
	tab.Do(chromedp.Click(chromedp.ID("consents")), chromedp.WaitVisible(chromedp.CSS("form.entry")))
	tab.Accessible()
	tab.Do(chromedp.Click(chromedp.CSS("form.entry button")), chromedp.WaitVisible(chromedp.ID("message")))
	tab.Accessible()
	if eval[bool](tab, `document.querySelector("form") !== null`) {
		t.Error("what was withdrawn is still there")
	}
	tab.Complaints()
}

func wrongPassword(t *testing.T, h *house, tab *tab) {
	h.Authorize(tab, "state", "a state")
	tab.SignIn("amelia", "not her password")
	tab.Do(chromedp.WaitVisible(chromedp.ID("message")))
	if got := tab.Focused(); got != "password" {
		t.Errorf("the keyboard is at %q, want password", got)
	}
	tab.Accessible()
	tab.SignIn("amelia", ameliasPassword)
	arrivedAs(t, tab.Arrives(), "a state")
}

// Every page in every language fits a small phone.
//
//contract:2.2-small-window
func TestPagesFitSmallPhones(t *testing.T) {
	t.Parallel()
	h := newHouse(t, "--brand-name", "A brand with quite a long name")
	tab := newTab(t)
	tab.Size(320, 560, chromedp.EmulateMobile)
	for i, language := range []string{"en", "de", "es", "fr", "he"} {
		tab.Language(language)
		pages := []func(){
			func() { h.Authorize(tab, "prompt", "login") },
			func() {
				tab.SignIn("amelia", "not her password")
				tab.Do(chromedp.WaitVisible(chromedp.ID("message")))
			},
			func() { tab.Open(h.Issuer+"/authorize", params("client_id", "nobody")) },
			func() { tab.Open(h.Issuer+"/nowhere", nil) },
			func() { tab.Open(h.Issuer+"/end_session", nil) },
		}
		if i == 0 {
			h.Authorize(tab)
			tab.SignIn("amelia", ameliasPassword)
			tab.Arrives()
		}
		pages = append(pages,
			func() { h.Authorize(tab, "prompt", "select_account") },
			func() { h.Authorize(tab, "prompt", "consent") },
			func() {
				tab.Do(chromedp.Click(chromedp.ID("allow")))
				tab.Arrives()
				tab.Open(h.Issuer+"/consents", nil)
			})
		for _, open := range pages {
			open()
			tab.Do(chromedp.WaitReady(chromedp.CSS("main")))
			if got := eval[string](tab, "document.documentElement.lang"); got != language {
				t.Errorf("a page in %q, want %q", got, language)
			}
			tab.Fits()
		}
	}
	tab.Complaints()
}

func TestErrorPageIsAccessible(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	tab := newTab(t)
	tab.Open(h.Issuer+"/authorize", params("client_id", "nobody", "redirect_uri", "https://attacker.example/"))
	if code, id := tab.Text("error"), tab.Text("request-id"); code == "" || id == "" || !strings.Contains(h.Log(), id) {
		t.Errorf("error %q, request id %q, which the log has not got", code, id)
	}
	tab.Accessible()
}
