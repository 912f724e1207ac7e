package liveperson

import "slices"

// The two types of entry that Conversational Cloud supports in a token.
const (
	TypeCustomerInfo = "ctmrinfo"
	TypePersonalInfo = "personal"
)

// SDE is one entry of the lp_sdes claim: a type and the one payload that goes
// with it.
type SDE struct {
	// Type is TypeCustomerInfo with Info, or TypePersonalInfo with Personal.
	Type     string        `json:"type"`
	Info     *CustomerInfo `json:"info,omitempty"`
	Personal *PersonalInfo `json:"personal,omitempty"`
}

// SDEs returns the value of the lp_sdes claim: an array in which nothing stands
// for what is absent. It is nil when there is nothing to say, and the claim is
// then left out.
func SDEs(customer *CustomerInfo, personal *PersonalInfo) []SDE {
	var sdes []SDE

	if customer != nil && *customer != (CustomerInfo{}) {
		sdes = append(sdes, SDE{Type: TypeCustomerInfo, Info: customer})
	}

	if personal != nil && !personal.empty() {
		sdes = append(sdes, SDE{Type: TypePersonalInfo, Personal: personal})
	}

	return slices.Clip(sdes)
}

// empty reports whether nothing of it would be emitted. Contacts make the type
// incomparable, hence the list.
func (p *PersonalInfo) empty() bool {
	return p.FirstName == "" && p.LastName == "" && p.Age == nil && len(p.Contacts) == 0 &&
		p.Gender == "" && p.Language == "" && p.Company == ""
}
