package brandfile

import (
	"maps"
	"slices"

	"github.com/brandidp/idp/storage"
)

// party is a client as it will be.
type party struct {
	*storage.Client

	inFile *client // nil for one of the store that the file does not speak of
}

// partiesOf gives every client that there will be, by client_id. rows are the clients
// of the store.
func (p *planner) partiesOf(rows []*storage.Client) map[string]party {
	parties := map[string]party{}
	if !p.changes.Prune {
		for _, row := range rows {
			parties[row.ClientID] = party{Client: row}
		}
	}
	for _, c := range p.file.clients {
		parties[c.ClientID] = party{Client: &c.Client, inFile: c}
	}
	return parties
}

// checkAudiences faults what would let tokens that one client gets pass for the ID
// tokens of another: an audience that is the client_id of somebody else, whichever of
// the two comes first. The other verifies with keys of which it may know the
// connector's, too. Access tokens are signed with the key of all; who nobody signs in
// to takes no ID tokens, and may be the audience of those.
func (p *planner) checkAudiences() {
	for _, id := range slices.Sorted(maps.Keys(p.parties)) {
		c := p.parties[id]
		if c.ConversationalCloud != nil {
			for i, name := range c.ConversationalCloud.Audience {
				p.checkAudience(c, index(".conversational_cloud.audience", i), name, "ID tokens")
			}
		}
		p.checkExchangeAudiences(c)
		if other := p.parties[c.AccessTokenAudience]; other.Client != nil && len(other.ResponseTypes) > 0 {
			p.checkAudience(c, ".access_token_audience", c.AccessTokenAudience, "access tokens")
		}
	}
}

// checkExchangeAudiences faults the tokens of what is no connector.
func (p *planner) checkExchangeAudiences(c party) {
	for i, name := range c.TokenExchangeAudiences {
		if other := p.parties[name]; c.inFile != nil && (other.Client == nil || other.ConversationalCloud == nil) {
			p.fault(c.inFile.line, c.inFile.path+index(".token_exchange_audiences", i), "must be the client_id of a connector, in this file or registered already")
		}
	}
}

func (p *planner) checkAudience(c party, field, name, tokens string) {
	other := p.parties[name]
	switch {
	case other.Client == nil || name == c.ClientID:
	case c.inFile != nil:
		p.fault(c.inFile.line, c.inFile.path+field, "must not be the client_id of another client, which would take these "+tokens+" for its own ID tokens")
	case other.inFile != nil:
		p.fault(other.inFile.line, other.inFile.path+".client_id",
			"must not be what another client has as its audience: this client would take that one's "+tokens+" for its own ID tokens")
	}
}

// machines are the client_ids of those that get access tokens for themselves, of which
// it is the sub.
func (p *planner) machines() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(p.parties)), func(id string) bool {
		return !slices.Contains(p.parties[id].GrantTypes, storage.GrantClientCredentials)
	})
}

// checkMachines faults a sub that would be a consumer's and a client's, so that who
// reads an access token could take one for the other (RFC 9068 5). bySub are the
// consumers of the store.
func (p *planner) checkMachines(bySub map[string]*storage.Consumer) {
	inFile := map[string]*consumer{}
	for _, c := range p.file.consumers {
		inFile[c.Sub] = c
	}
	for _, id := range p.machines() {
		client, consumer := p.parties[id].inFile, inFile[id]
		switch {
		case client != nil && (consumer != nil || bySub[id] != nil):
			p.fault(client.line, client.path+".client_id",
				"must not be the sub of a consumer: access tokens by client_credentials have it as theirs")
		case consumer != nil:
			p.fault(consumer.line, consumer.path+".sub",
				"must not be the client_id of a client with the grant client_credentials, whose access tokens have it as their sub")
		}
	}
}
