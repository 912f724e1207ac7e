package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/brandidp/idp/op/nearest"
)

// longestFile bounds the configuration file.
const longestFile = 1 << 20

// file finds and reads the configuration file and notes its path in c. No file
// is fine unless one was named.
func (in Inputs) file(c *Config) (layer, []Fault) {
	name, source := in.fileName()
	if name == "" {
		return layer{}, nil
	}

	content, err := readFile(name, longestFile)
	if err != nil {
		return layer{}, []Fault{{Source: source, Rule: err.Error()}}
	}

	c.File = name
	r := fileReader{name: name, found: layer{}, lines: map[string]int{}}
	r.read(string(content))

	return r.found, r.faults
}

// readFile reads a file of at most so many bytes. Its errors are rules.
func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("must be a file that can be read: %s: %w", name, reason(err))
	}
	defer f.Close() //nolint:errcheck // nothing was written

	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, fmt.Errorf("must be a file that can be read: %s: %w", name, reason(err))
	}

	if int64(len(content)) > most {
		return nil, fmt.Errorf("must be a file of at most %d KiB: %s", most>>10, name) //nolint:mnd // bytes in a KiB
	}

	return content, nil
}

// fileName returns the path of the file, and who named it.
func (in Inputs) fileName() (name, source string) {
	if in.Flags != nil {
		if f := in.Flags.Lookup(fileFlag); f != nil && f.Changed {
			return f.Value.String(), "--" + fileFlag
		}
	}

	if name := in.variable(fileVariable); name != "" {
		return name, fileVariable
	}

	for _, name := range in.Files {
		if _, err := os.Stat(name); !errors.Is(err, fs.ErrNotExist) {
			return name, "configuration" // one that is there and cannot be read is a fault, not passed over
		}
	}

	return "", ""
}

// fileReader walks the nodes of the file, where each value still has its line.
type fileReader struct {
	name   string
	found  layer
	lines  map[string]int // of each key seen
	faults []Fault
}

func (r *fileReader) at(line int) string { return fmt.Sprintf("%s:%d", r.name, line) }

func (r *fileReader) complain(node *yaml.Node, key, rule string) {
	r.faults = append(r.faults, Fault{Source: r.at(node.Line), Key: key, Rule: rule})
}

func (r *fileReader) read(content string) {
	var document, second yaml.Node

	decoder := yaml.NewDecoder(strings.NewReader(content))

	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) {
		return // empty, or comments alone
	}

	if err == nil && !errors.Is(decoder.Decode(&second), io.EOF) {
		r.faults = append(r.faults, Fault{Source: r.name, Rule: "must be one YAML document, without a second after ---"})

		return
	}

	if err != nil {
		r.faults = append(r.faults, r.syntaxFault(content, err))

		return
	}

	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		r.complain(root, "", "must be a list of keys with values, such as issuer: https://login.brand.example")

		return
	}

	r.mapping(root, "")
}

var syntaxError = regexp.MustCompile(`(?s)^yaml: (?:line (\d+): )?(.*)$`)

// syntaxFault words an error of the parser. The parser quotes nothing of the
// file but the names of anchors, which may be the beginning of a password.
func (r *fileReader) syntaxFault(content string, err error) Fault {
	fault := Fault{Source: r.name, Rule: "is not YAML"}

	if m := syntaxError.FindStringSubmatch(err.Error()); m != nil {
		if m[1] != "" {
			fault.Source += ":" + m[1]
		}

		if line := tabbedLine(content, m[1], m[2]); line > 0 {
			return Fault{Source: r.at(line), Rule: "must be indented with spaces: YAML takes no tabs"}
		}

		if strings.Contains(m[2], "anchor") {
			m[2] = "a value that begins with * or & must be in quotes"
		}

		fault.Rule += ": " + m[2]
	}

	return fault
}

// tabbedLine is the line indented with a tab that the parser stumbled over, or 0.
// It names no line for the first, and one of its reasons counts from zero.
func tabbedLine(content, found, reason string) int {
	line := 1
	if n, err := strconv.Atoi(found); err == nil {
		line = n
	}

	switch reason {
	case "found a tab character that violates indentation":
		line++
	case "found character that cannot start any token":
	default:
		return 0
	}

	lines := strings.Split(content, "\n")
	if line > len(lines) || !strings.HasPrefix(strings.TrimLeft(lines[line-1], " "), "\t") {
		return 0
	}

	return line
}

// mapping reads the keys of a group; the whole file is the group without a name.
func (r *fileReader) mapping(node *yaml.Node, group string) {
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, value := node.Content[i], node.Content[i+1]

		key := name.Value
		if group != "" {
			key = group + "." + key
		}

		if first, ok := r.lines[key]; ok {
			r.complain(name, key, fmt.Sprintf("must stand once, and stands in line %d already", first))

			continue
		}

		r.lines[key] = name.Line
		r.entry(name, value, key)
	}
}

func (r *fileReader) entry(name, value *yaml.Node, key string) {
	option, known := optionOf(key)
	names, isGroup := groups()[key]

	switch {
	case known:
		r.value(name, value, key, option.form(key))
	case isGroup && value.Kind == yaml.MappingNode:
		r.mapping(value, key)
	case isGroup:
		r.complain(name, key, "must hold the keys "+strings.Join(names, ", "))
	default:
		all := append(allKeys(), slices.Sorted(maps.Keys(groups()))...)
		rule := "unknown key; idp config reference lists all"
		if meant := nearest.Of(key, all); meant != "" {
			rule = "unknown key; the nearest known is " + meant
		}

		r.complain(name, key, rule)
	}
}

// allowedTags are the types of YAML that a kind of value can have.
var allowedTags = map[Kind][]string{
	Text:     {"!!str"},
	Integer:  {"!!int"},
	Duration: {"!!str", "!!int"},
	Switch:   {"!!bool"},
}

var allowed = map[Kind]string{
	Text:     "must be text",
	Integer:  "must be a whole number",
	Duration: "must be a duration such as 90s, 12h or 30d, or a number of seconds",
	Switch:   "must be true or false",
	List:     "must be a list of texts, such as [a, b]",
}

func (r *fileReader) value(name, value *yaml.Node, key string, kind Kind) {
	text := value.Value

	switch {
	case value.Kind == yaml.AliasNode:
		r.complain(name, key, "must be written out: aliases are not read (a value that begins with * must be in quotes)")

		return
	case value.ShortTag() == "!!null":
		r.complain(name, key, allowed[kind]+", and has no value (a value that begins with # must be in quotes)")

		return
	case kind == List:
		items, ok := texts(value)
		if !ok {
			r.complain(name, key, allowed[kind])

			return
		}

		text = strings.Join(items, ",")
	case value.Kind != yaml.ScalarNode || !slices.Contains(allowedTags[kind], value.ShortTag()):
		rule := allowed[kind]
		if kind == Text && value.Kind == yaml.ScalarNode {
			rule += ": put the value in quotes"
		}

		r.complain(name, key, rule)

		return
	case text == "":
		r.complain(name, key, "must not be empty: leave the key out for the default")

		return
	}

	r.found[key] = given{text: text, source: r.at(value.Line)}
}

func texts(node *yaml.Node) (items []string, ok bool) {
	if node.Kind != yaml.SequenceNode {
		return nil, false
	}

	for _, item := range node.Content {
		if item.Kind != yaml.ScalarNode || item.ShortTag() != "!!str" {
			return nil, false
		}

		items = append(items, item.Value)
	}

	return items, true
}
