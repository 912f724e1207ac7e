package identifier_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/identifier"
)

func TestNormalForms(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name      string
		normalise func(string) (string, error)
		given     string
		want      string // "" for a refusal
	}{
		{"username", identifier.Username, "Amelia", "amelia"},
		{"username", identifier.Username, "ÄMELIA", "ämelia"},
		{"username", identifier.Username, "A\u0308melia", "ämelia"},
		{"username", identifier.Username, "ｆｕｌｌ", "full"},
		{"username", identifier.Username, "two words", ""},
		{"username", identifier.Username, "", ""},
		{"username", identifier.Username, "a\x00", ""},
		{"username", identifier.Username, "\xff", ""},
		{"username", identifier.Username, strings.Repeat("a", 256), ""},
		{"email", identifier.Email, "Amelia.Pond@Brand.EXAMPLE", "amelia.pond@brand.example"},
		{"email", identifier.Email, "a+b@brand.example", "a+b@brand.example"},
		{"email", identifier.Email, "Amelia <a@brand.example>", ""},
		{"email", identifier.Email, "<a@brand.example>", ""},
		{"email", identifier.Email, "a@brand.example, b@brand.example", ""},
		{"email", identifier.Email, "a@brand.example (work)", ""},
		{"email", identifier.Email, `"a b"@brand.example`, ""},
		{"email", identifier.Email, "a@", ""},
		{"email", identifier.Email, "@", ""},
		{"phone", identifier.Phone, "+49 (30) 1234-567", "+49301234567"},
		{"phone", identifier.Phone, "+1.212.788.8877", "+12127888877"},
		{"phone", identifier.Phone, "0301234567", ""},
		{"phone", identifier.Phone, "+0301234567", ""},
		{"phone", identifier.Phone, "+1234567890123456", ""},
		{"phone", identifier.Phone, "+1;ext=5", ""},
		{"phone", identifier.Phone, "+", ""},
		{"typed", identifier.Typed, " Amelia ", "amelia"},
		{"typed", identifier.Typed, "A@Brand.example\t", "a@brand.example"},
		{"typed", identifier.Typed, "+49 30 1234567", "+49301234567"},
		{"typed", identifier.Typed, "  ", ""},
	} {
		got, err := test.normalise(test.given)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s %q = %q, %v; want %q", test.name, test.given, got, err, test.want)
		}
		if err == nil {
			if again, err := test.normalise(got); err != nil || again != got {
				t.Errorf("%s %q normalised again is %q, %v", test.name, got, again, err)
			}
		}
	}
}

func ExampleTyped() {
	for _, typed := range []string{"Amelia", "Amelia@Brand.example", "+49 (30) 123 45 67"} {
		normal, err := identifier.Typed(typed)
		fmt.Println(normal, err)
	}
	// Output:
	// amelia <nil>
	// amelia@brand.example <nil>
	// +49301234567 <nil>
}
