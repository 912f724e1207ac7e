package standin

import (
	"encoding/json"
	"slices"

	"github.com/brandidp/idp/op/liveperson"
)

// Consumer is somebody as an agent sees them.
type Consumer struct {
	// Verified is false for an anonymous consumer. All that Personal and Customer
	// hold is marked as verified for the agent.
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

// consumerOf is whom the agent sees. The token has passed all checks.
func consumerOf(token *Token, reading string) *Consumer {
	consumer := &Consumer{Verified: true, Subject: token.text("sub")}
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
	consumer.completeBy(token, reading)
	return consumer
}

// genders are Personal Info's for those that OpenID Connect Core 5.1 defines.
var genders = map[string]string{"female": "FEMALE", "male": "MALE", "": ""}

// completeBy adds what only a standard claim says.
func (c *Consumer) completeBy(token *Token, reading string) {
	complete := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	complete(&c.Personal.FirstName, token.text("given_name"))
	complete(&c.Personal.LastName, token.text("family_name"))
	complete(&c.Customer.UserName, token.text("preferred_username"))
	complete(&c.Customer.CustomerID, token.text("sub"))
	gender, defined := genders[token.text("gender")]
	if !defined {
		gender = "OTHER"
	}
	complete(&c.Personal.Gender, gender)
	contacts := c.Personal.Contacts
	email, phone := token.text("email"), token.text("phone_number")
	if email != "" && !slices.ContainsFunc(contacts, func(contact liveperson.Contact) bool { return contact.Email == email }) {
		c.Personal.Contacts = append(c.Personal.Contacts, liveperson.Contact{Email: email})
	}
	if reading == liveperson.PhoneNumberIMEI {
		complete(&c.Customer.IMEI, phone)
		return
	}
	if phone != "" && !slices.ContainsFunc(contacts, func(contact liveperson.Contact) bool { return contact.Phone == phone }) {
		c.Personal.Contacts = append(c.Personal.Contacts, liveperson.Contact{Phone: phone})
	}
}
