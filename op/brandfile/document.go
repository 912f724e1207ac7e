package brandfile

import (
	"encoding/json"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// Document is a consumer as JSON has it: what ReadConsumer takes, but for the
// password.
type Document struct {
	Sub          string                   `json:"sub,omitempty"`
	ExternalID   string                   `json:"external_id,omitempty"`
	Username     string                   `json:"username,omitempty"`
	Disabled     bool                     `json:"disabled"`
	Claims       storage.Claims           `json:"claims,omitzero"`
	PersonalInfo *liveperson.PersonalInfo `json:"personal_info,omitempty"`
	CustomerInfo *liveperson.CustomerInfo `json:"customer_info,omitempty"`
	Attributes   storage.Attributes       `json:"attributes,omitempty"`
}

// DocumentOf gives a consumer as JSON has it.
func DocumentOf(c *storage.Consumer) Document {
	return Document{
		Sub: c.Sub, ExternalID: c.ExternalID, Username: c.Username, Disabled: c.Disabled,
		Claims: c.Claims, PersonalInfo: c.PersonalInfo, CustomerInfo: c.CustomerInfo, Attributes: c.Attributes,
	}
}

// ConsumerChange tells by the names of fields what differs between a consumer and what
// becomes of them, as JSON objects; nil stands for no consumer at all. Nothing personal
// is told: of every field but disabled the value is masked. Both are nil if nothing
// differs.
func ConsumerChange(old, changed *storage.Consumer) (before, after json.RawMessage, err error) {
	var fields [2]map[string]json.RawMessage
	for i, c := range []*storage.Consumer{old, changed} {
		if c == nil {
			continue
		}
		if fields[i], err = consumerFields(c); err != nil {
			return nil, nil, err
		}
	}
	changes := compare(fields[0], fields[1])
	if len(changes) == 0 {
		return nil, nil, nil
	}
	return sides(impersonal(changes))
}
