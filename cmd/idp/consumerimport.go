package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/consumerfile"
	"github.com/brandidp/idp/storage"
)

// importFlags are the flags of idp consumer import.
type importFlags struct {
	file, report                          string
	dryRun, restart                       bool
	hashPasswords, resetPasswords, asJSON bool
	noProgress                            bool
}

func newConsumerImportCommand(a *app) *cobra.Command {
	var flags importFlags

	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Import consumers from a file, one a line",
		Long: "Import consumers from a file of JSON, one a line, plain or gzip; - is standard input. A line has\n" +
			"the fields that consumers of a brand file have. It names its consumer by sub, or else by\n" +
			"external_id, or else by username: one that exists is updated to what the line says, but for the\n" +
			"password, another is made.\n\n" +
			"A line that cannot be taken is refused and reported with its rule, never with its values; the\n" +
			"others are imported. An import that is stopped or killed goes on where it was when it is started\n" +
			"again with the same input. It works beside a running idp serve. An empty database gets its\n" +
			"schema, but not with --dry-run.\n\n" +
			"Exit code 0: every line is in the store, or with --dry-run could be. 1: some lines are refused,\n" +
			"or the import was stopped. 2: the store cannot be reached; what was done is kept.",
		Example: "  idp consumer import consumers.jsonl --dry-run\n" +
			"  idp consumer import consumers.jsonl.gz\n" +
			"  idp consumer import consumers.jsonl --hash-passwords      lines have plain passwords\n" +
			"  export-from-crm | idp consumer import - --report refused.jsonl",
		Args: oneArgument("the file to import; - is standard input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			flags.file = args[0]

			withStore := a.withMadeStore
			if flags.dryRun {
				withStore = a.withStore
			}

			return withStore(cmd, func(ctx context.Context, s *session) error {
				return s.importConsumers(ctx, flags, cmd)
			})
		},
	}
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "check everything, and change nothing")
	cmd.Flags().StringVar(&flags.report, "report", "", "where refused lines are reported (default FILE.refused.jsonl)")
	cmd.Flags().BoolVar(&flags.hashPasswords, "hash-passwords", false, "take lines with a plain password, and hash it")
	cmd.Flags().BoolVar(&flags.resetPasswords, "reset-passwords", false,
		"set the passwords of consumers that exist, too, which ends their sessions")
	cmd.Flags().BoolVar(&flags.restart, "restart", false, "begin at the first line again, though the import was interrupted")
	cmd.Flags().BoolVar(&flags.noProgress, "no-progress", false, "show no progress")
	addJSONFlag(cmd, &flags.asJSON)

	return cmd
}

// importSummary is what an import has come to.
type importSummary struct {
	Lines int64 `json:"lines"`
	// Resumed is how many of them an earlier run has done.
	Resumed int64 `json:"resumed"`
	storage.ImportCounts
	// Report is the file that tells of refused lines, if there are any.
	Report string `json:"report,omitempty"`
	DryRun bool   `json:"dry_run"`
	// Complete is false if the import was stopped before its end.
	Complete bool `json:"complete"`
}

// importConsumers imports the file, or tries that.
func (s *session) importConsumers(ctx context.Context, flags importFlags, cmd *cobra.Command) error {
	input, size, err := openImport(flags.file, cmd.InOrStdin())
	if err != nil {
		return err
	}
	defer input.Close() //nolint:errcheck // nothing was written

	hasher, err := s.batchHasher()
	if err != nil {
		return err
	}

	if flags.hashPasswords {
		if err := announceHashing(ctx, flags, hasher.Hash, cmd.ErrOrStderr()); err != nil {
			return err
		}
	}

	ballast := newBallast()
	defer runtime.KeepAlive(ballast)

	report := reportName(flags)
	progress := newProgress(cmd.ErrOrStderr(), size, flags.noProgress)
	state, err := consumerfile.Import(ctx, s.store, input, consumerfile.Options{
		ResetPasswords: flags.resetPasswords, SkipHashing: !flags.hashPasswords, HashPassword: hasher.Hash,
		DryRun: flags.dryRun, Restart: flags.restart, Report: consumerfile.NewReport(report), Progress: progress.show,
		Audit: s.event("consumers", ""),
	})
	progress.end()

	summary := importSummary{
		Lines: state.Lines, Resumed: state.Resumed, ImportCounts: state.ImportCounts, DryRun: flags.dryRun, Complete: err == nil,
	}
	if state.Refused > 0 {
		summary.Report = report
	}

	if err := summary.print(cmd.OutOrStdout(), flags.asJSON, err); err != nil {
		return err
	}

	if err != nil {
		return explainImport(err, state)
	}

	if state.Refused > 0 {
		return fmt.Errorf("lines refused: %d; %s tells why", state.Refused, report)
	}

	return nil
}

// openImport opens the input, and gives its size, or -1.
func openImport(name string, stdin io.Reader) (io.ReadCloser, int64, error) {
	if name == "-" {
		return onlyReader{stdin}, -1, nil
	}

	file, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("read the file to import: %w", err)
	}

	info, err := file.Stat()
	if err == nil && info.IsDir() {
		err = &fs.PathError{Op: "read", Path: name, Err: errors.New("is a folder")}
	}

	if err != nil {
		_ = file.Close() // nothing was written

		return nil, 0, fmt.Errorf("read the file to import: %w", err)
	}

	if !info.Mode().IsRegular() {
		return file, -1, nil
	}

	return file, info.Size(), nil
}

// onlyReader hides that standard input may be a file: whoever wrote it into the
// pipe's place may be elsewhere in it.
type onlyReader struct{ io.Reader }

// Close leaves standard input open.
func (onlyReader) Close() error { return nil }

// Stat tells which file standard input is, which must not be the report.
func (r onlyReader) Stat() (fs.FileInfo, error) {
	if file, ok := r.Reader.(fs.File); ok {
		return file.Stat() //nolint:wrapcheck // as of the file
	}

	return nil, fs.ErrInvalid
}

// reportName is where refused lines are reported.
func reportName(flags importFlags) string {
	switch {
	case flags.report != "":
		return flags.report
	case flags.file == "-":
		return "stdin.refused.jsonl"
	default:
		return flags.file + ".refused.jsonl"
	}
}

// announceHashing says how long the hashing will take, before it begins.
func announceHashing(ctx context.Context, flags importFlags, hash func(context.Context, string) (string, error), w io.Writer) error {
	rate, err := consumerfile.HashRate(ctx, hash, runtime.GOMAXPROCS(0), time.Now)
	if err != nil {
		return err
	}

	if flags.file == "-" {
		fmt.Fprintf(w, "Passwords are hashed, about %.0f a second.\n", rate)

		return nil
	}

	file, err := os.Open(flags.file)
	if err != nil {
		return fmt.Errorf("read the file to import: %w", err)
	}
	defer file.Close() //nolint:errcheck // nothing was written

	count, err := consumerfile.CountPasswords(ctx, file)
	if err != nil {
		return err
	}

	fmt.Fprintf(w, "Passwords to be hashed: %d at most, about %.0f a second: %s.\n", count, rate, roughly(float64(count)/rate))

	return nil
}

// roughly is a time for people.
func roughly(seconds float64) string {
	d := time.Duration(math.Ceil(seconds)) * time.Second
	if d >= time.Hour {
		d = d.Round(time.Minute)
	}

	text := d.String() // such as 1h5m0s
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}

	return text
}

// explainImport says how to go on.
func explainImport(err error, state consumerfile.State) error {
	switch {
	case errors.Is(err, consumerfile.ErrStopped):
		return fmt.Errorf("stopped after line %d; the same command goes on there", state.Lines)
	case errors.Is(err, storage.ErrImportRunning):
		return fmt.Errorf("%w; try again when it is done", err)
	case errors.Is(err, storage.ErrImportGone):
		return fmt.Errorf("%w, after line %d; the same command begins anew, and leaves lines that are imported as they are", err, state.Lines)
	case errors.Is(err, consumerfile.ErrNoReport):
		return fmt.Errorf("%w; name another file with --report", err)
	case errors.Is(err, consumerfile.ErrOtherInput):
		return fmt.Errorf("%w; import it from its beginning with --restart", err)
	case errors.Is(err, consumerfile.ErrDamaged):
		return fmt.Errorf("%w; what comes before that is imported, up to line %d", err, state.Lines)
	case errors.Is(err, storage.ErrUnavailable):
		return fmt.Errorf("%w; the same command goes on after line %d", err, state.Lines)
	case isFileError(err): // of the report
		return fmt.Errorf("%w; the same command goes on after line %d", err, state.Lines)
	default:
		return err
	}
}

func isFileError(err error) bool {
	_, ok := errors.AsType[*fs.PathError](err)

	return ok
}

func (s *importSummary) print(w io.Writer, asJSON bool, err error) error {
	if asJSON {
		return printJSON(w, s)
	}

	if err != nil && s.Lines == 0 {
		return nil
	}

	verb := "Imported"
	if s.DryRun {
		verb = "Dry run, nothing was changed"
	}

	fmt.Fprintf(w, "%s: %d created, %d updated, %d unchanged, %d refused, of %d lines", verb, s.Created, s.Updated, s.Unchanged, s.Refused, s.Lines)

	if s.Resumed > 0 {
		fmt.Fprintf(w, "; %d of them in an earlier run", s.Resumed)
	}

	fmt.Fprintln(w, ".")

	if s.PasswordsNotSet > 0 {
		fmt.Fprintf(w, "Passwords that were not set: %d. Their consumers were there already and have none; --reset-passwords sets them.\n", s.PasswordsNotSet)
	}

	return nil
}
