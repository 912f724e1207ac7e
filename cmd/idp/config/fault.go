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

// String puts the fault into one line.
func (f Fault) String() string {
	if f.Key == "" {
		return f.Source + ": " + f.Rule
	}

	return fmt.Sprintf("%s: %s: %s", f.Source, f.Key, f.Rule)
}

// Error is all that is wrong with the configuration.
type Error []Fault

// Error has one line for each fault.
func (e Error) Error() string {
	lines := make([]string, len(e))
	for i, fault := range e {
		lines[i] = fault.String()
	}

	return strings.Join(lines, "\n")
}
