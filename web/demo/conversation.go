package demo

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// conversationView is one attempt, in words.
type conversationView struct {
	*standin.Conversation
	WayTitle string
	Steps    []string
	Passed   int // checks
	Agent    *card
	// Anonymous is somebody else's card, for comparison.
	Anonymous       *card
	Header, Payload string // of the token, indented
	Segments        []string
}

// wayTitles and waySteps say how a consumer came in.
var wayTitles = map[standin.Way]string{
	standin.WindowIDToken: "External window, ID token",
	standin.WindowCode:    "External window, code",
	standin.Embedded:      "Embedded window, JS method",
	standin.EmbeddedCode:  "Embedded window, JS method, code",
	standin.App:           "App",
	standin.Anonymous:     "External window, no token",
}

var waySteps = map[standin.Way][]string{
	standin.WindowIDToken: {
		"The window asked the provider for an ID token; what belongs to the window went along in state.",
		"The provider answered in the fragment of the window's address, which no server sees.",
		"The window's script handed the token to Conversational Cloud.",
	},
	standin.WindowCode: {
		"The window asked the provider for a code; what belongs to the window went along in state.",
		"The window's script handed the code to Conversational Cloud.",
		"Conversational Cloud redeemed the code at the token endpoint, with the connector's secret. The token never was in the browser.",
	},
	standin.Embedded: {
		"The tag called the page's JS method.",
		"The provider's page script fetched an ID token for whoever is signed in, for this page's origin alone.",
		"The tag handed the token to Conversational Cloud.",
	},
	standin.Anonymous: {
		"The window asked Conversational Cloud itself for an anonymous consumer. The brand's provider had no part in it.",
	},
}

func (c *cloud) conversation(w http.ResponseWriter, r *http.Request) {
	found, ok := c.standin.Conversation(r.PathValue("id"))
	if !ok {
		c.showOffline(w, http.StatusNotFound, "There is no such conversation any more.")
		return
	}
	v := conversationView{Conversation: found, WayTitle: wayTitles[found.Way], Steps: waySteps[found.Way]}
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
			ID: attempt.ID, Name: "Nobody", WayTitle: wayTitles[attempt.Way], Began: attempt.Began.Format("15:04:05"),
			Refused: attempt.Refusal != nil,
		}
		if attempt.Consumer != nil {
			line.Name, line.Verified = cardOf(attempt).Name, attempt.Consumer.Verified
		}
		desk.Conversations = append(desk.Conversations, line)
	}
	c.draw(w, http.StatusOK, deskPage, "The agent's desk", desk)
}
