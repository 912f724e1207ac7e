package config

import (
	"fmt"
	"strings"
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
	names := []string{fileVariable}

	for _, key := range allKeys() {
		keys[variable(key)] = key
		names = append(names, variable(key))
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
			warnings = append(warnings, fmt.Sprintf("the variable %s is no option; the nearest is %s", name, Nearest(name, names)))
		case value != "":
			found[key] = given{text: value, source: name}
		}
	}

	return found, warnings
}
