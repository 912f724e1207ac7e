package brandfile

import (
	"encoding/json"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/brandidp/idp/storage"
)

// ClientEntry is one client that has been checked, as far as that goes without the
// store.
type ClientEntry struct{ file *File }

// Client is what is to be stored, but for its ID and its secret.
func (e *ClientEntry) Client() *storage.Client { return &e.file.clients[0].Client }

// oneClient is the path of a client that is read on its own, until the paths of its
// faults are those within it.
const oneClient = "client"

// ReadClient reads and checks one client, a JSON object with the fields that `clients`
// of a brand file have but the secret, by the same rules. Its client_id may be left out.
// The entry is nil if there are faults; their fields are paths within the object.
func ReadClient(clientID string, data []byte, opts Options) (*ClientEntry, Faults) {
	d := newDecoder("")
	root := d.parseJSON(data)
	if root == nil {
		return nil, d.faults
	}
	return d.oneClient(clientID, root, opts)
}

// EditClient gives what a JSON Merge Patch (RFC 7396) makes of a client, by the rules of
// ReadClient. The client itself stays as it is.
func EditClient(c *storage.Client, patch []byte, opts Options) (*ClientEntry, Faults) {
	d := newDecoder("")
	document, err := json.Marshal(c)
	if err != nil { // of what was stored as JSON
		d.fault(1, "", "cannot be read: "+err.Error())
		return nil, d.faults
	}
	root, change := d.readJSON(document), d.parseJSON(patch)
	if len(d.faults) > 0 {
		return nil, d.faults
	}
	if change.Kind != yaml.MappingNode {
		d.fault(change.Line, "", "must be an object with named fields")
		return nil, d.faults
	}
	root = mergePatch(nil, root) // without the nulls of lists that a client has none of
	if c.Scope == "" {
		root = mergePatch(root, patchOf("scope", &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!null", Line: 1}))
	}
	return d.oneClient(c.ClientID, mergePatch(root, change), opts)
}

// oneClient checks the one client of a tree.
func (d *decoder) oneClient(clientID string, root *yaml.Node, opts Options) (*ClientEntry, Faults) {
	var entry clientEntry
	d.decode(root, oneClient, reflect.ValueOf(&entry).Elem())
	d.silenceBroken()
	if entry.ClientID != "" && entry.ClientID != clientID {
		d.at(oneClient+".client_id", "must be that of the address, or be left out: it never changes")
	}
	for name, given := range map[string]*string{"client_secret": &entry.ClientSecret, "client_secret_file": &entry.ClientSecretFile} {
		if *given != "" {
			d.at(oneClient+"."+name, "must not be given here: the secret is made, and shown once")
		}
		*given = ""
	}
	entry.ClientID = clientID
	c := d.client(entry, oneClient, opts)
	if len(d.faults) > 0 {
		return nil, within(d.sorted(), oneClient)
	}
	return &ClientEntry{&File{hasClients: true, clients: []*client{c}}}, nil
}
