package brandfile

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
)

// document is the whole file.
type document struct {
	Clients   []clientEntry   `json:"clients"`
	Consumers []consumerEntry `json:"consumers"`
}

// Parse reads and checks a file, as far as that goes without the store. Faults
// bear name. The file is nil if there are any.
func Parse(name string, data []byte, opts Options) (*File, Faults) {
	d := newDecoder(name)
	var doc document
	root := d.parseSyntax(data)
	if root == nil {
		return nil, d.faults
	}
	d.decode(root, "", reflect.ValueOf(&doc).Elem())
	d.silenceBroken()
	file := d.check(doc, opts)
	if len(d.faults) > 0 {
		return nil, d.sorted()
	}
	return file, nil
}

// sorted are the faults by line and field, each once.
func (d *decoder) sorted() Faults {
	slices.SortFunc(d.faults, func(a, b Fault) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Rule, b.Rule))
	})
	return slices.Compact(d.faults)
}

func (d *decoder) check(doc document, opts Options) *File {
	file := &File{name: d.file, hasClients: doc.Clients != nil}
	if doc.Clients == nil && doc.Consumers == nil {
		d.at("", "must have clients or consumers")
	}
	once := uniqueness{d: d, places: map[string]string{}}
	for i, entry := range doc.Clients {
		path := fmt.Sprintf("clients[%d]", i)
		if entry.ClientID != "" {
			once.claim("client_id "+entry.ClientID, path+".client_id")
		}
		file.clients = append(file.clients, d.client(entry, path, opts))
	}
	for i, entry := range doc.Consumers {
		path := fmt.Sprintf("consumers[%d]", i)
		c := d.consumer(entry, path)
		if !named(&c.Consumer) && entry.Username == "" {
			d.at(path, "must have a sub, an external_id or a username, by which it is found again")
		}
		if c.Sub != "" {
			once.claim("sub "+c.Sub, path+".sub")
		}
		if c.ExternalID != "" {
			once.claim("external_id "+c.ExternalID, path+".external_id")
		}
		for _, identifier := range c.identifiers {
			once.claim("identifier "+identifier.Value, c.places[identifier.Value])
		}
		file.consumers = append(file.consumers, c)
	}
	return file
}

// uniqueness knows where the file has each value that may be there once.
type uniqueness struct {
	d      *decoder
	places map[string]string
}

func (u uniqueness) claim(value, path string) {
	if first, taken := u.places[value]; taken {
		u.d.at(path, "must be unique, but is the same as "+first)
		return
	}
	u.places[value] = path
}
