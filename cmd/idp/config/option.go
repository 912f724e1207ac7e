package config

import (
	"slices"
	"strings"
)

// Kind is the form of an option's value in the YAML file. In variables and
// flags all values are text, and lists are separated by commas.
type Kind string

// The forms of values.
const (
	Text     Kind = "text"
	Integer  Kind = "number"
	Duration Kind = "duration" // text such as 90s, 12h, 30d, or a number of seconds
	Switch   Kind = "switch"   // true or false
	List     Kind = "list"     // of text
)

// fileSuffix makes the name of the second form of a secret: the path of a file
// that holds it.
const fileSuffix = "_file"

// Option declares one option: this is all that the file, the variables, the
// flags, the checks and the reference know of it.
type Option struct {
	Key    string   // as in the file, groups separated by dots
	Kind   Kind     // form in the file
	Values []string // all allowed values, where they can be listed
	Secret bool     // masked wherever it is shown; has a _file form
	Help   string   // one or two sentences

	// Default is the value in force when none is given. Where it depends on
	// the machine or on other options, derive computes it and DefaultNote
	// describes it.
	Default     string
	DefaultNote string

	derive func(*Config, Inputs) string
	set    func(*Config, string) error
}

// Variable is the name of the option's environment variable.
func (o Option) Variable() string { return variable(o.Key) }

// Flag is the name of the option's flag, without the dashes.
func (o Option) Flag() string { return flag(o.Key) }

// keys lists the names under which the option can be given.
func (o Option) keys() []string {
	if o.Secret {
		return []string{o.Key, o.Key + fileSuffix}
	}

	return []string{o.Key}
}

// form is the kind that a value has under one of the option's keys.
func (o Option) form(key string) Kind {
	if key != o.Key {
		return Text
	}

	return o.Kind
}

// optionOf finds the option that key, possibly with the file suffix, belongs to.
func optionOf(key string) (Option, bool) {
	for _, o := range Options {
		if slices.Contains(o.keys(), key) {
			return o, true
		}
	}

	return Option{}, false
}

// allKeys lists every key that can be given.
func allKeys() []string {
	var keys []string
	for _, o := range Options {
		keys = append(keys, o.keys()...)
	}

	return keys
}

// groups lists the keys that hold other keys, with the keys below each.
func groups() map[string][]string {
	groups := map[string][]string{}

	for _, key := range allKeys() {
		if group, name, ok := strings.Cut(key, "."); ok {
			groups[group] = append(groups[group], name)
		}
	}

	return groups
}

func variable(key string) string {
	return variablePrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

func flag(key string) string {
	return strings.NewReplacer(".", "-", "_", "-").Replace(key)
}
