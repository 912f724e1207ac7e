package brandfile

import (
	"fmt"
	"iter"
	"math/big"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"

	"go.yaml.in/yaml/v3"

	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/nearest"
	"github.com/brandidp/idp/storage"
)

// decoder turns a tree into Go values by their JSON names and notes every fault.
// It converts nothing: the type of a value is that of the file's syntax, by the
// rules that YAML 1.2 and JSON share.
type decoder struct {
	file   string
	faults Faults
	// lines has the line of every field that was read, by its path. Without it, what
	// is wanted is to know whether there are faults, not where.
	lines map[string]int
	// broken are the fields that could not be read, touched those and what they
	// are part of.
	broken, touched map[string]bool
}

func newDecoder(file string) *decoder {
	return &decoder{file: file, lines: map[string]int{}, broken: map[string]bool{}, touched: map[string]bool{}}
}

func (d *decoder) fault(line int, field, rule string) {
	d.faults = append(d.faults, Fault{File: d.file, Line: line, Field: field, Rule: rule})
}

// at notes a fault of a field by its path, unless its value could not even be
// read. The line of one that is absent is that of what should have it.
func (d *decoder) at(field, rule string) {
	if d.touched[field] {
		return
	}
	for path := field; path != ""; path = parent(path) {
		if d.broken[path] {
			return
		}
	}
	d.fault(d.line(field), field, rule)
}

// silenceBroken has at pass over fields that have faults by now, what they are
// part of, and what is part of them: a fault there only repeats the first.
func (d *decoder) silenceBroken() {
	if d.lines == nil {
		return
	}
	for _, fault := range d.faults {
		d.broken[fault.Field] = true
		for path := fault.Field; path != ""; path = parent(path) {
			d.touched[path] = true
		}
		d.touched[""] = true
	}
}

// parent is the path of what a field is part of.
func parent(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

func (d *decoder) line(field string) int {
	for path := field; path != ""; path = parent(path) {
		if line, ok := d.lines[path]; ok {
			return line
		}
	}
	return 1
}

// all notes the faults of a value that lies at path.
func (d *decoder) all(path string, faults []liveperson.FieldError) {
	for _, fault := range faults {
		d.at(join(path, fault.Field), fault.Rule)
	}
}

// refuser is a struct that refuses some fields by name and with a reason.
type refuser interface{ RefusedField(name string) string }

// decode reads node into v, which lies at path.
func (d *decoder) decode(node *yaml.Node, path string, v reflect.Value) {
	if d.lines != nil {
		d.lines[path] = node.Line
	}
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		d.fault(node.Line, path, "must be written out: anchors (&) and aliases (*) are not supported")
		return
	case node.Style&yaml.TaggedStyle != 0:
		d.fault(node.Line, path, "must not have a YAML tag (!): put text in quotes instead")
		return
	case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
		d.fault(node.Line, path, "must not be empty: leave the field out instead")
		return
	}
	switch v.Type() {
	case reflect.TypeFor[storage.Seconds]():
		d.lifetime(node, path, v)
		return
	case reflect.TypeFor[liveperson.Seconds]():
		d.duration(node, path, v)
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.decode(node, path, v.Elem())
	case reflect.Struct:
		d.object(node, path, v)
	case reflect.Slice:
		d.list(node, path, v)
	case reflect.Map:
		d.names(node, path, v)
	case reflect.Interface:
		d.simple(node, path, v)
	default:
		d.scalar(node, path, v)
	}
}

func (d *decoder) object(node *yaml.Node, path string, v reflect.Value) {
	if node.Kind != yaml.MappingNode {
		d.fault(node.Line, path, "must be an object with named fields")
		return
	}
	fields := fieldsOf(v.Type())
	for key, value := range d.members(node, path) {
		index, known := fields[key.Value]
		if !known {
			d.fault(key.Line, join(path, printable(key.Value)), unknownField(key.Value, fields, v))
			continue
		}
		d.decode(value, d.join(path, key.Value), v.Field(index))
	}
}

// members are the names of an object, each once, with their values.
func (d *decoder) members(node *yaml.Node, path string) iter.Seq2[*yaml.Node, *yaml.Node] {
	return func(yield func(key, value *yaml.Node) bool) {
		var seen map[string]bool
		if len(node.Content) > fewNames {
			seen = make(map[string]bool, len(node.Content)/2)
		}
		for i := 0; i+1 < len(node.Content); i += 2 {
			key := node.Content[i]
			if !plainName(key) {
				d.fault(key.Line, path, "must have plain names as keys: merge keys, anchors and tags are not supported")
				continue
			}
			if twice(node, i, seen) {
				d.fault(key.Line, join(path, printable(key.Value)), "must not be given twice")
				continue
			}
			if !yield(key, node.Content[i+1]) {
				return
			}
		}
	}
}

// fewNames is for how many names and values comparing them is cheaper than a map.
const fewNames = 24

// twice tells whether an object has the name at i before it, too. seen, if not nil,
// has the names before it.
func twice(node *yaml.Node, i int, seen map[string]bool) bool {
	name := node.Content[i].Value
	if seen != nil {
		before := seen[name]
		seen[name] = true
		return before
	}
	for j := 0; j < i; j += 2 {
		if node.Content[j].Value == name && plainName(node.Content[j]) {
			return true
		}
	}
	return false
}

// plainName tells a name from what YAML has beside names.
func plainName(key *yaml.Node) bool {
	return key.Kind == yaml.ScalarNode && key.Anchor == "" && key.Style&yaml.TaggedStyle == 0 && key.Tag != "!!merge"
}

func (d *decoder) list(node *yaml.Node, path string, v reflect.Value) {
	if node.Kind != yaml.SequenceNode {
		d.fault(node.Line, path, "must be a list, such as [one, two]")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(node.Content), len(node.Content)))
	for i, item := range node.Content {
		field := path
		if d.lines != nil {
			field = fmt.Sprintf("%s[%d]", path, i)
		}
		d.decode(item, field, v.Index(i))
	}
}

// Numbers as JSON writes them. YAML's other forms (0123, 0x7b, 1_000, .inf)
// mean different things to different readers.
var (
	integerPattern = regexp.MustCompile(`^-?(0|[1-9][0-9]*)$`)
	numberPattern  = regexp.MustCompile(`^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$`)
)

func (d *decoder) scalar(node *yaml.Node, path string, v reflect.Value) {
	var rule string
	switch v.Kind() {
	case reflect.String:
		if rule = textRule(node); rule == "" {
			v.SetString(node.Value)
		}
	case reflect.Bool:
		if rule = "must be true or false"; node.Tag == "!!bool" && (node.Value == "true" || node.Value == "false") {
			v.SetBool(node.Value == "true")
			rule = ""
		}
	case reflect.Int:
		rule = "must be a whole number, not in quotes"
		if n, err := strconv.ParseInt(node.Value, 10, 64); err == nil && node.Tag == "!!int" && integerPattern.MatchString(node.Value) {
			v.SetInt(n)
			rule = ""
		}
	case reflect.Float64:
		rule = "must be a number, written as in JSON and not in quotes"
		if n, err := strconv.ParseFloat(node.Value, 64); err == nil && (node.Tag == "!!int" || node.Tag == "!!float") && numberPattern.MatchString(node.Value) {
			v.SetFloat(n + 0) // PostgreSQL keeps no sign of zero, and a second run must find no difference
			rule = digitsRule(node.Value, n)
		}
	default:
		panic("brandfile: no rule for fields of type " + v.Type().String())
	}
	if rule != "" {
		d.fault(node.Line, path, rule)
	}
}

// digitsRule returns the rule that a number breaks, or "", n being what is kept
// of it. Money is not rounded behind anybody's back.
func digitsRule(literal string, n float64) string {
	const (
		longest = 64 // bounds the arithmetic; every number worth writing is shorter
		rule    = "must have no more digits than a number of JSON is sure to keep, which are 15: it would be rounded"
	)
	if len(literal) > longest {
		return rule
	}
	if strconv.FormatFloat(n, 'f', -1, 64) == literal {
		return ""
	}
	if n == 0 { // the exponent may be of any size
		mantissa, _, _ := strings.Cut(strings.ToLower(literal), "e")
		if strings.ContainsAny(mantissa, "123456789") {
			return rule
		}
		return ""
	}
	written, isNumber := new(big.Rat).SetString(literal)
	kept, isKept := new(big.Rat).SetString(strconv.FormatFloat(n, 'f', -1, 64))
	if !isNumber || !isKept || written.Cmp(kept) != 0 {
		return rule
	}
	return ""
}

// textRule returns the rule that a text breaks, or "". A date without quotes is
// text: only YAML 1.1 thinks otherwise.
func textRule(node *yaml.Node) string {
	switch {
	case node.Kind != yaml.ScalarNode:
		return "must be text"
	case node.Tag != "!!str" && node.Tag != "!!timestamp":
		return "must be text: put it in quotes"
	case node.Value == "":
		return "must not be empty: leave the field out instead"
	case strings.ContainsFunc(node.Value, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' }):
		return "must not have control characters"
	}
	return ""
}

// fieldsKnown are the answers of fieldsOf.
var fieldsKnown sync.Map //nolint:gochecknoglobals // a cache

// fieldsOf gives the index of each field of a struct by its JSON name.
func fieldsOf(t reflect.Type) map[string]int {
	if known, ok := fieldsKnown.Load(t); ok {
		return known.(map[string]int) //nolint:forcetypeassert // stored below
	}
	fields := make(map[string]int, t.NumField())
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	fieldsKnown.Store(t, fields)
	return fields
}

// unknownField says which field may have been meant.
func unknownField(name string, fields map[string]int, v reflect.Value) string {
	if r, ok := reflect.TypeAssert[refuser](v.Addr()); ok {
		if reason := r.RefusedField(name); reason != "" {
			return reason
		}
	}
	known := make([]string, 0, len(fields))
	for field := range fields {
		known = append(known, field)
	}
	slices.Sort(known)
	if meant := nearest.Of(name, known); meant != "" {
		return "is not a known field; did you mean " + meant + "?"
	}
	return "is not a known field; known are " + strings.Join(known, ", ")
}

var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,63}$`)

// printable is the name of a key unless it may be something else that slipped,
// as the password in {password:secret} does.
func printable(name string) string {
	if namePattern.MatchString(name) {
		return name
	}
	return "(a name of other characters)"
}

// join is join, but nothing if no places are wanted.
func (d *decoder) join(path, name string) string {
	if d.lines == nil {
		return ""
	}
	return join(path, name)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}
