package op

import (
	"encoding/json"
	"fmt"
	"slices"
)

// audience is the claim aud (RFC 7519 4.1.3): a text where there is one, an array
// where there are several.
type audience []string

// MarshalJSON implements json.Marshaler.
func (a audience) MarshalJSON() ([]byte, error) {
	var aud any = []string(a)
	if len(a) == 1 {
		aud = a[0]
	}
	return json.Marshal(aud) //nolint:wrapcheck // texts, which cannot fail
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *audience) UnmarshalJSON(data []byte) error {
	var one string
	if err := json.Unmarshal(data, &one); err == nil {
		if one != "" {
			*a = audience{one}
		}
		return nil
	}
	var several []string
	if err := json.Unmarshal(data, &several); err != nil {
		return fmt.Errorf("aud: %w", err)
	}
	*a = several
	return nil
}

// authorizedParty is azp of a token for a client (OpenID Connect Core 2): ""
// where aud says it already.
func (a audience) authorizedParty(clientID string) string {
	if slices.Equal(a, audience{clientID}) {
		return ""
	}
	return clientID
}
