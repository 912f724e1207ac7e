package standin

import (
	"time"

	"github.com/brandidp/idp/op/liveperson"
)

// Way is how a consumer came in.
type Way string

// The ways.
const (
	WindowIDToken Way = "window-id-token" // external window, implicit flow
	WindowCode    Way = "window-code"     // external window, code flow
	Embedded      Way = "embedded"        // window on the brand's page, through its JS method, implicit flow
	EmbeddedCode  Way = "embedded-code"   // the same, code flow
	App           Way = "app"             // an app, through the cloud's library
	Anonymous     Way = "anonymous"
)

// Conversation is one attempt to begin a conversation: what was checked, whom an
// agent would see, and what was written. It never changes: each change makes
// another one with its id.
type Conversation struct {
	ID    string
	Way   Way // of the latest token
	Began time.Time
	// Expires is when the consumer has to bring a fresh token; the agent may go on.
	Expires time.Time
	// Renewals counts the fresh tokens.
	Renewals int
	// SteppedUp: it was begun by an anonymous consumer who has signed in since.
	SteppedUp bool
	// Ended: nobody writes any more.
	Ended    bool
	Messages []Message
	// Connector is that of the attempt, without its secret.
	Connector Connector
	Checks    []Check
	// Redemption is set for codes.
	Redemption *Redemption
	// Token is the brand's ID token, taken apart as far as it can be; nil if there
	// was none.
	Token *Token
	// Refusal is why there is no conversation, nil if there is one.
	Refusal *RefusalError
	// Consumer is whom the agent sees, nil with a refusal.
	Consumer *Consumer
	// PageSDEs are what the page said of the visitor. The agent sees them without
	// the mark of what is verified.
	PageSDEs []liveperson.SDE
	// ConsumerToken is the stand-in's own token for the consumer, "" with a refusal.
	ConsumerToken string
}

// Conversation finds an attempt by its id.
func (c *Cloud) Conversation(id string) (*Conversation, bool) { return c.conversations.get(id) }

// Conversations are the attempts so far, the newest first.
func (c *Cloud) Conversations() []*Conversation { return c.conversations.latest() }
