package config

import (
	"fmt"
	"strings"

	"github.com/brandidp/idp/op/nearest"
)

const (
	variablePrefix = "IDP_"
	fileVariable   = variablePrefix + "CONFIG" // names the file, as the flag --config does
)

// variable returns a variable's value, empty if it is not set.
func (in Inputs) variable(name string) string {
	for _, pair := range in.Environ {
		if n, value, _ := strings.Cut(pair, "="); n == name {
			return value
		}
	}

	return ""
}

// variables reads the options that are given as variables. An unknown one is
// only a warning: orchestrators set variables of this prefix of their own (a
// Kubernetes service named idp, say).
func (in Inputs) variables() (layer, []string) {
	keys := map[string]string{}
	names := []string{strings.TrimPrefix(fileVariable, variablePrefix)}

	for _, key := range allKeys() {
		keys[variable(key)] = key
		names = append(names, strings.TrimPrefix(variable(key), variablePrefix))
	}

	found := layer{}

	var warnings []string

	for _, pair := range in.Environ {
		name, value, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, variablePrefix) || name == fileVariable {
			continue
		}

		key, ok := keys[name]

		switch {
		case !ok:
			warning := fmt.Sprintf("the variable %s is no option", name)
			if meant := nearest.Of(strings.TrimPrefix(name, variablePrefix), names); meant != "" { // the prefix is no likeness
				warning += "; the nearest is " + variablePrefix + meant
			}

			warnings = append(warnings, warning)
		case value != "":
			found[key] = given{text: value, source: name}
		}
	}

	return found, warnings
}
