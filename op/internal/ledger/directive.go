package ledger

import (
	"bytes"
	"cmp"
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

// A holder is a test that says of itself that it holds a row.
type holder struct{ folder, file, name string }

// testName is the name of a function that go test runs.
var testName = regexp.MustCompile(`^(Test|Fuzz|Example)([^a-z]|$)`)

// directives are the comments above a test's function by which it names rows.
func directives(lists []List) *regexp.Regexp {
	var words []string
	for _, list := range lists {
		words = append(words, regexp.QuoteMeta(list.Word))
	}
	return regexp.MustCompile(`^//(` + strings.Join(words, "|") + `):(.*)$`)
}

// readDirectives reads what every test of the module holds, by word and row.
func readDirectives(t *testing.T, root string, lists []List) map[string][]holder {
	t.Helper()
	held, directive := map[string][]holder{}, directives(lists)
	files := os.DirFS(root)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
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
		source, err := fs.ReadFile(files, path)
		if err != nil {
			return fmt.Errorf("read directives: %w", err)
		}
		if !bytes.Contains(source, []byte("\n//")) {
			return nil
		}
		return readFile(t, path, source, directive, held)
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

func readFile(t *testing.T, path string, source []byte, directive *regexp.Regexp, held map[string][]holder) error {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return fmt.Errorf("read directives: %w", err)
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
