package consumerfile

import (
	"strconv"

	"github.com/brandidp/idp/storage"
)

// judge decides about the lines of a batch, one after the other, by what the database
// had before the batch and by what the lines before have taken. A value that an
// earlier line of the same batch gives up is not free yet.
type judge struct {
	// taken are the keys of the lines that were accepted.
	taken map[key]bool

	accepted []*checkedLine
}

// key is something that one line of a file alone may have.
type key struct {
	kind  byte
	value string
}

// The kinds of keys.
const (
	bySub        = 's'
	byExternalID = 'e'
	byUsername   = 'u'
	byIdentifier = 'i'
	byConsumer   = 'c'
)

// text is the key as a dry run keeps it.
func (k key) text() string { return string(k.kind) + k.value }

// keys are those of a line which is about that consumer, 0 if it is a new one.
func (c *checkedLine) keys(consumerID int64) []key {
	keys := make([]key, 0, 7)
	for _, k := range [...]key{
		{bySub, c.Consumer.Sub},
		{byExternalID, c.Consumer.ExternalID},
		{byUsername, c.Consumer.Username},
		{byIdentifier, c.Consumer.Username},
		{byIdentifier, c.Email},
		{byIdentifier, c.PhoneNumber},
	} {
		if k.value != "" {
			keys = append(keys, k)
		}
	}
	if consumerID != 0 {
		keys = append(keys, key{byConsumer, strconv.FormatInt(consumerID, 10)})
	}
	return keys
}

// decide accepts or refuses a line; found is of no consumer if the database knows
// nothing of it.
func (j *judge) decide(c *checkedLine, found storage.ImportFinding) {
	c.refusals = nil // of an earlier try
	if found.SubRetired {
		c.refuse("/sub", ruleRetired)
	}
	if found.Met || j.metBefore(c, found) {
		c.refuse("", ruleTwice)
	} else {
		j.conflicts(c, found)
	}
	if len(c.refusals) > 0 {
		return
	}
	j.accepted = append(j.accepted, c)
	c.Consumer.ID = found.ConsumerID
	for _, k := range c.keys(found.ConsumerID) {
		j.taken[k] = true
	}
}

// metBefore tells whether an earlier line was about the same consumer: the one with
// this sub, or else with this external id, or else with this user name.
func (j *judge) metBefore(c *checkedLine, found storage.ImportFinding) bool {
	switch {
	case found.ConsumerID != 0 && j.taken[key{byConsumer, strconv.FormatInt(found.ConsumerID, 10)}]:
		return true
	case c.Consumer.Sub != "":
		return j.taken[key{bySub, c.Consumer.Sub}]
	case j.taken[key{byExternalID, c.Consumer.ExternalID}]:
		return true
	default:
		return found.ConsumerID == 0 && j.taken[key{byUsername, c.Consumer.Username}]
	}
}

// conflicts refuses what belongs to another consumer.
func (j *judge) conflicts(c *checkedLine, found storage.ImportFinding) {
	if found.ExternalIDTaken || j.taken[key{byExternalID, c.Consumer.ExternalID}] {
		c.refuse("/external_id", ruleExternal)
	}
	for _, identifier := range [...]struct {
		value, pointer string
		taken          bool
	}{
		{c.Consumer.Username, "/username", found.UsernameTaken},
		{c.Email, "/claims/email", found.EmailTaken},
		{c.PhoneNumber, "/claims/phone_number", found.PhoneNumberTaken},
	} {
		if identifier.taken || j.taken[key{byIdentifier, identifier.value}] {
			c.refuse(identifier.pointer, ruleTaken)
		}
	}
}
