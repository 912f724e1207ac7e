package redirecturi_test

import (
	"strings"
	"testing"

	"github.com/brandidp/idp/op/redirecturi"
)

//security:7-registered-query 7-window-query
func TestQueryRule(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"":                       "",
		"a=1&b=%2F&c":            "",
		"lpUnifiedWindowConfig=": "",
		"code=1":                 "response",
		"a&st%61te=1":            "response",
		"iss":                    "response",
		"token=":                 "response",
		"a=1&a=1":                "twice",
		"a=1&%61=2":              "twice",
		"a=1;b=2":                "read",
		"a=%zz":                  "read",
	} {
		got := redirecturi.QueryRule(query)
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("QueryRule(%s) = %q, want it to say %q", query, got, want)
		}
	}
}
