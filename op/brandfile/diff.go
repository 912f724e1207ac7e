package brandfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/brandidp/idp/storage"
)

// Action is what happens to a client or consumer.
type Action string

// The actions.
const (
	Create Action = "create"
	Update Action = "update"
	Delete Action = "delete"
)

// Diff is what applying a file would change, or has changed.
type Diff struct {
	Changes []Change `json:"changes"`
	// Unchanged is how many clients and consumers of the file the store matches
	// already.
	Unchanged int `json:"unchanged"`
}

// Change is one client or consumer.
type Change struct {
	Action Action `json:"action"`
	Kind   string `json:"kind"` // client or consumer
	// Name is the client_id; of a consumer the user name, or else the sub.
	Name string `json:"name"`
	// Fields are those that differ, in the order of their names. A deletion has
	// none.
	Fields []FieldChange `json:"fields,omitempty"`
}

// FieldChange is one field. Secrets are masked; personal data is not, since the
// operator's own file has it: a Diff is for the operator's eyes, not for logs.
type FieldChange struct {
	Field string `json:"field"`
	// Old and New are JSON; nil is an absent field.
	Old json.RawMessage `json:"old,omitempty"`
	New json.RawMessage `json:"new,omitempty"`
}

// Mask stands for every secret.
const Mask = "********"

var masked = json.RawMessage(`"` + Mask + `"`)

// Empty tells that there is nothing to change.
func (d *Diff) Empty() bool { return len(d.Changes) == 0 }

// String is the difference for reading: a line for each client or consumer, a
// line for each field below it, and a line that counts.
func (d *Diff) String() string {
	var text strings.Builder
	counts := map[Action]int{}
	for _, change := range d.Changes {
		counts[change.Action]++
		fmt.Fprintf(&text, "%s %s %s\n", change.Action, change.Kind, change.Name)
		for _, field := range change.Fields {
			switch {
			case field.Old == nil:
				fmt.Fprintf(&text, "  + %s: %s\n", field.Field, field.New)
			case field.New == nil:
				fmt.Fprintf(&text, "  - %s: %s\n", field.Field, field.Old)
			default:
				fmt.Fprintf(&text, "  ~ %s: %s -> %s\n", field.Field, field.Old, field.New)
			}
		}
	}
	fmt.Fprintf(&text, "%d to create, %d to update, %d to delete, %d unchanged\n",
		counts[Create], counts[Update], counts[Delete], d.Unchanged)
	return text.String()
}

// clientFields are the fields of a client, flat, but for its name and secret.
func clientFields(c *storage.Client) (map[string]json.RawMessage, error) {
	fields, err := flat(c)
	if err != nil {
		return nil, err
	}
	delete(fields, "client_id")
	return fields, showFingerprint(fields, c)
}

// consumerFields are the fields of a consumer, flat, but for sub and password.
func consumerFields(c *storage.Consumer) (map[string]json.RawMessage, error) {
	document := DocumentOf(c)
	document.Sub = ""
	return flat(document)
}

// flat gives the JSON of v by paths; lists stay whole.
func flat(v any) (map[string]json.RawMessage, error) {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false) // the text is for reading
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	fields := map[string]json.RawMessage{}
	return fields, flatten(fields, "", bytes.TrimSpace(document.Bytes()))
}

func flatten(fields map[string]json.RawMessage, path string, value json.RawMessage) error {
	if value[0] != '{' {
		fields[path] = value
		return nil
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(value, &object); err != nil {
		return fmt.Errorf("compare: %w", err)
	}
	for name, member := range object {
		if err := flatten(fields, join(path, name), member); err != nil {
			return err
		}
	}
	return nil
}

// compare lists what differs.
func compare(before, after map[string]json.RawMessage) []FieldChange {
	all := maps.Clone(before)
	if all == nil {
		all = map[string]json.RawMessage{}
	}
	maps.Copy(all, after)
	var changes []FieldChange
	for _, field := range slices.Sorted(maps.Keys(all)) {
		if !bytes.Equal(before[field], after[field]) {
			changes = append(changes, FieldChange{Field: field, Old: before[field], New: after[field]})
		}
	}
	return changes
}
