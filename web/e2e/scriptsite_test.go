package e2e_test

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/chromedp"
)

// A scriptSite is a page whose relying party is oidc-client-ts, in the browser.
type scriptSite struct {
	URL, issuer string
}

// scriptPage is each page of the site. It says who is there, or what went wrong, in
// an output that bears the name of what was done.
var scriptPage = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><link rel="icon" href="data:,"><title>A page with oidc-client-ts</title>
<button id="sign-in">Sign in</button><button id="silently">Sign in without a page</button>
<button id="refresh">Refresh</button><button id="sign-out">Sign out</button><output></output>
<script src="/oidc-client-ts.js"></script>
<script>
const users = new oidc.UserManager({
  authority: {{.}}, client_id: "script", redirect_uri: location.origin + "/cb", post_logout_redirect_uri: location.origin + "/goodbye",
  scope: "openid profile email offline_access", loadUserInfo: true, revokeTokensOnSignout: true, automaticSilentRenew: false,
});
async function show(id, doing) {
  const output = document.querySelector("output");
  output.textContent = JSON.stringify(await doing.catch((e) => ({ error: e.error || String(e) })));
  output.id = id;
}
const click = (id, does) => { document.getElementById(id).onclick = does };
click("sign-in", () => users.signinRedirect());
click("silently", () => users.signinRedirect({ prompt: "none" }));
click("refresh", () => show("refreshed", users.signinSilent()));
click("sign-out", () => users.signoutRedirect({ state: "a state" }));
switch (location.pathname) {
  case "/cb": show("signed-in", users.signinCallback()); break;
  case "/goodbye": show("signed-out", users.signoutCallback().then((answer) => ({ state: answer.userState }))); break;
}
</script>`))

func newScriptSite(t *testing.T, issuer string) *scriptSite {
	t.Helper()
	needModule(t, "oidc-client-ts")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/oidc-client-ts.js" {
			http.ServeFile(w, r, "node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_ = scriptPage.Execute(w, issuer) // the browser has left
	}))
	t.Cleanup(server.Close)
	return &scriptSite{URL: server.URL, issuer: issuer}
}

// Client is what the brand file has to say of the site, in its list of clients.
func (s *scriptSite) Client() string {
	return fmt.Sprintf(`
  - client_id: script
    token_endpoint_auth_method: none
    require_pkce: true
    redirect_uris: ["%[1]s/cb"]
    post_logout_redirect_uris: ["%[1]s/goodbye"]
    web_origins: ["%[1]s"]
    grant_types: [authorization_code, refresh_token]
`, s.URL)
}

// A scriptUser is what the page says.
type scriptUser struct {
	Error        string `json:"error"`
	State        string `json:"state"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	Profile      struct {
		Sub   string `json:"sub"`
		Name  string `json:"name"`
		Email string `json:"email"`
	} `json:"profile"`
}

// Test lets a person sign in, refresh and sign out.
func (s *scriptSite) Test(t *testing.T) {
	t.Helper()
	tab := newTab(t)
	tab.Open(s.URL, nil)
	tab.Do(chromedp.Click(chromedp.ID("sign-in")))
	tab.SignIn("amelia", ameliasPassword)
	first := says(tab, "signed-in")
	if p := first.Profile; p.Sub == "" || p.Name != "Amelia Pond" || p.Email != "amelia@brand.example" || first.RefreshToken == "" {
		t.Errorf("signed in: %+v", first)
	}

	tab.Do(chromedp.Click(chromedp.ID("refresh")))
	second := says(tab, "refreshed")
	if second.Error != "" || second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
		t.Errorf("refreshed: %+v", second)
	}
	if second.Profile != first.Profile {
		t.Errorf("refreshed for %+v, want %+v", second.Profile, first.Profile)
	}
	if sub, err := userinfo(t.Context(), s.issuer, second.AccessToken); err != nil || sub != first.Profile.Sub {
		t.Errorf("userinfo for the new token: %q, %v", sub, err)
	}

	tab.Do(chromedp.Click(chromedp.ID("sign-out")))
	if user := says(tab, "signed-out"); user.Error != "" || user.State != "a state" {
		t.Errorf("signed out: %+v", user)
	}
	if _, err := userinfo(t.Context(), s.issuer, second.AccessToken); err == nil {
		t.Error("the token was not revoked")
	}
	tab.Do(chromedp.Click(chromedp.ID("silently")))
	if user := says(tab, "signed-in"); user.Error != "login_required" {
		t.Errorf("still signed in: %+v", user)
	}
	tab.Complaints()
}

// says waits for what the page has to say of what was done.
func says(tab *tab, done string) (user scriptUser) {
	tab.tb.Helper()
	tab.Do(chromedp.WaitReady(chromedp.ID(done)))
	if err := json.Unmarshal([]byte(tab.Text(done)), &user); err != nil {
		tab.tb.Fatal(err)
	}
	return user
}
