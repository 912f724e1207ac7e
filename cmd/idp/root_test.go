package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

func TestUsageFaults(t *testing.T) {
	t.Parallel()

	tests := []struct {
		args []string
		want string
	}{
		{[]string{"confg"}, `Error: idp: unknown command "confg"; the nearest is "config"`},
		{[]string{"migrate", "stats"}, `Error: idp migrate: unknown command "stats"; the nearest is "status"`},
		{[]string{"config", "reverence"}, `Error: idp config: unknown command "reverence"; the nearest is "reference"`},
		{[]string{"config", "--isuer", "x"}, `Error: idp config: unknown flag --isuer; the nearest is --issuer`},
		{[]string{"version", "--jsn"}, `Error: idp version: unknown flag --jsn; the nearest is --json`},
		{[]string{"colour"}, `Error: idp: unknown command "colour"; idp --help lists all`},
		{[]string{"migrate", "rollback"}, `Error: idp migrate: unknown command "rollback"; idp migrate --help lists all`},
		{[]string{"version", "--colour"}, `Error: idp version: unknown flag --colour; idp version --help lists all`},
		{[]string{"version", "-x"}, `Error: unknown shorthand flag: 'x' in -x`},
		{[]string{"version", "all"}, `Error: idp version: takes flags alone, not "all"`},
		{[]string{"config", "--issuer"}, `Error: flag needs an argument: --issuer`},
		{[]string{"help", "aply"}, `Error: idp: unknown command "aply"; the nearest is "apply"`},
		{[]string{"help", "migrate", "stats"}, `Error: idp migrate: unknown command "stats"; the nearest is "status"`},
		{[]string{"help", "version", "all"}, `Error: idp version: holds no commands, and so no "all"`},
		{[]string{"completion", "bsh"}, `Error: idp completion: unknown command "bsh"; the nearest is "bash"`},
		{[]string{"apply"}, "Error: idp apply: name the file with -f FILE; -f - is standard input"},
		{[]string{"apply", "brand.yaml"}, `Error: idp apply: takes flags alone, not "brand.yaml"`},
		{[]string{"config", "--listen", "x"}, "Error: the configuration is refused:\n--listen: listen: must be host:port"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()

			got := execute(t, nil, test.args...)
			if got.code != 1 || got.stdout != "" || !strings.HasPrefix(got.stderr, test.want) {
				t.Errorf("got %+v\nwant exit code 1 and %s", got, test.want)
			}
		})
	}
}

func TestExitCode(t *testing.T) {
	t.Parallel()

	tests := map[string]struct {
		err  error
		want int
	}{
		"done":        {nil, 0},
		"refused":     {errors.New("no"), 1},
		"interrupted": {context.Canceled, 1},
		"unavailable": {fmt.Errorf("open: %w", storage.ErrUnavailable), 2},
		"unreachable": {fmt.Errorf("try: %w", trial.ErrUnreachable), 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if got := exitCode(test.err); got != test.want {
				t.Errorf("exitCode(%v) = %d, want %d", test.err, got, test.want)
			}
		})
	}
}

func TestInterrupted(t *testing.T) {
	t.Parallel()

	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	for _, args := range [][]string{
		{"migrate", "status", "--data-dir", storagetest.DataDir(t)},
		{"client", "list", "--database-url", storagetest.NewEmpty(t)},
	} {
		var stdout, stderr bytes.Buffer

		code := run(ctx, config.Inputs{Environ: []string{"HOME=/home/amelia"}, UserID: 1000}, args, new(bytes.Buffer), &stdout, &stderr)
		if code != 1 || stdout.Len() > 0 || !strings.HasSuffix(stderr.String(), "Error: interrupted\n") {
			t.Errorf("idp %s: exit code %d\n%s%s", args, code, &stdout, &stderr)
		}
	}

	broken := fmt.Errorf("open: %w", storage.ErrUnavailable)
	if got := explainInterrupt(t.Context(), broken); !errors.Is(got, storage.ErrUnavailable) {
		t.Errorf("without a signal: %v", got)
	}

	if got := explainInterrupt(ctx, errors.Join(broken, errLeftBehind)); !errors.Is(got, errLeftBehind) {
		t.Errorf("something is left behind: %v", got)
	}
}

func TestDataDirThatCannotBe(t *testing.T) {
	t.Parallel()

	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}

	for _, dir := range []string{file, filepath.Join(file, "below"), "/dev/null/idp"} {
		got := execute(t, nil, "client", "list", "--data-dir", dir)
		if got.code != 1 || !strings.HasPrefix(got.stderr, "Error: data_dir: ") || !strings.HasSuffix(got.stderr, "; choose another with --data-dir\n") {
			t.Errorf("%s: %+v", dir, got)
		}
	}
}

// commands lists every command of ours below cmd, itself included.
func commands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		all = append(all, commands(sub)...)
	}

	return all
}

func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()

	for _, cmd := range commands(newRoot(config.Inputs{})) {
		if cmd.Short == "" || !strings.Contains(cmd.Example, "  idp") {
			t.Errorf("%s lacks its sentence or an example", cmd.CommandPath())
		}

		if cmd.Args == nil {
			t.Errorf("%s takes any argument", cmd.CommandPath())
		}
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()

	root := execute(t, nil)
	if root.code != 0 || !strings.Contains(root.stdout, "--database-url-file path") {
		t.Errorf("idp without arguments: %+v", root)
	}

	topic := execute(t, nil, "help", "migrate", "status")
	if topic.code != 0 || !strings.Contains(topic.stdout, "idp migrate status [flags]") {
		t.Errorf("idp help migrate status: %+v", topic)
	}

	sub := execute(t, nil, "migrate", "status", "--help")
	if sub.code != 0 || strings.Contains(sub.stdout, "--database-url ") || !strings.Contains(sub.stdout, "idp migrate status [flags]") {
		t.Errorf("the help of a command: %+v", sub)
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()

	tests := []struct {
		args []string
		want []string
	}{
		{[]string{"migrate", ""}, []string{"status", "up"}},
		{[]string{"config", "--log-level", ""}, []string{"debug", "info", "warn", "error", ":4"}},
		{[]string{"--config", ""}, []string{"yaml", "yml", ":8"}},
		{[]string{"--data-dir", ""}, []string{":16"}},
		{[]string{"--tls-key-file", ""}, []string{":0"}},
		{[]string{"--master-key-file", ""}, []string{":0"}},
		{[]string{"key", "export", "--format", ""}, []string{"pem", "one-line", "jwks", ":4"}},
		{[]string{"token", "preview", "--response-type", ""}, []string{"code", "id_token", "id_token token", ":4"}},
		{[]string{"token", "inspect", "--issuer", ""}, []string{":4"}},
		{[]string{"token", "inspect", "--key", ""}, []string{":0"}},
		{[]string{"connector", "settings", "--html", ""}, []string{"html", ":8"}},
		{[]string{"connector", "test", ""}, []string{":4"}},
		{[]string{"api-key", "revoke", "--data-dir", "/nowhere", ""}, []string{":4"}},
		{[]string{"connector", "test", "messaging", "--password-file", ""}, []string{":0"}},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()

			got := execute(t, nil, append([]string{"__complete"}, test.args...)...)

			var words []string
			for line := range strings.Lines(got.stdout) {
				word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
				words = append(words, word)
			}

			for _, want := range test.want {
				if !slices.Contains(words, want) {
					t.Errorf("completions: %q, want %q among them", words, want)
				}
			}
		})
	}

	if got := execute(t, nil, "completion", "bash"); got.code != 0 || !strings.Contains(got.stdout, "__start_idp") {
		t.Errorf("the script for bash: exit code %d, %d bytes", got.code, len(got.stdout))
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()

	if got := execute(t, nil, "version"); got.code != 0 || !strings.HasPrefix(got.stdout, "idp ") {
		t.Errorf("got %+v", got)
	}

	var info buildInfo

	decode(t, execute(t, nil, "version", "--json"), &info)

	if diff := cmp.Diff(readBuildInfo(), info); diff != "" {
		t.Errorf("--json (-want +got):\n%s", diff)
	}
}
