package inspect

import (
	"slices"
	"strings"
)

// audience: that Conversational Cloud checks aud and azp is not documented;
// OpenID Connect Core 3.1.3.7 wants them checked.
func (x *examination) audience() {
	named, there := x.audiences()
	switch {
	case !there:
		x.warn("aud", "aud is missing: OpenID Connect wants the client id there (Core 2)")
		return
	case len(named) == 0 || slices.Contains(named, ""):
		x.fail("aud", "aud is neither text nor an array of texts (RFC 7519 4.1.3)")
		return
	}
	found, party, client := quoted(strings.Join(named, ", ")), text(x.claims, "azp"), x.opts.ClientID
	forAccount := func(name string) bool {
		return strings.HasPrefix(name, "acc:") && (x.opts.AccountID == "" || name == "acc:"+x.opts.AccountID)
	}
	switch {
	case client != "" && party != "" && party != client:
		x.fail("aud", "azp is "+quoted(party)+", and the connector's client id is "+quoted(client)+": the token was made for another client")
	case len(named) > 1 && party == "":
		x.warn("aud", "aud is "+found+", and azp is missing: OpenID Connect wants azp beside several (Core 3.1.3.7)")
	case client != "" && slices.Contains(named, client):
		x.pass("aud", "aud names the connector's client id, "+quoted(client))
	case slices.ContainsFunc(named, forAccount):
		x.pass("aud", "aud is "+found+", as in LivePerson's tutorial")
	case client != "" && party != "":
		x.warn("aud", "aud is "+found+", and only azp is the connector's client id: OpenID Connect wants it in aud (Core 3.1.3.7)")
	case client != "":
		x.fail("aud", "aud is "+found+", and the connector's client id is "+quoted(client))
	default:
		x.pass("aud", "aud is "+found)
	}
}

// audiences are those that aud names, "" for what is no text.
func (x *examination) audiences() (named []string, there bool) {
	switch aud := x.claims["aud"].(type) {
	case nil:
		return nil, false
	case string:
		named = []string{aud}
	case []any:
		for _, one := range aud {
			name, _ := one.(string)
			named = append(named, name)
		}
	}
	return named, true
}
