package standin_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write README.md again")

// moduleRoot is where the module lies, seen from here.
const moduleRoot = "../../.."

// A row is one thing that Conversational Cloud asks of a provider, or one attack
// on it.
type row struct {
	// id is the number of its section and a name of its own, such as 1.2-iss.
	id string
	// rule says it in a sentence.
	rule string
	// why says why no test holds it; it is empty when one does.
	why string
}

// A section is the rows of one heading, which begins with its number.
type section struct {
	heading string
	rows    []row
}

// ledgers are the lists, each by the word of its directives.
var ledgers = []struct {
	word, title, intro string
	sections           []section
}{
	{
		"contract", "The contract",
		"The sections are in the order of LivePerson's documentation of consumer authentication. Where its pages contradict each other, each\nreading is a row.",
		slices.Concat(tokenRows, flowRows, pageRows),
	},
	{
		"security", "The attacks",
		"Each is carried out by the tests beside it, and fails.",
		attackRows,
	},
}

// A holder is a test that says of itself that it holds a row.
type holder struct{ folder, file, name string }

// directive is the comment above a test's function by which it names rows.
var directive = regexp.MustCompile(`^//(contract|security):(.*)$`)

// TestEveryRowHasATest: each row is held by a test or says why not, each directive
// names a row, and README.md says no less and no more than the tests do.
func TestEveryRowHasATest(t *testing.T) {
	t.Parallel()
	held := readDirectives(t)
	page := &strings.Builder{}
	page.WriteString(readmeHead)
	for _, ledger := range ledgers {
		var rows, tested, open int
		body := &strings.Builder{}
		for _, s := range ledger.sections {
			number, _, _ := strings.Cut(s.heading, " ")
			fmt.Fprintf(body, "\n### %s\n\n| row | what | held by |\n|---|---|---|\n", s.heading)
			for _, r := range s.rows {
				key := ledger.word + ":" + r.id
				tests := held[key]
				delete(held, key)
				switch {
				case !strings.HasPrefix(r.id, number+"-"):
					t.Errorf("row %s is in section %s", key, number)
				case len(tests) == 0 && r.why == "":
					t.Errorf("row %s has neither a test nor a reason", key)
				case len(tests) > 0 && r.why != "":
					t.Errorf("row %s has a reason to have no test, and %s", key, tests[0].name)
				}
				rows++
				if len(tests) > 0 {
					tested++
				} else if strings.HasPrefix(r.why, notYet) {
					open++
				}
				fmt.Fprintf(body, "| %s | %s | %s |\n", r.id, r.rule, cmp.Or(r.why, list(tests)))
			}
		}
		fmt.Fprintf(page, "\n## %s\n\n%s %d rows: %d held by tests, %d that say why not%s.\n%s", ledger.title, ledger.intro,
			rows, tested, rows-tested, openText(open), body)
	}
	for key, tests := range held {
		t.Errorf("%s in %s names no row, or a row that stands twice", key, tests[0].file)
	}
	compareReadme(t, page.String())
}

func openText(open int) string {
	if open == 0 {
		return ""
	}
	return fmt.Sprintf(" (%d not tested yet)", open)
}

// list names tests, each with the way to its file.
func list(tests []holder) string {
	var names []string
	for _, h := range tests {
		names = append(names, fmt.Sprintf("[%s](%s/%s) in %s", h.name, moduleRoot, h.file, h.folder))
	}
	return strings.Join(names, ", ")
}

func compareReadme(t *testing.T, want string) {
	t.Helper()
	const name = "README.md"
	if *update {
		if err := os.WriteFile(name, []byte(want), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the tests say: run make contract", name)
	}
}

// readDirectives reads what every test of the module holds, by directive.
func readDirectives(t *testing.T) map[string][]holder {
	t.Helper()
	held := map[string][]holder{}
	root := os.DirFS(moduleRoot)
	err := fs.WalkDir(root, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if name := entry.Name(); entry.IsDir() {
			if name == "node_modules" || name == "testdata" || strings.HasPrefix(name, ".") && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := fs.ReadFile(root, path)
		if err != nil || !bytes.Contains(source, []byte("\n//")) {
			return err
		}
		return readFile(t, path, source, held)
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tests := range held {
		slices.SortFunc(tests, func(a, b holder) int {
			return cmp.Or(cmp.Compare(a.folder, b.folder), cmp.Compare(a.name, b.name))
		})
	}
	return held
}

func readFile(t *testing.T, path string, source []byte, held map[string][]holder) error {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	tests := map[*ast.CommentGroup]string{}
	for _, declaration := range file.Decls {
		if f, is := declaration.(*ast.FuncDecl); is && f.Recv == nil && testName.MatchString(f.Name.Name) {
			tests[f.Doc] = f.Name.Name
		}
	}
	for _, group := range file.Comments {
		for _, comment := range group.List {
			found := directive.FindStringSubmatch(comment.Text)
			if found == nil {
				continue
			}
			this := holder{filepath.ToSlash(filepath.Dir(path)), path, tests[group]}
			if this.name == "" {
				t.Errorf("%s: %s stands above no test", path, comment.Text)
			}
			for id := range strings.FieldsSeq(found[2]) {
				key := found[1] + ":" + id
				if slices.Contains(held[key], this) {
					t.Errorf("%s: %s names %s twice", path, this.name, key)
				}
				held[key] = append(held[key], this)
			}
		}
	}
	return nil
}

// testName is the name of a function that go test runs.
var testName = regexp.MustCompile(`^(Test|Fuzz|Example)([^a-z]|$)`)

// notYet begins the reason of a row that a test is to hold.
const notYet = "Not tested yet"

const readmeHead = `<!-- Written by make contract from the rows and the tests; not to be edited. -->

# What Conversational Cloud asks of a provider

This package stands in for Conversational Cloud; its documentation is in the package comment. Below is what the real one asks, row by row,
and which test of this module holds each row.

The rows are in this folder's ` + "`rows_*_test.go`" + `. A test says which of them it holds by a comment above its function, such as
` + "`//contract:2.3-redirect 2.3-state-unchanged`" + ` or ` + "`//security:1-foreign-account`" + `; this page is written from those comments by ` + "`make contract`" + `, and a test fails when it differs, when a row has
neither a test nor a reason, and when a comment names no row.
`
