package identifier_test

import (
	"strings"
	"testing"

	"github.com/brandidp/idp/op/identifier"
)

func TestTyped(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		" Amelia ":               "amelia",
		"ＡＭＥＬＩＡ":                 "amelia",
		"Amelia@Brand.Example":   "amelia@brand.example",
		"+1 (212) 788-8877":      "+12127888877",
		"two words":              "",
		"a@b@c":                  "",
		"@b":                     "",
		"+0123":                  "",
		"+1a":                    "",
		"":                       "",
		"a\x00b":                 "",
		"a\xff":                  "",
		strings.Repeat("a", 256): "",
	} {
		if got := identifier.Typed(typed); got != want {
			t.Errorf("Typed(%q) = %q, want %q", typed, got, want)
		}
	}
}
