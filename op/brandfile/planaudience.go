package brandfile

import "github.com/brandidp/idp/storage"

// checkAudiences faults what would let one client's ID tokens pass for another's:
// an audience that is the client_id of somebody else, whichever of the two comes
// first. The other verifies with keys of which it may know the connector's, too.
// rows are the clients of the store.
func (p *planner) checkAudiences(rows []*storage.Client) {
	inFile := map[string]*client{}
	for _, c := range p.file.clients {
		inFile[c.ClientID] = c
	}
	stays := map[string]bool{} // what the file does not speak of
	for _, row := range rows {
		if inFile[row.ClientID] == nil && !p.changes.Prune {
			stays[row.ClientID] = true
		}
	}
	for _, c := range p.file.clients {
		for i, name := range audienceOf(&c.Client) {
			if name != c.ClientID && (inFile[name] != nil || stays[name]) {
				p.fault(c.line, index(c.path+".conversational_cloud.audience", i),
					"must not be the client_id of another client, which would take these ID tokens for its own")
			}
		}
	}
	for _, row := range rows {
		for _, name := range audienceOf(row) {
			if c := inFile[name]; stays[row.ClientID] && c != nil {
				p.fault(c.line, c.path+".client_id",
					"must not be what another client has as its audience: this client would take that one's ID tokens for its own")
			}
		}
	}
}

func audienceOf(c *storage.Client) []string {
	if c.ConversationalCloud == nil {
		return nil
	}
	return c.ConversationalCloud.Audience
}
