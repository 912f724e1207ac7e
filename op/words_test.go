package op

import (
	"fmt"
	"strings"
	"testing"
)

// A list is cut off before finding its repetitions costs anything.
func TestWords(t *testing.T) {
	t.Parallel()
	if got := words(" b a  b "); fmt.Sprint(got) != "[b a]" {
		t.Errorf("words: %v", got)
	}
	var long strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&long, "%d ", i)
	}
	if got := words(long.String()); len(got) != maxWords {
		t.Errorf("%d words", len(got))
	}
}
