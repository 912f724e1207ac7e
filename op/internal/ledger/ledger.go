// Package ledger writes down which tests hold what is asked of the provider.
//
// A ledger is a page made of rows, each something that is asked or an attack, and
// of the tests that say of themselves that they hold a row: by a directive above
// their function, such as //security:1-foreign-account. Nothing else puts a test
// beside a row, so the page cannot be edited into saying more than the tests do.
//
// It is for tests alone and knows none of the rows.
package ledger

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the pages of the ledgers again")

// NotYet begins the reason of a row that a test is still to hold.
const NotYet = "Not tested yet"

// Row is one thing that is asked of the provider, or one attack on it: its ID is
// the number of its section and a name of its own, such as 1.2-iss, its Rule a
// sentence, and Why the reason for which no test holds it, empty when one does.
// It is an alias, as Section is, so that lists need not repeat the field names.
type Row = struct{ ID, Rule, Why string }

// Section is the rows of one heading, which begins with its number.
type Section = struct {
	Heading string
	Rows    []Row
}

// A List is the sections of one kind, with the word of its directives.
type List struct {
	Word, Title, Intro string
	Sections           []Section
}

// Tables gives the lists as Markdown, with the tests of the module whose root lies
// at the path root. The test fails when a row has neither a test nor a reason, when
// it has both, and when a directive of these lists names no row.
func Tables(t *testing.T, root string, lists ...List) string {
	t.Helper()
	held := readDirectives(t, root, lists)
	page := &strings.Builder{}
	for _, list := range lists {
		var rows, tested, open int
		body := &strings.Builder{}
		for _, s := range list.Sections {
			number, _, _ := strings.Cut(s.Heading, " ")
			fmt.Fprintf(body, "\n### %s\n\n| row | what | held by |\n|---|---|---|\n", s.Heading)
			for _, r := range s.Rows {
				key := list.Word + ":" + r.ID
				tests := held[key]
				delete(held, key)
				switch {
				case !strings.HasPrefix(r.ID, number+"-"):
					t.Errorf("row %s is in section %s", key, number)
				case len(tests) == 0 && r.Why == "":
					t.Errorf("row %s has neither a test nor a reason", key)
				case len(tests) > 0 && r.Why != "":
					t.Errorf("row %s has a reason to have no test, and %s", key, tests[0].name)
				}
				rows++
				if len(tests) > 0 {
					tested++
				} else if strings.HasPrefix(r.Why, NotYet) {
					open++
				}
				fmt.Fprintf(body, "| %s | %s | %s |\n", r.ID, r.Rule, cmp.Or(r.Why, links(root, tests)))
			}
		}
		fmt.Fprintf(page, "\n## %s\n\n%s %d rows: %d held by tests, %d that say why not%s.\n%s", list.Title, list.Intro,
			rows, tested, rows-tested, openText(open), body)
	}
	for key, tests := range held {
		t.Errorf("%s in %s names no row, or a row that stands twice", key, tests[0].file)
	}
	return page.String()
}

func openText(open int) string {
	if open == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d not tested yet)", open)
}

// links names tests, each with the way to its file.
func links(root string, tests []holder) string {
	var names []string
	for _, h := range tests {
		names = append(names, fmt.Sprintf("[%s](%s/%s) in %s", h.name, root, h.file, h.folder))
	}
	return strings.Join(names, ", ")
}

// Compare fails when the file is not the page, or writes it with the flag -update.
func Compare(t *testing.T, file, page string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != page {
		t.Errorf("%s is not what the tests say: run make contract", file)
	}
}
