// Package nearest guesses which known name was meant by an unknown one.
package nearest

import (
	"strings"

	"github.com/agext/levenshtein"
)

// Of gives the known name that takes the fewest changes of a letter to reach from name,
// and the first of several. It is "" if that would change more than a third of the
// letters: a guess so far off helps nobody.
func Of(name string, known []string) string {
	nearest, least := "", max(1, (len(name)+1)/3)+1
	for _, k := range known {
		if distance := levenshtein.Distance(strings.ToLower(name), strings.ToLower(k), nil); distance < least {
			nearest, least = k, distance
		}
	}
	return nearest
}
