package demo

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
)

// card is a consumer as an agent sees them.
type card struct {
	Name     string
	Initials string
	Verified bool
	ID       string
	Personal []line
	Customer []line
}

// line is one fact.
type line struct{ Label, Value string }

// shortID is how much of an id tells consumers apart on a page.
const shortID = 8

func cardOf(attempt *standin.Conversation) *card {
	consumer := attempt.Consumer
	c := &card{
		Verified: consumer.Verified, ID: consumer.ID,
		Personal: personalLines(&consumer.Personal), Customer: customerLines(&consumer.Customer),
	}
	c.Name = strings.TrimSpace(consumer.Personal.FirstName + " " + consumer.Personal.LastName)
	if c.Name == "" && consumer.Verified {
		c.Name = "Consumer " + consumer.ID[:shortID]
	}
	if !consumer.Verified {
		c.Name, c.Initials = "Visitor "+consumer.ID[:shortID], "?"
		return c
	}
	for word := range strings.FieldsSeq(c.Name) {
		c.Initials += string([]rune(word)[:1])
	}
	return c
}

// lines collects facts; an absent one makes no line.
type lines []line

func (l *lines) add(label, value string) {
	if value != "" {
		*l = append(*l, line{label, value})
	}
}

func (l *lines) number(label string, value *int) {
	if value != nil {
		l.add(label, strconv.Itoa(*value))
	}
}

func (l *lines) date(label string, day, month, year *int) {
	if day != nil && month != nil && year != nil {
		l.add(label, time.Date(*year, time.Month(*month), *day, 0, 0, 0, 0, time.UTC).Format("2 January 2006"))
	}
}

func personalLines(p *liveperson.PersonalInfo) []line {
	var l lines
	l.add("First name", p.FirstName)
	l.add("Last name", p.LastName)
	if age := p.Age; age != nil {
		l.number("Age", age.Age)
		l.date("Born", age.Day, age.Month, age.Year)
	}
	l.add("Gender", inWords(p.Gender))
	l.add("Language", p.Language)
	l.add("Company", p.Company)
	for _, contact := range p.Contacts {
		l.add("E-mail", contact.Email)
		phone := contact.Phone
		if phone != "" && contact.PhoneType != "" {
			phone += " (" + strings.ToLower(inWords(contact.PhoneType)) + ")"
		}
		l.add("Phone", phone)
		if contact.Address != nil {
			l.add("Address", strings.Trim(contact.Address.Region+", "+contact.Address.Country, ", "))
		}
	}
	return l
}

// inWords makes a word of a constant: HOME_FAX is Home fax.
func inWords(constant string) string {
	if constant == "" {
		return ""
	}
	return constant[:1] + strings.ToLower(strings.ReplaceAll(constant[1:], "_", " "))
}

func customerLines(c *liveperson.CustomerInfo) []line {
	var l lines
	l.add("Tier", c.CType)
	l.add("Status", c.CStatus)
	l.add("Customer id", c.CustomerID)
	if c.Balance != nil {
		sign, amount := "", *c.Balance
		if amount < 0 {
			sign, amount = "\u2212", -amount
		}
		l.add("Balance", strings.TrimSpace(fmt.Sprintf("%s%.2f %s", sign, amount, c.Currency)))
	} else {
		l.add("Currency", c.Currency)
	}
	l.add("User name", c.UserName)
	l.add("Social id", c.SocialID)
	l.add("IMEI", c.IMEI)
	l.add("Account", c.AccountName)
	l.add("Branch", c.CompanyBranch)
	l.number("Company size", c.CompanySize)
	l.add("Role", c.Role)
	if date := c.LastPaymentDate; date != nil {
		l.date("Last payment", date.Day, date.Month, date.Year)
	}
	if date := c.RegistrationDate; date != nil {
		l.date("Customer since", date.Day, date.Month, date.Year)
	}
	l.number("Login status", c.LoginStatus)
	return l
}
