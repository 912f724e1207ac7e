package liveperson

import (
	"encoding/json"
	"errors"
	"strings"
)

// AccountPlaceholder is what the account_id takes the place of in the address of the
// public connector document.
const AccountPlaceholder = "{account_id}"

// errConnectorDocument means that an answer is not the public connector document.
var errConnectorDocument = errors.New("the connector document is not what it is known to be: a list of connectors, each with its configuration")

// DocumentHoldsKey tells whether a connector of the public document, which
// Conversational Cloud serves to everybody, has the one line of a public key pasted. One
// that names another client_id does not count. The document is observed, and not
// documented by LivePerson.
func DocumentHoldsKey(document []byte, clientID, line string) (bool, error) {
	var connectors []struct {
		Deleted       bool `json:"deleted"`
		Configuration *struct {
			PublicKey *string `json:"jwtPublicKey"`
			ClientID  *string `json:"clientId"`
		} `json:"configuration"`
	}
	if json.Unmarshal(document, &connectors) != nil {
		return false, errConnectorDocument
	}
	for _, connector := range connectors {
		c := connector.Configuration
		if connector.Deleted || c == nil || c.PublicKey == nil || c.ClientID != nil && *c.ClientID != "" && *c.ClientID != clientID {
			continue
		}
		if strings.Join(strings.Fields(*c.PublicKey), "") == line {
			return true, nil
		}
	}
	return false, nil
}
