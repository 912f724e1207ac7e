package demo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// conversationView is one attempt, in words.
type conversationView struct {
	*standin.Conversation
	// Desk: it is the agent who looks, not the consumer.
	Desk bool
	// MessagesPath and WindowPath are for the script of the consumer's side.
	MessagesPath, WindowPath string
	WayTitle                 string
	Steps                    []string
	Passed                   int // checks
	Agent                    *card
	// Anonymous is somebody else's card, for comparison.
	Anonymous       *card
	Header, Payload string // of the token, indented
	Segments        []string
}

// wayTitles say how a consumer came in.
var wayTitles = map[standin.Way]string{
	standin.WindowIDToken: "External window, ID token",
	standin.WindowCode:    "External window, code",
	standin.Embedded:      "Embedded window, ID token",
	standin.EmbeddedCode:  "Embedded window, code",
	standin.App:           "App",
	standin.Anonymous:     "Without a name",
}

func titleOf(c *standin.Conversation) string {
	title := wayTitles[c.Way]
	if c.Connector.PKCE {
		title += ", PKCE"
	}
	if c.Connector.Legacy {
		title += ", older connector"
	}
	return title
}

// stepsOf tells how a consumer came in, one step after the other.
func stepsOf(c *standin.Conversation) []string {
	if c.Way == standin.Anonymous {
		return []string{"The tag asked Conversational Cloud itself for an anonymous consumer. The brand's provider had no part in it."}
	}
	var steps []string
	if c.SteppedUp {
		steps = append(steps, "The conversation was begun by an anonymous consumer, who has signed in since.")
	}
	thing, challenge, whither := "an ID token", "", "state"
	if c.Connector.CodeFlow {
		thing = "a code"
	}
	if c.Connector.PKCE {
		challenge = ", with the challenge of a proof key of the cloud's"
	}
	if c.Connector.Legacy {
		whither = "the query of its address"
	}
	switch c.Way {
	case standin.Embedded, standin.EmbeddedCode:
		steps = append(steps,
			"The tag called the page's JS method"+challenge+".",
			"The provider's page script fetched "+thing+" for whoever is signed in, for this page's origin alone.",
			"The tag handed it to Conversational Cloud.")
	default:
		steps = append(steps,
			"The window asked the provider for "+thing+challenge+"; what belongs to the window went along in "+whither+".",
			"The provider answered in the window's address, from which the script took it at once.",
			"The window's script handed it to Conversational Cloud.")
	}
	if c.Connector.CodeFlow {
		steps = append(steps, "Conversational Cloud redeemed the code at the token endpoint, with the connector's secret. The token never was in the browser.")
	}
	switch {
	case c.Renewals == 1:
		steps = append(steps, "A fresh token has been brought once.")
	case c.Renewals > 1:
		steps = append(steps, fmt.Sprintf("A fresh token has been brought %d times.", c.Renewals))
	}
	return steps
}

// conversation is what the consumer's window shows.
func (c *cloud) conversation(w http.ResponseWriter, r *http.Request) { c.showConversation(w, r, false) }

// atDesk is the agent's view of a conversation.
func (c *cloud) atDesk(w http.ResponseWriter, r *http.Request) { c.showConversation(w, r, true) }

// agentWrites is a message of the agent.
func (c *cloud) agentWrites(w http.ResponseWriter, r *http.Request) {
	const maxForm = 16 << 10
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := c.standin.AgentWrites(r.PathValue("id"), r.PostFormValue("text"))
	if refusal, refused := errors.AsType[*standin.RefusalError](err); refused {
		c.showOffline(w, refusal.Status, refusal.Message+".")
		return
	}
	http.Redirect(w, r, "/desk/"+url.PathEscape(r.PathValue("id")), http.StatusSeeOther)
}

func (c *cloud) showConversation(w http.ResponseWriter, r *http.Request, desk bool) {
	found, ok := c.standin.Conversation(r.PathValue("id"))
	if !ok {
		c.showOffline(w, http.StatusNotFound, "There is no such conversation any more.")
		return
	}
	v := conversationView{
		Conversation: found, Desk: desk, WayTitle: titleOf(found), Steps: stepsOf(found), WindowPath: standin.WindowPath,
		MessagesPath: "/api/account/" + c.standin.AccountID() + "/conversations/" + found.ID + "/messages",
	}
	for _, check := range found.Checks {
		if check.Outcome == standin.Passed {
			v.Passed++
		}
	}
	if found.Consumer != nil {
		v.Agent = cardOf(found)
	}
	if found.Token != nil {
		v.Header, v.Payload, v.Segments = indented(found.Token.Header), indented(found.Token.Payload), found.Token.Segments()
	}
	title := "Authenticated"
	switch {
	case found.Refusal != nil:
		title = "Refused"
	case found.Way == standin.Anonymous:
		title = "Anonymous"
	case desk || found.SteppedUp:
		// Beside somebody who came without a name, or whom the agent talks with, a
		// stranger would be taken for them.
	default:
		stranger, err := c.stranger()
		if err != nil {
			c.showOffline(w, http.StatusInternalServerError, "No anonymous consumer could be made.")
			return
		}
		v.Anonymous = cardOf(stranger)
	}
	c.draw(w, http.StatusOK, conversationPage, title, v)
}

// stranger is the latest anonymous consumer; one arrives if there was none.
func (c *cloud) stranger() (*standin.Conversation, error) {
	for _, attempt := range c.standin.Conversations() {
		if attempt.Way == standin.Anonymous {
			return attempt, nil
		}
	}
	return c.standin.Arrive()
}

// indented lays JSON out for reading; "" if it is none.
func indented(data json.RawMessage) string {
	var out bytes.Buffer
	if json.Indent(&out, data, "", "  ") != nil {
		return ""
	}
	return out.String()
}

// deskView is the agent's desk.
type deskView struct {
	AccountID     string
	Conversations []deskLine
}

type deskLine struct {
	ID, Name, WayTitle, Began string
	Refused, Verified         bool
}

func (c *cloud) desk(w http.ResponseWriter, _ *http.Request) {
	desk := deskView{AccountID: c.standin.AccountID()}
	for _, attempt := range c.standin.Conversations() {
		line := deskLine{
			ID: attempt.ID, Name: "Nobody", WayTitle: titleOf(attempt), Began: attempt.Began.Format("15:04:05"),
			Refused: attempt.Refusal != nil,
		}
		if attempt.Consumer != nil {
			line.Name, line.Verified = cardOf(attempt).Name, attempt.Consumer.Verified
		}
		desk.Conversations = append(desk.Conversations, line)
	}
	c.draw(w, http.StatusOK, deskPage, "The agent's desk", desk)
}
