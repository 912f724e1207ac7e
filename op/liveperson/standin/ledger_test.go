package standin_test

import (
	"slices"
	"testing"

	"github.com/brandidp/idp/op/internal/ledger"
)

type (
	row     = ledger.Row
	section = ledger.Section
)

// TestEveryRowHasATest: each row is held by a test or says why not, each directive
// names a row, and README.md says no less and no more than the tests do.
func TestEveryRowHasATest(t *testing.T) {
	t.Parallel()
	ledger.Compare(t, "README.md", readmeHead+ledger.Tables(t, "../../..", ledger.List{
		Word: "contract", Title: "The contract",
		Intro:    "The sections are in the order of LivePerson's documentation of consumer authentication. Where its pages contradict each other, each\nreading is a row.",
		Sections: slices.Concat(tokenRows, flowRows, pageRows),
	}))
}

const readmeHead = `<!-- Written by make contract from the rows and the tests; not to be edited. -->

# What Conversational Cloud asks of a provider

This package stands in for Conversational Cloud; its documentation is in the package comment. Below is what the real one asks, row by row,
and which test of this module holds each row; the attacks on it are in [op](../../README.md).

The rows are in this folder's ` + "`rows_*_test.go`" + `. A test says which of them it holds by a comment above its function, such as
` + "`//contract:2.3-redirect 2.3-state-unchanged`" + `; this page is written from those comments by ` + "`make contract`" + `, and a test fails when it differs, when a row has
neither a test nor a reason, and when a comment names no row.
`
