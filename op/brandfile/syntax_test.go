package brandfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/brandfile"
)

func TestParseTellsOfTabs(t *testing.T) {
	t.Parallel()
	for file, line := range map[string]int{
		"consumers:\n\t- sub: a\n":                   2,
		"consumers:\n  - sub: a\n\tusername: b\n":    3,
		"consumers:\n  - sub: a\n  \tusername: b\n":  3,
		"consumers:\n\n  - claims:\n    \tname: A\n": 4,
		"\tconsumers: []\n":                          1,
	} {
		want := fmt.Sprintf("brand.yaml:%d: must be indented with spaces: YAML takes no tabs", line)
		if _, faults := brandfile.Parse("brand.yaml", []byte(file), options()); faults == nil || faults.Error() != want {
			t.Errorf("%q: %v, want %s", file, faults, want)
		}
	}
	if _, faults := brandfile.Parse("brand.yaml", []byte("consumers:\n  - sub: @a\n"), options()); faults == nil || strings.Contains(faults.Error(), "tab") {
		t.Errorf("no tab: %v", faults)
	}
}
