package consumerfile

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// exported is a consumer as Import reads it.
type exported struct {
	Sub          string                   `json:"sub"`
	ExternalID   string                   `json:"external_id,omitempty"`
	Disabled     bool                     `json:"disabled,omitempty"`
	Username     string                   `json:"username,omitempty"`
	PasswordHash string                   `json:"password_hash,omitempty"`
	Claims       *storage.Claims          `json:"claims,omitempty"`
	PersonalInfo *liveperson.PersonalInfo `json:"personal_info,omitempty"`
	CustomerInfo *liveperson.CustomerInfo `json:"customer_info,omitempty"`
	Attributes   storage.Attributes       `json:"attributes,omitempty"`
}

// Export writes every consumer, as they all were at one moment, one a line in the
// order of their making, and tells how many. Importing that changes nothing.
func Export(ctx context.Context, store *storage.Store, w io.Writer, passwordHashes bool) (int64, error) {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	var count int64
	err := store.ExportConsumers(ctx, func(c *storage.Consumer) error {
		e := exported{
			Sub: c.Sub, ExternalID: c.ExternalID, Disabled: c.Disabled, Username: c.Username,
			PersonalInfo: c.PersonalInfo, CustomerInfo: c.CustomerInfo, Attributes: c.Attributes,
		}
		if c.Claims != (storage.Claims{}) {
			e.Claims = &c.Claims
		}
		if passwordHashes {
			e.PasswordHash = c.PasswordHash
		}
		count++
		return encoder.Encode(e)
	})
	if err != nil {
		return count, fmt.Errorf("export consumers: %w", err)
	}
	return count, nil
}
