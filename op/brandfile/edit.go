package brandfile

import (
	"encoding/json"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/brandidp/idp/storage"
)

// Edit is a change of a consumer who is there.
type Edit struct {
	// Part is the field that is changed, such as personal_info; "" is the consumer as a
	// whole.
	Part string
	// Merge has Data merged into what is there (JSON Merge Patch, RFC 7396) instead of
	// taking its place.
	Merge bool
	// Data is JSON; nil, with a Part, takes it away.
	Data []byte
}

// EditConsumer gives what an edit makes of a consumer, by the rules of ReadConsumer.
// Sub and password are not for an edit to change. The fields of faults are paths within
// Data, if the fault is in there. The consumer itself stays as it is.
func EditConsumer(c *storage.Consumer, edit Edit) (*Entry, Faults) {
	d := newDecoder("")
	root := d.documentOf(c)
	var change *yaml.Node
	if edit.Data != nil {
		change = d.parseJSON(edit.Data)
	}
	if len(d.faults) > 0 {
		return nil, d.faults
	}
	if edit.Part == "" && edit.Merge {
		d.refuseFixed(change)
	}
	if edit.Part != "" {
		if edit.Merge && change.Kind != yaml.MappingNode {
			d.fault(change.Line, "", "must be an object with named fields")
			return nil, d.faults
		}
		if !edit.Merge { // what is there goes; what comes is told of its nulls by the decoder
			root = mergePatch(root, patchOf(edit.Part, &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null"}))
			root.Content = append(root.Content, membersOf(edit.Part, change)...)
			change = nil
		} else {
			change = patchOf(edit.Part, change)
		}
	}
	if change != nil {
		root = mergePatch(root, change)
	}
	var entry consumerEntry
	d.decode(root, "", reflect.ValueOf(&entry).Elem())
	d.silenceBroken()
	made := d.consumer(entry, "")
	if len(d.faults) > 0 {
		return nil, within(d.sorted(), edit.Part)
	}
	made.ID, made.Sub, made.ManagedBy = c.ID, c.Sub, c.ManagedBy
	made.PasswordHash, made.PasswordChangedAt, made.CreatedAt, made.UpdatedAt = c.PasswordHash, c.PasswordChangedAt, c.CreatedAt, c.UpdatedAt
	return &Entry{Consumer: made.Consumer, Identifiers: made.identifiers}, nil
}

// UpsertConsumer gives what a JSON Merge Patch makes of a consumer, or makes one of it if c
// is nil, by the rules of ReadConsumer. A sub and a password that the patch has are those
// of the entry: it is for the caller to see that they are not another's.
func UpsertConsumer(c *storage.Consumer, patch []byte) (*Entry, Faults) {
	d := newDecoder("")
	var root *yaml.Node
	if c != nil {
		root = d.documentOf(c)
	}
	change := d.parseJSON(patch)
	if len(d.faults) > 0 {
		return nil, d.faults
	}
	entry := d.entry(mergePatch(root, change))
	if len(d.faults) > 0 {
		return nil, d.sorted()
	}
	return entry, nil
}

// documentOf is the tree of a consumer, without the sub.
func (d *decoder) documentOf(c *storage.Consumer) *yaml.Node {
	document := DocumentOf(c)
	document.Sub = ""
	data, err := json.Marshal(document)
	if err != nil { // of what was stored as JSON
		d.fault(1, "", "cannot be read: "+err.Error())
		return nil
	}
	return d.readJSON(data) // which may be longer than what was sent: < alone becomes six bytes
}

// refuseFixed notes what a patch of a consumer as a whole may not have.
func (d *decoder) refuseFixed(patch *yaml.Node) {
	for i := 0; i+1 < len(patch.Content) && patch.Kind == yaml.MappingNode; i += 2 {
		switch name := patch.Content[i]; name.Value {
		case "sub":
			d.fault(name.Line, "sub", "must not be changed: leave it out")
		case "password", "password_hash":
			d.fault(name.Line, name.Value, "is not changed with the rest: it has an address of its own")
		}
	}
}

// patchOf is the object that has one member.
func patchOf(name string, value *yaml.Node) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: membersOf(name, value)}
}

// membersOf are the members of an object that has one, or none if there is no value.
func membersOf(name string, value *yaml.Node) []*yaml.Node {
	if value == nil {
		return nil
	}
	return []*yaml.Node{{Kind: yaml.ScalarNode, Tag: "!!str", Value: name, Line: value.Line}, value}
}

// within gives faults the paths that they have within a part.
func within(faults Faults, part string) Faults {
	if part == "" {
		return faults
	}
	for i := range faults {
		if rest, found := strings.CutPrefix(faults[i].Field, part); found {
			faults[i].Field = strings.TrimPrefix(rest, ".")
		}
	}
	return faults
}

// mergePatch is RFC 7396, section 2. Names that the patch has twice it leaves twice, for
// the decoder to refuse.
func mergePatch(target, patch *yaml.Node) *yaml.Node {
	if patch.Kind != yaml.MappingNode {
		return patch
	}
	merged := &yaml.Node{Kind: yaml.MappingNode, Line: patch.Line}
	old := map[string]*yaml.Node{}
	patched := map[string]bool{}
	for i := 0; i+1 < len(patch.Content); i += 2 {
		patched[patch.Content[i].Value] = true
	}
	for i := 0; target != nil && target.Kind == yaml.MappingNode && i+1 < len(target.Content); i += 2 {
		name := target.Content[i]
		if old[name.Value] = target.Content[i+1]; !patched[name.Value] {
			merged.Content = append(merged.Content, name, target.Content[i+1])
		}
	}
	for i := 0; i+1 < len(patch.Content); i += 2 {
		name, value := patch.Content[i], patch.Content[i+1]
		if value.Kind == yaml.ScalarNode && value.Tag == "!!null" {
			continue
		}
		merged.Content = append(merged.Content, name, mergePatch(old[name.Value], value))
	}
	return merged
}
