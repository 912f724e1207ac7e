package op_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/internal/ledger"
)

// TestEveryRowHasATest: each row is held by a test or says why not, each directive
// names a row, and README.md says no less and no more than the tests do.
func TestEveryRowHasATest(t *testing.T) {
	t.Parallel()
	ledger.Compare(t, "README.md", readmeHead+planTables(t)+ledger.Tables(t, "..",
		ledger.List{
			Word: "security", Title: "The attacks", Intro: "Each is carried out by the tests beside it, and fails.",
			Sections: slices.Concat(attackRows, requestAttackRows, grantAttackRows),
		},
		ledger.List{
			Word: "defect", Title: "The defects of others",
			Intro:    "What zitadel/oidc, of which the token endpoints' router is a part of this package, did wrong when it was read and run at v3.51.17.\nThe tests fail if this provider does it.",
			Sections: defectRows,
		}))
}

// planTables lists what TestConformance runs, which is where it has it from.
func planTables(t *testing.T) string {
	t.Helper()
	run := (&profile{}).modules()
	body := &strings.Builder{}
	seen := map[string]bool{}
	for _, plan := range plans {
		fmt.Fprintf(body, "\n### %s\n\n| module | response types | result |\n|---|---|---|\n", plan.name)
		for _, module := range plan.modules {
			key := plan.name + module.name
			if seen[key] || (run[module.name] == nil) == (module.why == "") {
				t.Errorf("%s: %s is not there, stands twice, or is there with a reason not to be", plan.name, module.name)
			}
			seen[key], seen[module.name] = true, true
			result := "passes"
			if module.why != "" {
				result = "does not apply: " + module.why
			}
			types := plan.responseTypes
			if len(module.only) > 0 {
				types = module.only
			}
			fmt.Fprintf(body, "| %s | %s | %s |\n", module.name, strings.Join(types, ", "), result)
		}
	}
	for name := range run {
		if !seen[name] {
			t.Errorf("%s is a module of no plan", name)
		}
	}
	return planHead + body.String()
}

const readmeHead = `<!-- Written by make contract from the lists and the tests; not to be edited. -->

# What the provider is held to

The package's documentation is in its package comment. Below are the modules by which OpenID Connect providers are certified, the attacks that this
one has to withstand, and the defects that it must not have, each with the tests of this module that say so.

The rows are in this folder's ` + "`rows_*_test.go`" + `. A test says which attacks and defects it holds by a comment above its function, such as
` + "`//security:11-size`" + ` or ` + "`//defect:2-race`" + `; this page is written from those comments and lists by ` + "`make contract`" + `, and a test fails when it differs, when a row
has neither a test nor a reason, and when a comment names no row. What Conversational Cloud asks is in [its stand-in](liveperson/standin/README.md).
`

const planHead = `
## The plans of the OpenID Foundation's conformance suite

` + "`TestConformance`" + ` runs the modules below, and no others, each under its own name and once for each response type beside it:
` + "`go test ./op -run 'TestConformance/oidcc-basic'`" + `. *passes* means that it is in that list, so that the tests fail when it does. They are black-box tests of this
repository which assert what the suite's modules of these names do; the suite itself is the OpenID Foundation's.
`
