package brandfile

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/brandidp/idp/storage"
)

// What audit events tell of a change: the names of its fields and, where they are
// neither secret nor personal, their values.

// tell writes the event of a change, nothing if there is none, in its transaction.
func (c *Change) tell(ctx context.Context, tx *storage.Tx, event storage.AuditEvent) error {
	if c.none() {
		return nil
	}
	var err error
	if event.Before, event.After, err = sides(c.Fields); err != nil {
		return err
	}
	return tx.Audit(ctx, event)
}

// none tells that a change changes nothing.
func (c *Change) none() bool { return c.Action == Update && len(c.Fields) == 0 }

// sides are what fields were and what they have become, as JSON objects.
func sides(fields []FieldChange) (before, after json.RawMessage, err error) {
	old, changed := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for _, field := range fields {
		if field.Old != nil {
			old[field.Field] = field.Old
		}
		if field.New != nil {
			changed[field.Field] = field.New
		}
	}
	if before, err = json.Marshal(old); err == nil {
		after, err = json.Marshal(changed)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("tell of a change: %w", err)
	}
	return before, after, nil
}

// impersonal are the fields of a consumer with every value masked but that of disabled.
func impersonal(fields []FieldChange) []FieldChange {
	told := make([]FieldChange, len(fields))
	for i, field := range fields {
		if told[i] = field; field.Field == "disabled" {
			continue
		}
		if field.Old != nil {
			told[i].Old = masked
		}
		if field.New != nil {
			told[i].New = masked
		}
	}
	return told
}
