package standin

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/brandidp/idp/op/liveperson"
)

// Way is how a consumer came in.
type Way string

// The ways.
const (
	WindowIDToken Way = "window-id-token" // external window, implicit flow
	WindowCode    Way = "window-code"     // external window, code flow
	Embedded      Way = "embedded"        // window on the brand's page, through its JS method
	Anonymous     Way = "anonymous"
)

// Conversation is one attempt to begin a conversation: what was checked, and
// whom an agent would see.
type Conversation struct {
	ID    string
	Way   Way
	Began time.Time
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
	// ConsumerToken is the stand-in's own token for the consumer, "" with a refusal.
	ConsumerToken string
}

// Consumer is somebody as an agent sees them.
type Consumer struct {
	// Verified is false for an anonymous consumer.
	Verified bool
	// ID is the cloud's own id of the consumer.
	ID string
	// Subject is the brand's sub, "" for an anonymous consumer.
	Subject string
	// Personal and Customer are those of lp_sdes, completed by the standard claims
	// that the cloud maps to them.
	Personal liveperson.PersonalInfo
	Customer liveperson.CustomerInfo
}

// Conversation finds an attempt by its id.
func (c *Cloud) Conversation(id string) (*Conversation, bool) { return c.conversations.get(id) }

// Conversations are the attempts so far, the newest first.
func (c *Cloud) Conversations() []*Conversation { return c.conversations.latest() }

// consumerOf is whom the agent sees. The token has passed all checks.
func consumerOf(token *Token, id string) *Consumer {
	consumer := &Consumer{Verified: true, ID: id, Subject: token.text("sub")}
	var payload struct {
		SDEs []liveperson.SDE `json:"lp_sdes"`
	}
	_ = json.Unmarshal(token.Payload, &payload) // its form was checked
	for _, sde := range payload.SDEs {
		if sde.Personal != nil {
			consumer.Personal = *sde.Personal
		}
		if sde.Info != nil {
			consumer.Customer = *sde.Info
		}
	}
	consumer.completeBy(token)
	return consumer
}

// completeBy adds what only a standard claim says.
func (c *Consumer) completeBy(token *Token) {
	complete := func(field *string, claim string) {
		if *field == "" {
			*field = token.text(claim)
		}
	}
	complete(&c.Personal.FirstName, "given_name")
	complete(&c.Personal.LastName, "family_name")
	complete(&c.Customer.UserName, "preferred_username")
	complete(&c.Customer.CustomerID, "sub")
	contacts := c.Personal.Contacts
	email, phone := token.text("email"), token.text("phone_number")
	if email != "" && !slices.ContainsFunc(contacts, func(contact liveperson.Contact) bool { return contact.Email == email }) {
		c.Personal.Contacts = append(c.Personal.Contacts, liveperson.Contact{Email: email})
	}
	if phone != "" && !slices.ContainsFunc(contacts, func(contact liveperson.Contact) bool { return contact.Phone == phone }) {
		c.Personal.Contacts = append(c.Personal.Contacts, liveperson.Contact{Phone: phone})
	}
}
