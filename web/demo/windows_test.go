package demo_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web/webtest"
)

// window is a conversation's window as its consumer sees it: a frame on the
// brand's page, or a window of its own.
type window struct {
	t   *testing.T
	tab context.Context //nolint:containedctx // a tab of chromedp is a context
	// of is the conversation in it.
	of string
}

// begun gives a window once a conversation has begun in it.
func begun(tab context.Context, t *testing.T, outcome string) window {
	t.Helper()
	if got := see(tab, t, "#outcome"); got != outcome {
		t.Fatalf("the window says %q:\n%s", got, see(tab, t, "main"))
	}
	see(tab, t, "#chat")
	attributes, err := chromedp.Run(tab, chromedp.Attributes(chromedp.CSS("#chat")))
	if err != nil {
		t.Fatal(err)
	}
	return window{t, tab, attributes["data-conversation"]}
}

// see gives the text of an element, once it is visible.
func (w window) see(selector string) string {
	w.t.Helper()
	return see(w.tab, w.t, selector)
}

// writes has the consumer write a message. The form is sent by the document, since
// keys go to whatever has the focus, which is the page around a frame at times.
func (w window) writes(text string) {
	w.t.Helper()
	do(w.tab, w.t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
		`{ const form = document.querySelector("#write"); form.querySelector("input").value = %q; form.requestSubmit(); }`, text)))
}

// embed begins a conversation on the brand's page.
func embed(tab context.Context, t *testing.T, button, outcome string) window {
	t.Helper()
	do(tab, t, click(button))
	return begun(webtest.Frame(tab, t), t, outcome)
}

// external begins a conversation in a window of its own, with somebody who signs
// in there if consumer is one.
func (s *stage) external(tab context.Context, t *testing.T, button string, consumer int) window {
	t.Helper()
	do(tab, t, chromedp.WaitEnabled(chromedp.CSS(button)))
	opened := webtest.NewWindow(tab, t, click(button))
	if consumer >= 0 {
		s.fillIn(opened, t, consumer)
	}
	w := begun(opened, t, "Authenticated")
	address, err := chromedp.Run(opened, chromedp.Location())
	if err != nil || strings.ContainsAny(address, "?#") {
		t.Errorf("the window ends at %s, error %v", address, err)
	}
	return w
}

// talk has consumer and agent write to each other, and the agent see who the
// consumer is.
func (s *stage) talk(w window, name string, facts ...string) {
	t := w.t
	t.Helper()
	w.writes("Is anybody there?")
	webtest.Eventually(t, "the message arrives", func() bool { return s.wrote(w.of, standin.ByConsumer, "Is anybody there?") })
	desk := s.browser(t).Get(s.Addresses.Cloud + "/desk/" + w.of)
	agentSees(t, desk.Text("consumer"), name, facts...)
	if got := desk.Text("messages"); !strings.Contains(got, "Is anybody there?") {
		t.Errorf("the agent reads %q", got)
	}
	if !strings.Contains(desk.Body, `class="consumer" data-author="`+name+`">`) || desk.Element("anonymous") != nil {
		t.Errorf("the agent's desk:\n%s", desk.Body)
	}
	if answer := desk.Submit("write", map[string]string{"text": "I am, " + name}); answer.Target() != "/desk/"+w.of {
		t.Errorf("the agent's message: status %d", answer.Status)
	}
	if got := w.see("#messages .agent"); got != "I am, "+name {
		t.Errorf("the consumer reads %q", got)
	}
}

func (s *stage) wrote(id string, by standin.Author, text string) bool {
	conversation, found := s.Cloud.Conversation(id)
	if !found {
		return false
	}
	for _, message := range conversation.Messages {
		if message.By == by && message.Text == text {
			return true
		}
	}
	return false
}

// checked holds the checks of the latest token of a conversation against those
// that there are: all have passed.
func (s *stage) checked(t *testing.T, id string, way standin.Way, more ...string) {
	t.Helper()
	s.checkedBut(t, id, way, map[string]string{}, more...)
}

// withoutIdentity is checked where the page could not name anybody beforehand.
func (s *stage) withoutIdentity(t *testing.T, id string, way standin.Way, more ...string) {
	t.Helper()
	s.checkedBut(t, id, way, map[string]string{"identity": string(standin.LeftOut)}, more...)
}

func (s *stage) checkedBut(t *testing.T, id string, way standin.Way, but map[string]string, more ...string) {
	t.Helper()
	conversation := s.found(t, id)
	if conversation.Way != way {
		t.Errorf("the consumer came by %s, want %s", conversation.Way, way)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, check := range conversation.Checks {
		got[check.Name] = string(check.Outcome)
	}
	if conversation.Renewals > 0 {
		more = append(more, "conversation") // that it is the same consumer's
	}
	for _, name := range append(more, "account", "segments", "alg", "kid", "signature", "pasted", "iss", "sub", "identity", "aud", "iat", "exp", "lp_sdes") {
		want[name] = string(standin.Passed)
	}
	maps.Copy(want, but)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

// Each connector, in the embedded window and in one of its own, ends in a
// conversation in which every check has passed, of the consumer whom the agent
// sees; the embedded one goes on in a window of its own.
//
//contract:1.2-iss-identity 2.1-rfc-state 2.1-rfc-id-token 2.1-rfc-code 2.1-legacy-address 2.1-legacy-token 2.1-legacy-code 2.2-pkce 2.2-top-level
//contract:2.3-fragment 2.3-code 2.3-ampersand 2.4-token-source 2.4-script 2.4-default-address 2.5-verifier 2.6-embedded 2.6-external
//contract:3.1-string 3.1-object 3.1-challenge 3.2-keys 3.2-same 5.5-several 6.2-implicit 6.2-code
func TestWindows(t *testing.T) {
	t.Parallel()
	start(t).windows(t)
}

// windows goes through the windows of each connector.
func (s *stage) windows(t *testing.T) {
	t.Helper()
	for connector, test := range map[string]struct {
		embedded, external standin.Way
		checks, window     []string // further ones, of every token and of the external window's
	}{
		"messaging":             {standin.Embedded, standin.WindowIDToken, nil, []string{"state"}},
		"messaging-code":        {standin.EmbeddedCode, standin.WindowCode, []string{"code", "token-response"}, []string{"state"}},
		"messaging-pkce":        {standin.EmbeddedCode, standin.WindowCode, []string{"code", "token-response"}, []string{"state"}},
		"messaging-legacy":      {standin.Embedded, standin.WindowIDToken, nil, []string{"state", "nonce"}},
		"messaging-legacy-code": {standin.EmbeddedCode, standin.WindowCode, []string{"code", "token-response"}, []string{"state", "nonce"}},
	} {
		t.Run(connector, func(t *testing.T) {
			t.Parallel()
			tab := webtest.Chromium(t)
			s.signIn(tab, t, connector, 0)
			inPage := embed(tab, t, "#embedded", "Authenticated")
			s.talk(inPage, "Amelia Pond", ameliasFacts...)
			s.checked(t, inPage.of, test.embedded, test.checks...)
			noErrors(tab, t)

			popped := s.external(tab, t, "[name=pop-out]", -1)
			if popped.of != inPage.of {
				t.Errorf("conversation %s goes on as %s", inPage.of, popped.of)
			}
			if got := popped.see("#messages .agent"); got != "I am, Amelia Pond" {
				t.Errorf("of what was written there is %q", got)
			}
			s.checked(t, popped.of, test.external, append(test.checks, test.window...)...)
			noErrors(popped.tab, t)

			another := s.external(tab, t, "#external", -1)
			if another.of == inPage.of {
				t.Error("another window has the same conversation")
			}
			s.talk(another, "Amelia Pond", ameliasFacts...)
			s.checked(t, another.of, test.external, append(test.checks, test.window...)...)
			noErrors(another.tab, t)
			noErrors(tab, t)
		})
	}
}

// An older connector takes the ID token in the query too, where it is set so, and
// by each of the documented names.
//
//contract:2.3-fragment 2.3-query 2.3-name
func TestLegacyPlacements(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ setting, query string }{
		"fragment":              {"response_placement: fragment", ""},
		"query":                 {"response_placement: query", "token"},
		"query, as code":        {"response_placement: query\n      token_parameter: code", "code"},
		"fragment, as id_token": {"token_parameter: id_token", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startAt(t, brandName, func(brandFile string) string {
				return strings.Replace(brandFile, "variant: legacy\n", "variant: legacy\n      "+test.setting+"\n", 1)
			})
			tab := webtest.Chromium(t)
			do(tab, t, chromedp.Navigate(s.Brand+"/?connector=messaging-legacy"))
			w := s.external(tab, t, "#external", 1)
			s.talk(w, "Rory Williams")
			s.withoutIdentity(t, w.of, standin.WindowIDToken, "state", "nonce")
			s.returns.Lock()
			defer s.returns.Unlock()
			for _, query := range s.returns.queries {
				for _, parameter := range []string{"token", "code", "id_token"} {
					if query.Has(parameter) != (parameter == test.query) {
						t.Errorf("%s in the query: %v", parameter, query.Has(parameter))
					}
				}
			}
			if len(s.returns.queries) != 1 {
				t.Errorf("the window was led back %d times", len(s.returns.queries))
			}
		})
	}
}

// Somebody who is not signed in yet signs in in the window itself, and is nobody
// else than who they are.
//
//contract:2.2-top-level 2.2-small-window
func TestSecondConsumerInTheWindow(t *testing.T) {
	t.Parallel()
	s := start(t)
	tab := webtest.Chromium(t)
	do(tab, t, chromedp.Navigate(s.Brand+"/?connector=messaging-code"))
	w := s.external(tab, t, "#external", 1)
	s.withoutIdentity(t, w.of, standin.WindowCode, "state", "code", "token-response")
	agentSees(t, w.see("#consumer"), "Rory Williams",
		"rory@larkspur.example", "business", "204419RW", "25.00 GBP", "Royal Leadworth Hospital", "500", "nurse", "29 February 2024")
	if beside := w.see("#anonymous"); !strings.Contains(beside, "Not verified") || strings.Contains(beside, "Rory") {
		t.Errorf("beside it:\n%s", beside)
	}
	if payload := w.see("#payload"); !strings.Contains(payload, `"lp_sdes": [`) || !strings.Contains(payload, s.Addresses.Provider) {
		t.Errorf("the token's payload:\n%s", payload)
	}
	noErrors(w.tab, t)
	screenshot(w.tab, t, "window")
	fitsPhone(w.tab, t)
	do(w.tab, t, chromedp.Navigate(s.Addresses.Cloud))
	if text := see(w.tab, t, ".desk"); !strings.Contains(text, "Rory Williams") || !strings.Contains(text, "External window, code") {
		t.Errorf("the desk:\n%s", text)
	}
	screenshot(w.tab, t, "desk")
	fitsPhone(w.tab, t)
}

// Who signs out of the brand is signed out of the provider, too, and is back at
// the brand; a conversation asks them politely to sign in.
//
//contract:1.10-nobody 2.9-offline 3.1-error 3.2-null 6.5-signed-out
func TestSignOut(t *testing.T) {
	t.Parallel()
	s := start(t)
	tab := webtest.Chromium(t)
	s.signIn(tab, t, "messaging", 0)
	if got := see(tab, t, "#greeting"); got != "Hello Amelia" {
		t.Errorf("the brand says %q", got)
	}
	screenshot(tab, t, "brand")
	fitsPhone(tab, t)
	do(tab, t, click("#sign-out"), chromedp.WaitVisible(chromedp.CSS("#sign-in")), chromedp.WaitEnabled(chromedp.CSS("#embedded")))
	screenshot(tab, t, "brand-signed-out")
	do(tab, t, click("#embedded"))
	if got := see(webtest.Frame(tab, t), t, "#message"); !strings.HasPrefix(got, "You are not signed in.") {
		t.Errorf("the embedded window says %q", got)
	}
	for _, line := range webtest.ConsoleErrors(tab) {
		if !strings.Contains(line, "401") {
			t.Errorf("error in the console: %s", line)
		}
	}
	screenshot(tab, t, "signed-out-embedded")
	focused(tab, t, "close")
	do(tab, t, click("[name=close]"), chromedp.WaitNotPresent(chromedp.CSS("#conversation")))
	if len(s.Cloud.Conversations()) != 0 {
		t.Error("somebody was let in")
	}
}
