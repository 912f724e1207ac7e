package brandfile

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/brandidp/idp/storage"
)

// Changes say what applying a file may do beyond making and updating what the
// file names.
type Changes struct {
	// Prune removes the clients that the file lacks. Consumers are never removed.
	Prune bool
	// ResetPasswords sets the passwords of consumers that exist, which ends their
	// sessions, codes and tokens. Otherwise only new consumers get theirs.
	ResetPasswords bool
	// Audit is the event that tells of each client and consumer that Apply changes;
	// whom it is about and what has changed is filled in. Without an action nothing is
	// told.
	Audit storage.AuditEvent

	// guard looks at the clients of the store by client_id before the file is compared
	// with them; its error undoes everything. done looks at what was done. Either may be
	// nil.
	guard func(existing map[string]*storage.Client) error
	done  func(p *plan)
}

// Plan tells what Apply would change, and changes nothing. An error of type
// Faults says why the file is refused; storage.ErrUnavailable is in the chain of
// others if the store cannot be reached.
func Plan(ctx context.Context, store *storage.Store, file *File, changes Changes) (*Diff, error) {
	p, err := makePlan(ctx, store, file, changes)
	if err != nil {
		return nil, err
	}
	return &p.diff, nil
}

func makePlan(ctx context.Context, store *storage.Store, file *File, changes Changes) (*plan, error) {
	var p *plan
	err := store.Administer(ctx, func(tx *storage.Tx) (err error) {
		p, err = planIn(ctx, tx, file, changes)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("compare with the store: %w", err)
	}
	return p, nil
}

// plan is what has to be done, in order.
type plan struct {
	diff      Diff
	clients   []clientStep
	consumers []consumerStep
	pruned    []*storage.Client // to delete
	// sharedKeys are the algorithms that the provider gets a key for.
	sharedKeys []string
}

type clientStep struct {
	row        *storage.Client // ID 0: to create
	needsKey   bool
	makeSecret bool
	changed    bool // the row itself, or its secret
	change     Change
}

type consumerStep struct {
	path        string            // of the consumer in the file
	row         *storage.Consumer // ID 0: to create
	identifiers []storage.Identifier
	changed     bool
	change      Change
	// One of these, if the password is to be set.
	password, passwordHash string
}

// planner compares one file with the store.
type planner struct {
	plan

	tx      *storage.Tx
	file    *File
	changes Changes
	faults  Faults
	hasKey  map[keyOf]bool
	parties map[string]party // by client_id
}

// keyOf names a signing key: a client's own, or the provider's by 0.
type keyOf struct {
	owner int64
	alg   string
}

func planIn(ctx context.Context, tx *storage.Tx, file *File, changes Changes) (*plan, error) {
	p := &planner{tx: tx, file: file, changes: changes}
	if err := p.planClients(ctx); err != nil {
		return nil, err
	}
	if err := p.planConsumers(ctx); err != nil {
		return nil, err
	}
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return &p.plan, nil
}

func (p *planner) fault(line int, field, rule string) {
	p.faults = append(p.faults, Fault{File: p.file.name, Line: line, Field: field, Rule: rule})
}

func (p *planner) planClients(ctx context.Context) error {
	rows, err := p.tx.Clients(ctx)
	if err != nil {
		return err
	}
	keys, err := p.tx.SigningKeys(ctx)
	if err != nil {
		return err
	}
	p.parties = p.partiesOf(rows)
	p.checkAudiences()
	p.hasKey = map[keyOf]bool{{0, defaultAlg}: true} // which idp serve makes
	for _, key := range keys {
		if key.State == "active" {
			p.hasKey[keyOf{key.ClientID, key.Alg}] = true
		}
	}
	existing := map[string]*storage.Client{}
	for _, row := range rows {
		existing[row.ClientID] = row
	}
	if p.changes.guard != nil {
		if err := p.changes.guard(existing); err != nil {
			return err
		}
	}
	for _, c := range p.file.clients {
		row := existing[c.ClientID]
		if err := p.planClient(c, row); err != nil {
			return err
		}
		delete(existing, c.ClientID)
	}
	if !p.changes.Prune {
		return nil
	}
	if !p.file.hasClients {
		p.fault(1, "clients", "must be given with --prune; write clients: [] to remove every client")
	}
	for _, row := range rows {
		if existing[row.ClientID] != nil {
			p.pruned = append(p.pruned, row)
			p.diff.Changes = append(p.diff.Changes, Change{Action: Delete, Kind: "client", Name: row.ClientID})
		}
	}
	return nil
}

// planClient compares one client with its row, nil if there is none.
func (p *planner) planClient(c *client, row *storage.Client) error {
	change := Change{Action: Create, Kind: "client", Name: c.ClientID}
	var before map[string]json.RawMessage
	wanted := c.Client // a copy: the file stays as it is
	step := clientStep{row: &wanted}
	if row != nil {
		var err error
		if before, err = clientFields(row); err != nil {
			return err
		}
		change.Action = Update
		wanted.ID, wanted.SecretSHA256 = row.ID, row.SecretSHA256
		wanted.CreatedAt, wanted.UpdatedAt = row.CreatedAt, row.UpdatedAt
	}
	after, err := clientFields(&wanted)
	if err != nil {
		return err
	}
	change.Fields = compare(before, after)

	had := wanted.SecretSHA256 != nil
	switch sum := sha256.Sum256([]byte(c.secret)); {
	case c.secret == "":
		if step.makeSecret = c.needsSecret() && !had; step.makeSecret {
			change.Fields = append(change.Fields, FieldChange{Field: "client_secret", New: json.RawMessage(`"(made and shown once)"`)})
		}
	case !slices.Equal(wanted.SecretSHA256, sum[:]):
		wanted.SecretSHA256 = sum[:]
		change.Fields = append(change.Fields, secretChange("client_secret", had))
	}
	step.changed = row == nil || len(change.Fields) > 0
	switch alg := c.IDTokenSignedResponseAlg; {
	case c.ConversationalCloud != nil && (row == nil || !p.hasKey[keyOf{row.ID, alg}]):
		step.needsKey = true
		change.Fields = append(change.Fields, FieldChange{Field: "signing key", New: json.RawMessage(`"(made, of its own)"`)})
	case c.ConversationalCloud == nil && !p.hasKey[keyOf{0, alg}]:
		p.sharedKeys = append(p.sharedKeys, alg)
		p.hasKey[keyOf{0, alg}] = true
		change.Fields = append(change.Fields, FieldChange{Field: "signing key", New: json.RawMessage(`"(made, for all clients with ` + alg + `)"`)})
	}
	p.note(change)
	step.change = change
	p.clients = append(p.clients, step)
	return nil
}

// note counts a change, or its absence.
func (p *planner) note(change Change) {
	if change.none() {
		p.diff.Unchanged++
		return
	}
	p.diff.Changes = append(p.diff.Changes, change)
}

func secretChange(field string, had bool) FieldChange {
	change := FieldChange{Field: field, New: masked}
	if had {
		change.Old = masked
	}
	return change
}
