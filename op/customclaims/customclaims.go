// Package customclaims is the mapping from what is known of a consumer to claims
// of a client's own: {"tier": "customer_info.ctype"}.
//
// It owns which names such claims may have, which sources there are, and what
// they come to. It must never let a mapping say what the protocol or OpenID
// Connect's standard says.
package customclaims

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/brandidp/idp/storage"
)

// Set is a mapping that is ready to be used, so that a token costs no more than
// its values. Nil is a mapping of nothing.
type Set []claim

type claim struct {
	name   string // in JSON
	source source
}

// source is where a value is: of an attribute, or in one of the roots.
type source struct {
	attribute string
	root      func(*storage.Consumer) reflect.Value
	// path are the indexes of the fields below the root, from outside.
	path []int
}

// Compile prepares a mapping from names of claims to sources. A name or a source
// that is not known is passed over: a later release may have stored it.
func Compile(mapping map[string]string) Set {
	var set Set
	for _, name := range slices.Sorted(maps.Keys(mapping)) {
		source, known := find(mapping[name])
		if !known || NameRule(name) != "" {
			continue
		}
		quoted, _ := json.Marshal(name) //nolint:errchkjson // a text
		set = append(set, claim{name: string(quoted), source: source})
	}
	return set
}

// AppendTo adds the claims about a consumer to a JSON object. A source that is
// absent gives none; values keep their types.
func (s Set) AppendTo(object []byte, consumer *storage.Consumer) ([]byte, error) {
	for _, claim := range s {
		value := claim.source.of(consumer)
		if value == nil {
			continue
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("custom claim %s: %w", claim.name, err)
		}
		object = object[:len(object)-1] // the closing brace
		if len(object) > 1 {
			object = append(object, ',')
		}
		object = append(object, claim.name...)
		object = append(append(append(object, ':'), encoded...), '}')
	}
	return object, nil
}

// of gives the value, nil if it is absent.
func (s source) of(consumer *storage.Consumer) any {
	if s.attribute != "" {
		return consumer.Attributes[s.attribute]
	}
	value := s.root(consumer)
	for _, index := range s.path {
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				return nil
			}
			value = value.Elem()
		}
		value = value.Field(index)
	}
	if value.IsZero() || value.Kind() == reflect.Slice && value.Len() == 0 {
		return nil
	}
	return value.Interface()
}
