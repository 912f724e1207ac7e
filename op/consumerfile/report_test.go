package consumerfile_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/consumerfile"
)

// A file that is no report of an import is neither removed nor written to, whatever
// is imported.
func TestReportLeavesOtherFiles(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	for _, text := range []string{
		numbered(0, 3), "a diary\n", `{"line":1}` + "\n", `{"line":1,"pointer":"","rule":"r","more":1}` + "\n", strings.Repeat("{", 1<<20),
	} {
		if err := os.WriteFile(b.report, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, input := range []string{"{}\n", numbered(0, 1)} {
			for _, dryRun := range []bool{true, false} {
				opts := b.options()
				opts.DryRun = dryRun
				state, err := consumerfile.Import(t.Context(), b.store, strings.NewReader(input), opts)
				if !errors.Is(err, consumerfile.ErrNoReport) || state.Lines != 0 {
					t.Errorf("dry run %v: %+v, %v, want that %.20q is no report", dryRun, state, err, text)
				}
			}
		}
		if got, err := os.ReadFile(b.report); err != nil || string(got) != text {
			t.Errorf("%.20q has become %.20q, %v", text, got, err)
		}
	}
	opts := b.options()
	opts.Report = consumerfile.NewReport(t.TempDir())
	if _, err := consumerfile.Import(t.Context(), b.store, strings.NewReader("{}\n"), opts); !errors.Is(err, consumerfile.ErrNoReport) {
		t.Errorf("a folder: %v", err)
	}
}

// The input is not its report, by whatever name, and whatever it holds.
func TestReportIsNotTheInput(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	text := `{"line":1,"pointer":"","rule":"r"}` + "\n"
	link := filepath.Join(t.TempDir(), "link")
	if err := errors.Join(os.WriteFile(b.report, []byte(text), 0o600), os.Symlink(b.report, link)); err != nil {
		t.Fatal(err)
	}
	input, err := os.Open(link)
	if err != nil {
		t.Fatal(err)
	}
	defer input.Close() //nolint:errcheck // nothing was written
	if _, err := consumerfile.Import(t.Context(), b.store, input, b.options()); !errors.Is(err, consumerfile.ErrNoReport) {
		t.Errorf("%v, want that the input is no report", err)
	}
	if got, err := os.ReadFile(b.report); err != nil || string(got) != text {
		t.Errorf("the input has become %q, %v", got, err)
	}
}

func TestDryRunLeavesTheReportOfAnImport(t *testing.T) {
	t.Parallel()
	b := newBrand(t)
	b.load("{}\n", b.options())
	before := b.told()
	opts := b.options()
	opts.DryRun = true
	b.load(numbered(0, 1), opts)
	if after := b.told(); len(before) != 1 || len(after) != 1 || after[0] != before[0] {
		t.Errorf("%q has become %q", before, after)
	}
	b.load("{}\n{}\n", opts)
	if told := b.told(); len(told) != 2 {
		t.Errorf("of a dry run with refusals: %q", told)
	}
}

// An import that goes on with another report begins that one.
func TestImportGoesOnWithAnotherReport(t *testing.T) {
	t.Parallel()
	for name, there := range map[string]string{
		"none":      "",
		"a shorter": `{"line":9,"pointer":"","rule":"r"}` + "\n",
		"a longer":  strings.Repeat(`{"line":9,"pointer":"/of/another","rule":"is longer than that"}`+"\n", 30),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrand(t)
			text := strings.Repeat("{}\n", 10) + numbered(0, 60) + "{}\n"
			opts := consumerfile.InBatchesOf(10, b.options())
			b.stopping(strings.NewReader(text), 10, opts)
			b.report += "2"
			if there != "" {
				if err := os.WriteFile(b.report, []byte(there), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			opts.Report = consumerfile.NewReport(b.report)
			b.load(text, opts)
			if told := b.told(); len(told) != 1 || !strings.HasPrefix(told[0], "71 ") {
				t.Errorf("refused %q, want the last line", told)
			}
			if info, err := os.Stat(b.report); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%v, %v", info, err)
			}
		})
	}
}
