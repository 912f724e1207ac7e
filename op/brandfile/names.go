package brandfile

import (
	"encoding/json"
	"fmt"
	"reflect"

	"go.yaml.in/yaml/v3"

	"github.com/brandidp/idp/op/customclaims"
	"github.com/brandidp/idp/storage"
)

// names reads an object whose names are the brand's own choice.
func (d *decoder) names(node *yaml.Node, path string, v reflect.Value) {
	if node.Kind != yaml.MappingNode {
		d.fault(node.Line, path, "must be an object with names of your own")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for key, value := range d.members(node, path) {
		element := reflect.New(v.Type().Elem()).Elem()
		d.decode(value, d.join(path, printableOwn(key.Value)), element)
		v.SetMapIndex(reflect.ValueOf(key.Value), element)
	}
}

// printableOwn is printable for names that the brand chose.
func printableOwn(name string) string {
	if customclaims.NameRule(name) == "" {
		return name
	}
	return printable(name)
}

// simple reads a value whose type is what the file's syntax says.
func (d *decoder) simple(node *yaml.Node, path string, v reflect.Value) {
	var value reflect.Value
	switch {
	case node.Kind != yaml.ScalarNode:
		d.fault(node.Line, path, "must be text, a number, true or false")
		return
	case node.Tag == "!!bool":
		value = reflect.ValueOf(new(bool)).Elem()
	case node.Tag == "!!int" || node.Tag == "!!float":
		value = reflect.ValueOf(new(float64)).Elem()
	default:
		value = reflect.ValueOf(new(string)).Elem()
	}
	d.scalar(node, path, value)
	v.Set(value)
}

// maxCustomClaims is how many a client may have.
const maxCustomClaims = 50

// customClaims checks the mapping of a client.
func (d *decoder) customClaims(c *client) {
	path := c.path + ".custom_claims"
	if len(c.CustomClaims) > maxCustomClaims {
		d.at(path, fmt.Sprintf("must have at most %d claims", maxCustomClaims))
	}
	for name, source := range c.CustomClaims {
		field := join(path, printableOwn(name))
		if rule := customclaims.NameRule(name); rule != "" {
			d.at(field, rule)
		} else if rule := customclaims.SourceRule(source); rule != "" {
			d.at(field, rule)
		}
	}
	if len(c.CustomClaims) == 0 {
		c.CustomClaims = nil
	}
}

// Bounds of attributes: they may all go into a token.
const (
	maxAttributes     = 50
	maxAttributeBytes = 8 << 10
)

// attributes checks those of a consumer.
func (d *decoder) attributes(c *consumer) {
	path := join(c.path, "attributes")
	if len(c.Attributes) == 0 {
		c.Attributes = nil
		return
	}
	for name := range c.Attributes {
		if !storage.ValidAttributeName(name) {
			d.at(join(path, printable(name)), "must have a name of 1 to 64 letters, digits, _ and -, beginning with a letter")
		}
	}
	document, _ := json.Marshal(c.Attributes) //nolint:errchkjson // texts, finite numbers and booleans
	if len(c.Attributes) > maxAttributes || len(document) > maxAttributeBytes {
		d.at(path, fmt.Sprintf("must be at most %d, and %d bytes long as JSON", maxAttributes, maxAttributeBytes))
	}
}
