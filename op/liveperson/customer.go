package liveperson

import "math"

// CustomerInfo is the info object of a ctmrinfo entry of lp_sdes: what the brand
// knows of somebody as its customer. Agents see it marked as verified.
//
// An empty string or a nil pointer is absent and is not emitted; a pointer to
// zero is emitted.
type CustomerInfo struct {
	// CStatus is the status in the customer's life cycle; case does not matter.
	CStatus string `json:"cstatus,omitempty"`
	// CType is the tier, such as "vip"; case does not matter.
	CType      string `json:"ctype,omitempty"`
	CustomerID string `json:"customerId,omitempty"`
	// Balance may be negative; it is in units of Currency.
	Balance *float64 `json:"balance,omitempty"`
	// Currency is usually an ISO 4217 code.
	Currency string `json:"currency,omitempty"`
	// SocialID is an id of the brand's own for a social network account.
	SocialID string `json:"socialId,omitempty"`
	// IMEI identifies a device or telephone.
	IMEI          string `json:"imei,omitempty"`
	UserName      string `json:"userName,omitempty"`
	CompanySize   *int   `json:"companySize,omitempty"`
	CompanyBranch string `json:"companyBranch,omitempty"`
	// AccountName is the name of the customer's company.
	AccountName      string `json:"accountName,omitempty"`
	Role             string `json:"role,omitempty"`
	LastPaymentDate  *Date  `json:"lastPaymentDate,omitempty"`
	RegistrationDate *Date  `json:"registrationDate,omitempty"`
	// LoginStatus has no documented values.
	LoginStatus *int `json:"loginStatus,omitempty"`
}

// RefusedField returns why a field of Customer Info that Conversational Cloud
// documents is refused here, or "" for any other name.
func (*CustomerInfo) RefusedField(name string) string {
	switch name {
	case "storeZipCode", "storeNumber":
		return "is refused: Conversational Cloud does not support it for authenticated consumers"
	default:
		return ""
	}
}

// Validate returns every fault, in the order of the fields, or nil.
func (c *CustomerInfo) Validate() []FieldError {
	var faults faults

	faults.text("cstatus", c.CStatus)
	faults.text("ctype", c.CType)
	faults.text("customerId", c.CustomerID)

	if c.Balance != nil && (math.IsInf(*c.Balance, 0) || math.IsNaN(*c.Balance)) {
		faults.add("balance", "must be a finite number")
	}

	faults.text("currency", c.Currency)
	faults.text("socialId", c.SocialID)
	faults.text("imei", c.IMEI)
	faults.text("userName", c.UserName)
	faults.text("companyBranch", c.CompanyBranch)
	faults.text("accountName", c.AccountName)
	faults.text("role", c.Role)

	if c.LastPaymentDate != nil {
		faults.add("lastPaymentDate", c.LastPaymentDate.rule())
	}

	if c.RegistrationDate != nil {
		faults.add("registrationDate", c.RegistrationDate.rule())
	}

	return faults
}
