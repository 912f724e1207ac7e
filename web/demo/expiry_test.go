package demo_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web/webtest"
)

// later moves the clocks on: of the provider, of the cloud, and of a page.
func (s *stage) later(tab context.Context, t *testing.T, d time.Duration) {
	t.Helper()
	do(tab, t, chromedp.Evaluate[chromedp.Void](fmt.Sprintf("{ const before = Date.now; Date.now = () => before() + %d; }", d.Milliseconds())))
	s.Provider.Advance(d)
}

// expired expects that a consumer token no longer writes, and that nobody tells
// the agent.
func (s *stage) expired(t *testing.T, before *standin.Conversation) {
	t.Helper()
	b := s.browser(t)
	refused := b.Do(b.RawRequest(http.MethodPost, s.Addresses.Cloud+"/api/account/"+s.Cloud.AccountID()+"/conversations/"+before.ID+"/messages",
		"application/json", `{"text":"with the token of before"}`, "Authorization", "jwt "+before.ConsumerToken))
	if refused.Status != http.StatusUnauthorized || !strings.Contains(refused.Body, "token expired") {
		t.Errorf("a message with the token of before: status %d, %s", refused.Status, refused.Body)
	}
	if err := s.Cloud.AgentWrites(before.ID, "Take your time."); err != nil {
		t.Errorf("the agent: %v", err)
	}
}

func (s *stage) found(t *testing.T, id string) *standin.Conversation {
	t.Helper()
	conversation, found := s.Cloud.Conversation(id)
	if !found {
		t.Fatalf("no conversation %s", id)
	}
	return conversation
}

// known counts the conversations with somebody whom the provider vouches for; an
// anonymous one is made for comparison.
func (s *stage) known() int {
	count := 0
	for _, conversation := range s.Cloud.Conversations() {
		if conversation.Way != standin.Anonymous {
			count++
		}
	}
	return count
}

// When the token expires in mid-conversation, the embedded window calls the page's
// JS method again, and the conversation goes on.
//
//contract:2.7-embedded 2.7-agent 3.1-again
func TestExpiryInTheEmbeddedWindow(t *testing.T) {
	t.Parallel()
	for connector, test := range map[string]struct {
		way    standin.Way
		checks []string
	}{
		"messaging": {standin.Embedded, nil}, "messaging-pkce": {standin.EmbeddedCode, []string{"code", "token-response"}},
	} {
		t.Run(connector, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			tab := webtest.Chromium(t)
			s.signIn(tab, t, connector, 0)
			do(tab, t, chromedp.Evaluate[chromedp.Void](`{
				const method = lpGetAuthenticationToken;
				window.calls = 0;
				window.lpGetAuthenticationToken = (...brought) => { window.calls++; method(...brought); };
			}`))
			w := embed(tab, t, "#embedded", "Authenticated")
			s.talk(w, "Amelia Pond")

			before := s.found(t, w.of)
			s.later(tab, t, before.Expires.Sub(s.Provider.Now())+time.Minute)
			s.expired(t, before)
			w.writes("I am still here.")
			webtest.Eventually(t, "the message arrives", func() bool { return s.wrote(w.of, standin.ByConsumer, "I am still here.") })
			after := s.found(t, w.of)
			if after.Renewals != 1 || after.Consumer.ID != before.Consumer.ID || !after.Expires.After(s.Provider.Now()) || s.known() != 1 {
				t.Errorf("%d fresh tokens, consumer %s then %s, ends %v, %d conversations",
					after.Renewals, before.Consumer.ID, after.Consumer.ID, after.Expires, s.known())
			}
			if calls, err := chromedp.Run(tab, chromedp.Evaluate[int]("window.calls")); err != nil || calls != 2 {
				t.Errorf("the method was called %d times, error %v", calls, err)
			}
			if got := w.see("#messages li:nth-child(3)"); got != "Take your time." {
				t.Errorf("the consumer reads %q", got)
			}
			s.checked(t, w.of, test.way, test.checks...)
		})
	}
}

// The external window asks the visitor to sign in, and goes to the provider again:
// which answers at once, or asks, if the session has ended too.
//
//contract:2.7-external 2.7-agent
func TestExpiryInTheExternalWindow(t *testing.T) {
	t.Parallel()
	for connector, test := range map[string]struct {
		later    time.Duration
		signedIn bool // still, at the provider
		way      standin.Way
		checks   []string
	}{
		"messaging-pkce":   {61 * time.Minute, true, standin.WindowCode, []string{"state", "code", "token-response"}},
		"messaging-legacy": {25 * time.Hour, false, standin.WindowIDToken, []string{"state", "nonce"}},
	} {
		t.Run(connector, func(t *testing.T) {
			t.Parallel()
			s := start(t)
			tab := webtest.Chromium(t)
			s.signIn(tab, t, connector, 0)
			w := s.external(tab, t, "#external", -1)
			s.talk(w, "Amelia Pond")

			before := s.found(t, w.of)
			s.later(tab, t, test.later)
			s.expired(t, before)
			w.see("#expired")
			do(w.tab, t, click("#sign-in-again"))
			if !test.signedIn {
				s.fillIn(w.tab, t, 0)
			}
			webtest.Eventually(t, "the conversation goes on", func() bool { return s.found(t, w.of).Renewals == 1 })
			if got := w.see("#messages li:nth-child(3)"); got != "Take your time." {
				t.Errorf("the consumer reads %q", got)
			}
			w.writes("I am still here.")
			webtest.Eventually(t, "the message arrives", func() bool { return s.wrote(w.of, standin.ByConsumer, "I am still here.") })
			if after := s.found(t, w.of); after.Consumer.ID != before.Consumer.ID || s.known() != 1 {
				t.Errorf("consumer %s then %s, %d conversations", before.Consumer.ID, after.Consumer.ID, s.known())
			}
			s.checked(t, w.of, test.way, test.checks...)
		})
	}
}
