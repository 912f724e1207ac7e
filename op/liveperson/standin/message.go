package standin

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Author is who wrote a message.
type Author string

// The authors.
const (
	ByConsumer Author = "consumer"
	ByAgent    Author = "agent"
)

// Message is one message of a conversation.
type Message struct {
	By   Author    `json:"by"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
}

// AgentWrites has the agent write. That the consumer's token has expired is no
// hindrance, and the agent is not told. The error is a *RefusalError.
func (c *Cloud) AgentWrites(id, text string) error {
	return c.write(id, Message{By: ByAgent, Text: text, At: c.opts.Now()}, "")
}

// End ends a conversation: nobody writes in it any more, and the brand's tokens
// that were kept for it are dropped. The error is a *RefusalError.
func (c *Cloud) End(id string) error {
	return c.change(id, func(conversation *Conversation) error {
		conversation.Ended = true
		c.forget(conversation)
		return nil
	})
}

// change puts a changed copy in the place of an active conversation.
func (c *Cloud) change(id string, edit func(*Conversation) error) error {
	known, err := c.conversations.replace(id, func(before *Conversation) (*Conversation, error) {
		if before.Consumer == nil || before.Ended {
			return nil, errUnknownConversation
		}
		after := *before
		return &after, edit(&after)
	})
	if err == nil && !known {
		return errUnknownConversation
	}
	return err
}

// write adds a message; consumer is the id of the one who writes, "" for the agent.
func (c *Cloud) write(id string, message Message, consumer string) error {
	if strings.TrimSpace(message.Text) == "" {
		return malformed("text must not be empty")
	}
	return c.change(id, func(conversation *Conversation) error {
		if consumer != "" && conversation.Consumer.ID != consumer {
			return errNotYours
		}
		conversation.Messages = append(slices.Clip(conversation.Messages), message)
		return nil
	})
}

// writeMessage is a message of the consumer: {"text"} with the consumer token.
func (c *Cloud) writeMessage(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Text string `json:"text"`
	}
	if refusal := readJSON(w, r, &request); refusal != nil {
		refuse(w, refusal)
		return
	}
	message := Message{By: ByConsumer, Text: request.Text, At: c.opts.Now()}
	consumer, err := c.bearer(r)
	if err == nil {
		err = c.write(r.PathValue("id"), message, consumer)
	}
	if err != nil {
		refuse(w, refusalOf(err))
		return
	}
	writeJSON(w, http.StatusCreated, message)
}

// readMessages is what was written so far, for the consumer whose conversation it
// is: once somebody has signed in, no longer for the anonymous one.
func (c *Cloud) readMessages(w http.ResponseWriter, r *http.Request) {
	consumer, err := c.bearer(r)
	if err != nil {
		refuse(w, refusalOf(err))
		return
	}
	conversation, known := c.Conversation(r.PathValue("id"))
	switch {
	case !known || conversation.Consumer == nil:
		refuse(w, errUnknownConversation)
	case conversation.Consumer.ID != consumer:
		refuse(w, errNotYours)
	default:
		writeJSON(w, http.StatusOK, map[string]any{"messages": append([]Message{}, conversation.Messages...)})
	}
}

// registerPusher registers an app for push messages, of which there are none here:
// what it is for is the refusal of an expired token.
func (c *Cloud) registerPusher(w http.ResponseWriter, r *http.Request) {
	if _, err := c.bearer(r); err != nil {
		refuse(w, refusalOf(err))
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// bearer is the consumer of the consumer token in the Authorization header:
// "jwt" and the token, as the cloud's clients send it.
func (c *Cloud) bearer(r *http.Request) (string, error) {
	scheme, compact, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token, err := takeApart(compact)
	if !strings.EqualFold(scheme, "jwt") || err != nil || token.header.Typ != consumerType || verify(compact, c.PublicKey()) != nil {
		return "", &RefusalError{Status: http.StatusUnauthorized, InternalErrorCode: codeNoConsumer, Message: "there is no consumer token"}
	}
	if err := expired(token, c.opts.Now()); err != nil {
		return "", &RefusalError{Status: http.StatusUnauthorized, InternalErrorCode: codeTokenExpired, Message: "token expired"}
	}
	return token.text("sub"), nil
}

var errExpired = errors.New("the token has expired")

func expired(token *Token, now time.Time) error {
	if expires, err := seconds(token.claims["exp"]); err != nil || expires <= now.Unix() {
		return errExpired
	}
	return nil
}
