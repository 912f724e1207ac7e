package web

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
)

// drawSignIn draws the sign-in page in English.
func drawSignIn(t *testing.T, page op.SignInPage) document {
	t.Helper()
	pages := testPages(t, Brand{}, "")
	return draw(t, "en", func(w http.ResponseWriter, r *http.Request) { pages.SignIn(w, r, page) })
}

func TestSignInForm(t *testing.T) {
	t.Parallel()
	d := drawSignIn(t, op.SignInPage{Action: "/login/sign-in", Ticket: hostile, Username: hostile, ClientName: "Pond"})
	if d.response.Code != http.StatusOK {
		t.Errorf("status %d", d.response.Code)
	}
	if diff := cmp.Diff([]op.FormField{{Name: "ticket", Value: hostile}}, d.fields("sign-in")); diff != "" {
		t.Error(diff)
	}
	if got := attribute(d.id("sign-in"), "action"); got != "/login/sign-in" {
		t.Errorf("action %q", got)
	}
	for id, want := range map[string]map[string]string{
		"username": {"name": "username", "type": "text", "value": hostile, "autocomplete": "username", "autocapitalize": "none", "inputmode": "email"},
		"password": {"name": "password", "type": "password", "value": "", "autocomplete": "current-password"},
		"submit":   {"type": "submit", "name": ""},
	} {
		for key, value := range want {
			if got := attribute(d.id(id), key); got != value {
				t.Errorf("#%s: %s is %q, want %q", id, key, got, value)
			}
		}
	}
	if d.id("message") != nil || d.id("continue-as") != nil {
		t.Error("a message or a choice that nobody asked for")
	}
	if got := text(d.root); !strings.Contains(got, "to continue to \u2068Pond\u2069") {
		t.Errorf("the client is not named in %q", got)
	}
}

func TestSignInMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name              string
		page              op.SignInPage
		says, focus, wait string
		invalid           []string
	}{
		{
			name:  "wrong password",
			page:  op.SignInPage{Status: 400, Username: "amelia", Message: op.MessageCredentials},
			says:  "not correct",
			focus: "password", invalid: []string{"username", "password"},
		},
		{
			name:  "no user name",
			page:  op.SignInPage{Status: 400, Message: op.MessageMissing},
			says:  "enter both",
			focus: "username", invalid: []string{"username"},
		},
		{
			name:  "no password",
			page:  op.SignInPage{Status: 400, Username: "amelia", Message: op.MessageMissing},
			says:  "enter both",
			focus: "password", invalid: []string{"password"},
		},
		{
			name:  "throttled",
			page:  op.SignInPage{Status: 429, Username: "amelia", Message: op.MessageThrottled, RetryAfter: 2*time.Minute - 1},
			says:  "wait \u20682 minutes\u2069",
			focus: "password", wait: "120",
		},
		{
			name:  "busy",
			page:  op.SignInPage{Status: 503, Username: "amelia", Message: op.MessageBusy, RetryAfter: time.Millisecond},
			says:  "wait \u20681 second\u2069",
			focus: "password", wait: "1",
		},
		{
			name:  "busy without a time",
			page:  op.SignInPage{Status: 503, Message: op.MessageBusy},
			says:  "wait \u2068a few seconds\u2069",
			focus: "username",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := drawSignIn(t, c.page)
			if d.response.Code != c.page.Status {
				t.Errorf("status %d, want %d", d.response.Code, c.page.Status)
			}
			if got := d.response.Header().Get("Retry-After"); got != c.wait {
				t.Errorf("Retry-After %q, want %q", got, c.wait)
			}
			message := d.id("message")
			if !strings.Contains(text(message), c.says) || attribute(message, "role") != "alert" {
				t.Errorf("message %q, role %q; want an alert saying %q", text(message), attribute(message, "role"), c.says)
			}
			if got := d.focus(); got != c.focus {
				t.Errorf("focus on #%s, want #%s", got, c.focus)
			}
			if title := text(d.elements("title")[0]); !strings.HasPrefix(title, "Error: ") {
				t.Errorf("title %q", title)
			}
			var invalid []string
			for _, id := range []string{"username", "password"} {
				if attribute(d.id(id), "aria-describedby") != "message" {
					t.Errorf("#%s is not described by the message", id)
				}
				if attribute(d.id(id), "aria-invalid") == "true" {
					invalid = append(invalid, id)
				}
			}
			if diff := cmp.Diff(c.invalid, invalid); diff != "" {
				t.Errorf("invalid fields: %s", diff)
			}
		})
	}
}

func TestSignInFocusOnFirstSight(t *testing.T) {
	t.Parallel()
	for want, page := range map[string]op.SignInPage{
		"username": {},
		"password": {Username: "amelia"}, // login_hint
		"continue": {Username: "amelia", Account: "Amelia"},
	} {
		if got := drawSignIn(t, page).focus(); got != want {
			t.Errorf("focus on #%s, want #%s", got, want)
		}
	}
}

func TestContinueAs(t *testing.T) {
	t.Parallel()
	page := op.SignInPage{
		Action: "/sign-in", ContinueAction: "/continue", Ticket: "t", Proof: hostile, Account: "Amelia",
	}
	d := drawSignIn(t, page)
	if diff := cmp.Diff([]op.FormField{{Name: "ticket", Value: "t"}, {Name: "proof", Value: hostile}}, d.fields("continue-as")); diff != "" {
		t.Error(diff)
	}
	if got := attribute(d.id("continue-as"), "action"); got != "/continue" {
		t.Errorf("action %q", got)
	}
	if got := text(d.id("continue")); got != "Continue as \u2068Amelia\u2069" {
		t.Errorf("button %q", got)
	}
	if got := attribute(d.id("sign-in"), "action"); got != "/sign-in" {
		t.Errorf("the password form is missing or posts to %q", got)
	}
}

func TestConsentForm(t *testing.T) {
	t.Parallel()
	pages := testPages(t, Brand{}, "")
	d := draw(t, "de", func(w http.ResponseWriter, r *http.Request) {
		pages.Consent(w, r, op.ConsentPage{
			Action: "/consent", Ticket: "t", Proof: "p", ClientName: "Pond", Account: "Amelia",
			Scopes: []string{"openid", "email", "orders:read"}, UILocales: []string{"en"},
		})
	})
	if diff := cmp.Diff([]op.FormField{{Name: "ticket", Value: "t"}, {Name: "proof", Value: "p"}}, d.fields("consent")); diff != "" {
		t.Error(diff)
	}
	for id, value := range map[string]string{"allow": "allow", "deny": "deny"} {
		if b := d.id(id); attribute(b, "name") != "consent" || attribute(b, "value") != value {
			t.Errorf("button #%s sends %s=%s", id, attribute(b, "name"), attribute(b, "value"))
		}
	}
	var scopes []string
	for _, n := range d.elements("li") {
		scopes = append(scopes, text(n))
	}
	want := []string{"an identifier that recognises you on your next visit", "your email address", "orders:read"}
	if diff := cmp.Diff(want, scopes); diff != "" {
		t.Error(diff)
	}
	if d.focus() != "" {
		t.Error("a careless Enter must not answer")
	}
}

func TestSignOutForm(t *testing.T) {
	t.Parallel()
	pages := testPages(t, Brand{}, "")
	d := draw(t, "en", func(w http.ResponseWriter, r *http.Request) {
		pages.SignOut(w, r, op.SignOutPage{Action: "/end_session", Proof: "p", Account: "Amelia"})
	})
	if diff := cmp.Diff([]op.FormField{{Name: "proof", Value: "p"}}, d.fields("sign-out")); diff != "" {
		t.Error(diff)
	}
	if text(d.id("confirm")) != "Sign out" || text(d.id("everywhere")) != "Sign out on all devices" {
		t.Errorf("buttons %q, %q", text(d.id("confirm")), text(d.id("everywhere")))
	}
}

func TestErrorPage(t *testing.T) {
	t.Parallel()
	pages := testPages(t, Brand{}, "")
	for _, c := range []struct {
		page         op.ErrorPage
		status       int
		says, header string
	}{
		{op.ErrorPage{Status: 400}, 400, "cannot accept", ""},
		{op.ErrorPage{Status: 404}, 404, "no page", ""},
		{op.ErrorPage{Status: 429, RetryAfter: time.Minute}, 429, "60 seconds", "60"},
		{op.ErrorPage{Status: 503, RetryAfter: 5 * time.Second}, 503, "5 seconds", "5"},
		{op.ErrorPage{Status: 500}, 500, "our side", ""},
		{op.ErrorPage{}, 500, "our side", ""},
	} {
		c.page.Code, c.page.RequestID, c.page.Description = "invalid_request", "r-1", "client_id is missing"
		d := draw(t, "en", func(w http.ResponseWriter, r *http.Request) { pages.Error(w, r, c.page) })
		if d.response.Code != c.status || d.response.Header().Get("Retry-After") != c.header {
			t.Errorf("status %d, Retry-After %q; want %d, %q", d.response.Code, d.response.Header().Get("Retry-After"), c.status, c.header)
		}
		if text(d.id("error")) != "invalid_request" || text(d.id("request-id")) != "r-1" {
			t.Errorf("#error %q, #request-id %q", text(d.id("error")), text(d.id("request-id")))
		}
		if got := text(d.elements("main")[0]); !strings.Contains(got, c.says) || !strings.Contains(got, "client_id is missing") {
			t.Errorf("status %d says %q, want %q in it", c.status, got, c.says)
		}
	}
}

//security:16-form-action
func TestFormPostGoesToOneOrigin(t *testing.T) {
	t.Parallel()
	pages := testPages(t, Brand{}, "")
	fields := []op.FormField{{Name: "id_token", Value: "a.b.c"}, {Name: "state", Value: strings.Repeat("é\"'<&+%2B", 1000)}, {Name: "submit", Value: "x"}}
	for address, origin := range map[string]string{
		"https://ts.lp.example/w?a=1&b='%7B{}": "https://ts.lp.example",
		"https://TS.lp.example:8443/w":         "https://TS.lp.example:8443",
		"http://127.0.0.1:5000/cb":             "http://127.0.0.1:5000",
	} {
		d := draw(t, "en", func(w http.ResponseWriter, r *http.Request) {
			pages.FormPost(w, r, op.FormPostPage{Action: address, Fields: fields, ClientName: "Pond"})
		})
		if diff := cmp.Diff(fields, d.fields("form-post")); diff != "" {
			t.Error(diff)
		}
		if got := attribute(d.id("form-post"), "action"); got != address {
			t.Errorf("to %q, want %q", got, address)
		}
		want := strings.Replace(scriptPolicy, "form-action 'self'", "form-action "+origin, 1)
		if got := d.response.Header().Get("Content-Security-Policy"); got != want {
			t.Errorf("Content-Security-Policy %q, want %q", got, want)
		}
	}
	for _, address := range []string{
		"", "/cb", "com.brand.app:/cb", "javascript:alert(1)", "data:text/html,x", "https://[::1]/cb", "https://*/cb", "https://*.lp.example/cb",
		"https://a;script-src/cb", "https://a,b/cb", "https://a'b/cb", "https://a b/cb", "https:///cb", "https://lp.example\r\n/cb", "https:cb",
	} {
		d := draw(t, "en", func(w http.ResponseWriter, r *http.Request) {
			pages.FormPost(w, r, op.FormPostPage{Action: address, Fields: fields})
		})
		if d.response.Code != http.StatusInternalServerError || d.id("form-post") != nil || strings.Contains(d.response.Body.String(), "a.b.c") {
			t.Errorf("%q: status %d", address, d.response.Code)
		}
	}
}

func TestRepostKeepsEveryField(t *testing.T) {
	t.Parallel()
	pages := testPages(t, Brand{}, "")
	fields := []op.FormField{
		{Name: "state", Value: strings.Repeat("é\"'<&", 2000)},
		{Name: "submit", Value: "x"},
		{Name: "state", Value: "again"},
		{Name: hostile, Value: ""},
	}
	d := draw(t, "en", func(w http.ResponseWriter, r *http.Request) {
		pages.Repost(w, r, op.RepostPage{Action: "/authorize", Fields: fields})
	})
	if diff := cmp.Diff(fields, d.fields("repost")); diff != "" {
		t.Error(diff)
	}
	if b := d.id("continue"); b == nil || has(b, "name") {
		t.Error("no button, or one that sends a field of its own")
	}
}
