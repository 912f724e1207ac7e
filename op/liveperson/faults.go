package liveperson

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// faults collects what Validate finds.
type faults []FieldError

// add notes a broken rule; the empty rule is none.
func (f *faults) add(field, rule string) {
	if rule != "" {
		*f = append(*f, FieldError{Field: field, Rule: rule})
	}
}

// text notes what no text of a claim may hold: PostgreSQL cannot store a NUL,
// and agents' desks do not expect control characters.
func (f *faults) text(field, value string) {
	if !utf8.ValidString(value) || strings.ContainsFunc(value, unicode.IsControl) {
		f.add(field, "must be UTF-8 text without control characters")
	}
}

// oneOf notes a value that is given and is none of those allowed.
func (f *faults) oneOf(field, value string, allowed []string) {
	if value != "" && !slices.Contains(allowed, value) {
		f.add(field, "must be one of "+strings.Join(allowed, ", "))
	}
}
