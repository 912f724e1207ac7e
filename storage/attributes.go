package storage

import "regexp"

// Attributes are what a brand knows of a consumer beyond what has a name of its
// own. Values are text (string), numbers (float64) and bool.
type Attributes map[string]any

var attributePattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]{0,63}$`)

// ValidAttributeName tells whether an attribute may have the name.
func ValidAttributeName(name string) bool { return attributePattern.MatchString(name) }
