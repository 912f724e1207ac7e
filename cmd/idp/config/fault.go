package config

import (
	"fmt"
	"strings"
)

// Fault is one thing wrong with the configuration.
type Fault struct {
	Source string // file:line, a variable, a flag, or "default"
	Key    string // option or unknown key; empty if the file as a whole is at fault
	Rule   string // what is allowed
}

// Error puts the fault into one line.
func (f Fault) Error() string {
	if f.Key == "" {
		return f.Source + ": " + f.Rule
	}

	return fmt.Sprintf("%s: %s: %s", f.Source, f.Key, f.Rule)
}

// Faults is all that is wrong with the configuration.
type Faults []Fault

// Error has one line for each fault.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, fault := range f {
		lines[i] = fault.Error()
	}

	return strings.Join(lines, "\n")
}
