package customclaims

import (
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/nearest"
	"github.com/brandidp/idp/storage"
)

// attributes is what a source begins with that the brand has named itself.
const attributes = "attributes."

// sources are those that have a name of their own, by it.
var sources = func() map[string]source {
	all := map[string]source{}
	for name, root := range map[string]struct {
		of    func(*storage.Consumer) reflect.Value
		shape reflect.Type
	}{
		"claims":        {func(c *storage.Consumer) reflect.Value { return reflect.ValueOf(&c.Claims) }, reflect.TypeFor[storage.Claims]()},
		"personal_info": {func(c *storage.Consumer) reflect.Value { return reflect.ValueOf(c.PersonalInfo) }, reflect.TypeFor[liveperson.PersonalInfo]()},
		"customer_info": {func(c *storage.Consumer) reflect.Value { return reflect.ValueOf(c.CustomerInfo) }, reflect.TypeFor[liveperson.CustomerInfo]()},
	} {
		collect(all, name, source{root: root.of}, root.shape)
	}
	return all
}()

// collect adds the fields of a shape, and what is in them.
func collect(all map[string]source, name string, at source, shape reflect.Type) {
	for i := range shape.NumField() {
		field := shape.Field(i)
		tag, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		below := source{root: at.root, path: append(slices.Clip(at.path), i)}
		all[name+"."+tag] = below
		if field.Type.Kind() == reflect.Pointer && field.Type.Elem().Kind() == reflect.Struct {
			collect(all, name+"."+tag, below, field.Type.Elem())
		}
	}
}

func find(name string) (source, bool) {
	if attribute, ok := strings.CutPrefix(name, attributes); ok {
		return source{attribute: attribute}, storage.ValidAttributeName(attribute)
	}
	found, known := sources[name]
	return found, known
}

// SourceRule returns the rule that a source breaks, or "". The rule names the
// nearest source that there is.
func SourceRule(name string) string {
	if _, known := find(name); known {
		return ""
	}
	if strings.HasPrefix(name, attributes) {
		return "must name an attribute by 1 to 64 letters, digits, _ and -, beginning with a letter"
	}
	if meant := nearest.Of(name, slices.Sorted(maps.Keys(sources))); meant != "" {
		return "is not a known source; did you mean " + meant + "?"
	}
	return "is not a known source; it must be a field of claims, personal_info, customer_info or attributes, such as customer_info.ctype or attributes.region"
}
