package demo_test

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web/demo"
)

func TestBrandFile(t *testing.T) {
	t.Parallel()
	secrets, err := demo.MakeSecrets(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if secrets.Passwords[0] == secrets.Passwords[1] || len(secrets.Passwords[0]) != len("abcd-efgh-ijkl") || secrets.Site == secrets.Connectors["messaging-code"] {
		t.Errorf("secrets %+v", secrets)
	}
	addresses := demo.Addresses{Provider: "http://localhost:8080", Brand: "http://localhost:8081", Cloud: "http://localhost:8082"}
	file, err := demo.BrandFile(addresses, secrets, 90*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if _, faults := brandfile.Parse("brand.yaml", file, brandfile.Options{Issuer: addresses.Provider}); faults != nil {
		t.Error(faults)
	}
	if got := strings.Count(string(file), "id_token_lifetime: 1m30s\n"); got != len(secrets.Connectors)+2 {
		t.Errorf("tokens of %d connectors live for 90s; of those without a secret there are 2, of the others %d", got, len(secrets.Connectors))
	}
}

// A sign-in that did not begin in this browser, or did not end well, signs nobody
// in, and the page says so without the cause.
func TestCallbackRefuses(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, test := range map[string]struct {
		change func(url.Values)
		status int
		says   string
	}{
		"no state":      {func(v url.Values) { v.Del("state") }, http.StatusBadRequest, "begin again"},
		"another state": {func(v url.Values) { v.Set("state", "x") }, http.StatusBadRequest, "begin again"},
		"no issuer":     {func(v url.Values) { v.Del("iss") }, http.StatusBadRequest, "begin again"},
		"another code":  {func(v url.Values) { v.Set("code", "x") }, http.StatusBadRequest, "begin again"},
		"error": {func(v url.Values) {
			v.Set("error", "access_denied")
			v.Set("error_description", "<script>")
		}, http.StatusOK, "was not completed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := s.browser(t)
			request := b.Get(s.Brand + "/sign-in").Target()
			answer := b.Get(request).SignIn(demo.Usernames[0], s.Secrets.Passwords[0]).Target()
			address, query, _ := strings.Cut(answer, "?")
			values, err := url.ParseQuery(query)
			if err != nil || address != s.Brand+"/callback" {
				t.Fatalf("the provider leads to %s, error %v", answer, err)
			}
			test.change(values)
			page := b.Get(address + "?" + values.Encode())
			if page.Status != test.status || !strings.Contains(page.Text("message"), test.says) || strings.Contains(page.Body, "<script>") {
				t.Errorf("status %d:\n%s", page.Status, page.Body)
			}
			if again := b.Get(answer); again.Status != http.StatusBadRequest {
				t.Errorf("the same sign-in a second time: status %d", again.Status)
			}
			if home := b.Get(s.Brand + "/"); strings.Contains(home.Text("greeting"), "Hello") {
				t.Error("somebody is signed in")
			}
		})
	}
}

func TestSitesKeepToThemselves(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.browser(t)
	for _, site := range []string{s.Brand, s.Addresses.Cloud} {
		page := b.Get(site + "/")
		policy := page.Header.Get("Content-Security-Policy")
		if page.Status != http.StatusOK || !strings.Contains(policy, "default-src 'none'") || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: status %d, headers %v", site, page.Status, page.Header)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "evil.example"
		if page := b.Do(request); page.Status != http.StatusMisdirectedRequest {
			t.Errorf("%s answers to another name: status %d", site, page.Status)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.Brand+"/sign-out", nil)
	if err != nil {
		t.Fatal(err)
	}
	if page := b.Do(request.Clone(t.Context())); page.Target() != "/" {
		t.Errorf("who is signed out already is led to %s", page.Target())
	}
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	if page := b.Do(request); page.Status != http.StatusForbidden {
		t.Errorf("another site signs people out: status %d", page.Status)
	}
}

// A refused token is shown with a cross where it fails, and nobody as the
// consumer.
func TestRefusedConversation(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.browser(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
		s.Addresses.Cloud+"/api/account/"+demo.AccountID+"/app/messaging/authenticate?v=3.0", strings.NewReader(`{"id_token":"a.<b>.c"}`))
	if err != nil {
		t.Fatal(err)
	}
	answer := b.Do(request)
	var refusal struct {
		Code int `json:"internalErrorCode"`
	}
	if err := json.Unmarshal([]byte(answer.Body), &refusal); err != nil || refusal.Code == 0 || answer.Status != http.StatusUnauthorized {
		t.Fatalf("status %d: %s", answer.Status, answer.Body)
	}
	page := b.Get(s.Addresses.Cloud + answer.Header.Get("Content-Location"))
	if page.Text("outcome") != "Refused" || page.Element("consumer") != nil || strings.Contains(page.Body, "<b>") ||
		!strings.Contains(page.Body, `data-check="segments" data-outcome="failed"`) || !strings.Contains(page.Body, `data-check="sub" data-outcome="left-out"`) {
		t.Errorf("the page:\n%s", page.Body)
	}
	if desk := b.Get(s.Addresses.Cloud + "/"); !strings.Contains(desk.Body, "Refused") {
		t.Errorf("the desk:\n%s", desk.Body)
	}
}

func TestWindowsThatAreNot(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.browser(t)
	foreign := url.Values{"lpUnifiedWindowConfig": {`{"accountId":"87654321","engConf":{"connector":{"id":"messaging"}}}`}}
	ended := url.Values{"lpUnifiedWindowConfig": {`{"accountId":"` + demo.AccountID + `","engConf":{"ssid":"x","connector":{"id":"messaging"}}}`}}
	for address, test := range map[string]struct {
		status int
		says   string
	}{
		standin.WindowPath + "?" + foreign.Encode(): {http.StatusBadRequest, "no account here"},
		standin.WindowPath + "?" + ended.Encode():   {http.StatusBadRequest, "The visit has ended"},
		standin.ConversationPath + "x":              {http.StatusNotFound, "no such conversation"},
		"/offline?reason=login_required":            {http.StatusOK, "You are not signed in"},
		"/offline?reason=no_method":                 {http.StatusOK, "no way to tell"},
		"/offline?reason=%3Cscript%3E":              {http.StatusOK, "could not find out who you are"},
	} {
		page := b.Get(s.Addresses.Cloud + address)
		if page.Status != test.status || !strings.Contains(page.Text("message"), test.says) || page.Target() != "" {
			t.Errorf("%s: status %d, says %q", address, page.Status, page.Text("message"))
		}
	}
	if page := b.Get(s.Addresses.Cloud + "/elsewhere"); page.Status != http.StatusNotFound {
		t.Errorf("an unknown page: status %d", page.Status)
	}
}

// The agent writes on the desk's own page alone, something, in a conversation that
// there is.
func TestAgentWritesRefuses(t *testing.T) {
	t.Parallel()
	s := start(t)
	b := s.browser(t)
	conversation, err := s.Cloud.Arrive()
	if err != nil {
		t.Fatal(err)
	}
	there := "/desk/" + conversation.ID
	for name, test := range map[string]struct {
		path, text, site string
		status           int
		says             string
	}{
		"there is none": {"/desk/x", "Hello", "same-origin", http.StatusNotFound, "no such conversation"},
		"nothing":       {there, " ", "same-origin", http.StatusBadRequest, "Text must not be empty."},
		"too much":      {there, strings.Repeat("x", 32<<10), "same-origin", http.StatusBadRequest, "Text must not be empty."},
		"another site":  {there, "Hello", "cross-site", http.StatusForbidden, ""},
	} {
		page := b.Do(b.Request(s.Addresses.Cloud+test.path, url.Values{"text": {test.text}}, "Sec-Fetch-Site", test.site))
		if page.Status != test.status || !strings.Contains(page.Text("message"), test.says) {
			t.Errorf("%s: status %d, says %q", name, page.Status, page.Text("message"))
		}
	}
	if page := b.Get(s.Addresses.Cloud + "/desk/x"); page.Status != http.StatusNotFound {
		t.Errorf("a conversation that is not there: status %d", page.Status)
	}
	page := b.Get(s.Addresses.Cloud + there)
	if page.Text("messages") != "" {
		t.Errorf("messages: %q", page.Text("messages"))
	}
	if page.Submit("write", map[string]string{"text": "<b>Hello</b>"}); b.Get(s.Addresses.Cloud+there).Text("messages") != "<b>Hello</b>" {
		t.Error("what the agent wrote is not there, or not as it was written")
	}
}
