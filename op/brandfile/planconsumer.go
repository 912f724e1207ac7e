package brandfile

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/brandidp/idp/storage"
)

func (p *planner) planConsumers(ctx context.Context) error {
	var subs, externalIDs, usernames, identifiers []string
	for _, c := range p.file.consumers {
		if c.Sub != "" {
			subs = append(subs, c.Sub)
		}
		if c.ExternalID != "" {
			externalIDs = append(externalIDs, c.ExternalID)
		}
		if c.Username != "" {
			usernames = append(usernames, c.Username)
		}
		for _, identifier := range c.identifiers {
			identifiers = append(identifiers, identifier.Value)
		}
	}
	rows, err := p.tx.ConsumersNamed(ctx, append(p.machines(), subs...), externalIDs, usernames)
	if err != nil {
		return err
	}
	owners, err := p.tx.IdentifierOwners(ctx, identifiers)
	if err != nil {
		return err
	}
	retired, err := p.tx.SubsRetired(ctx, subs)
	if err != nil {
		return err
	}
	finder := newFinder(rows)
	p.checkMachines(finder.bySub)
	found := map[int64]*consumer{}
	for _, c := range p.file.consumers {
		row := finder.find(c)
		if slices.Contains(retired, c.Sub) {
			p.fault(c.line, c.path+".sub", "must not be that of a consumer who is gone: a sub is never given out twice")
		}
		if row != nil && found[row.ID] != nil {
			p.fault(c.line, c.path, "must be unique, but is the same consumer as "+found[row.ID].path)
			continue
		}
		if row != nil {
			found[row.ID] = c
		}
		if owner := finder.byExternalID[c.ExternalID]; owner != nil && owner != row {
			p.fault(c.line, c.path+".external_id", "must not be that of another consumer")
		}
		p.checkOwners(c, row, owners)
		if err := p.planConsumer(c, row); err != nil {
			return err
		}
	}
	return nil
}

// finder finds the row of a consumer by sub, or else by external id, or else by user
// name.
type finder struct{ bySub, byExternalID, byUsername map[string]*storage.Consumer }

func newFinder(rows []*storage.Consumer) finder {
	f := finder{bySub: map[string]*storage.Consumer{}, byExternalID: map[string]*storage.Consumer{}, byUsername: map[string]*storage.Consumer{}}
	for _, row := range rows {
		f.bySub[row.Sub] = row
		if row.ExternalID != "" {
			f.byExternalID[row.ExternalID] = row
		}
		// A user name that somebody chose through the management API is theirs: a
		// file that has the same means somebody else.
		if row.Username != "" && row.ManagedBy != "api" {
			f.byUsername[row.Username] = row
		}
	}
	return f
}

func (f finder) find(c *consumer) *storage.Consumer {
	if c.Sub != "" {
		return f.bySub[c.Sub]
	}
	if row := f.byExternalID[c.ExternalID]; row != nil {
		return row
	}
	return f.byUsername[c.Username]
}

// checkOwners faults identifiers that another consumer in the store has.
func (p *planner) checkOwners(c *consumer, row *storage.Consumer, owners map[string]int64) {
	for _, identifier := range c.identifiers {
		owner, taken := owners[identifier.Value]
		if taken && (row == nil || owner != row.ID) {
			p.fault(c.line, c.places[identifier.Value], "must not be an identifier that belongs to another consumer")
		}
	}
}

// planConsumer compares one consumer with its row, nil if there is none.
func (p *planner) planConsumer(c *consumer, row *storage.Consumer) error {
	change := Change{Action: Create, Kind: "consumer", Name: c.Username}
	wanted := c.Consumer // a copy: the file stays as it is
	step := consumerStep{path: c.path, row: &wanted, identifiers: c.identifiers}
	var before map[string]json.RawMessage
	if row != nil {
		change.Action = Update
		wanted.ID, wanted.Sub, wanted.ManagedBy = row.ID, row.Sub, row.ManagedBy
		var err error
		if before, err = consumerFields(row); err != nil {
			return err
		}
	}
	if change.Name == "" {
		change.Name = wanted.Sub
	}
	after, err := consumerFields(&wanted)
	if err != nil {
		return err
	}
	change.Fields = compare(before, after)
	step.changed = row == nil || len(change.Fields) > 0
	if row == nil && c.Sub != "" {
		sub, _ := json.Marshal(c.Sub) //nolint:errchkjson // a string
		change.Fields = append(change.Fields, FieldChange{Field: "sub", New: sub})
	}
	if (c.password != "" || c.PasswordHash != "") && (row == nil || p.changes.ResetPasswords) {
		step.password, step.passwordHash = c.password, c.PasswordHash
		change.Fields = append(change.Fields, secretChange("password", row != nil && row.PasswordHash != ""))
	}
	p.note(change)
	step.change = change
	p.consumers = append(p.consumers, step)
	return nil
}
