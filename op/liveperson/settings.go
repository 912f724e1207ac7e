package liveperson

// ConnectorSettings is how the connector of a client is configured, and what goes
// with it.
type ConnectorSettings struct {
	ClientID string `json:"client_id"`
	// Fields are those of the form, in its order.
	Fields []ConnectorField `json:"fields"`
	// PageTag goes into the pages of the brand.
	PageTag string `json:"page_tag"`
	// DelegationLink is what a bot posts, for a client that can delegate.
	DelegationLink string   `json:"delegation_link,omitempty"`
	Notes          []string `json:"notes"`
	Warnings       []string `json:"warnings,omitempty"`
}

// ConnectorSettings gives all of it.
func (r Registration) ConnectorSettings() *ConnectorSettings {
	return &ConnectorSettings{
		ClientID: r.ClientID, Fields: r.ConnectorFields(), PageTag: r.PageTag(),
		DelegationLink: r.DelegationLink(), Notes: r.Notes(), Warnings: r.Warnings(),
	}
}
