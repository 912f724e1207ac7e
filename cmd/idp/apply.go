package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

// applyFlags are the flags of idp apply.
type applyFlags struct {
	brandfile.Changes

	file   string
	dryRun bool
	asJSON bool
}

func newApplyCommand(a *app) *cobra.Command {
	var flags applyFlags

	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Make clients and consumers match a file",
		Long: "Make clients and consumers match a file, in YAML or JSON: what it names is created and\n" +
			"updated in one transaction, the rest is left. A second run changes nothing. It works\n" +
			"beside a running idp serve, which acts on the change within a second. An empty database gets\n" +
			"its schema, but not with --dry-run.\n\n" +
			"Exit code 0: the store matches, or with --dry-run the file would be accepted. 1: the file\n" +
			"is refused, every fault is listed and nothing was changed. 2: the store cannot be reached.",
		Example: "  idp apply -f brand.yaml --dry-run      what would change\n" +
			"  idp apply -f brand.yaml\n" +
			"  idp apply -f brand.yaml --prune        and remove clients that the file lacks\n" +
			"  make-brand-file | idp apply -f -",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && flags.file == "" {
				return errors.New("idp apply: name the file with -f FILE; -f - is standard input")
			}

			return noArguments(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			withStore := a.withMadeStore
			if flags.dryRun {
				withStore = a.withStore
			}

			return withStore(cmd, func(ctx context.Context, s *session) error {
				return s.apply(ctx, flags, cmd.InOrStdin(), cmd.OutOrStdout())
			})
		},
	}
	cmd.Flags().StringVarP(&flags.file, "file", "f", "", "the file to apply; - is standard input")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "show what would change, and change nothing")
	cmd.Flags().BoolVar(&flags.Prune, "prune", false, "remove clients that the file lacks; never consumers")
	cmd.Flags().BoolVar(&flags.ResetPasswords, "reset-passwords", false,
		"set the passwords of consumers that exist, too, which ends their sessions")
	addJSONFlag(cmd, &flags.asJSON)

	for _, err := range []error{cmd.MarkFlagRequired("file"), cmd.MarkFlagFilename("file", "yaml", "yml", "json")} {
		if err != nil {
			panic(err) // the flag is defined above
		}
	}

	return cmd
}

// apply reads the file and applies it, or shows what would change.
func (s *session) apply(ctx context.Context, flags applyFlags, stdin io.Reader, stdout io.Writer) error {
	name, data, err := readBrandFile(flags.file, stdin)
	if err != nil {
		return err
	}

	result, err := s.applyFile(ctx, flags, name, data)
	if faults, refused := errors.AsType[brandfile.Faults](err); refused {
		return fmt.Errorf("%s is refused and nothing was changed:\n%w", name, faults)
	}

	if err != nil {
		return err
	}

	if flags.asJSON {
		return printJSON(stdout, result)
	}

	fmt.Fprint(stdout, result.Diff)

	for _, secret := range result.Secrets {
		fmt.Fprintf(stdout, "client_secret of %s, shown this once: %s\n", secret.ClientID, secret.ClientSecret)
	}

	switch {
	case result.Diff.Empty():
		fmt.Fprintln(stdout, "The store matches the file.")
	case flags.dryRun:
		fmt.Fprintln(stdout, "Dry run: nothing was changed.")
	default:
		fmt.Fprintln(stdout, "Applied.")
	}

	return nil
}

func (s *session) applyFile(ctx context.Context, flags applyFlags, name string, data []byte) (*brandfile.Result, error) {
	file, faults := brandfile.Parse(name, data, brandfile.Options{Issuer: s.cfg.Issuer, ReadFile: readSecretFile})
	if faults != nil {
		return nil, faults
	}

	if flags.dryRun {
		diff, err := brandfile.Plan(ctx, s.store, file, flags.Changes)
		if err != nil {
			return nil, err
		}

		return &brandfile.Result{Diff: diff}, nil
	}

	hasher, err := s.batchHasher()
	if err != nil {
		return nil, err
	}

	flags.Audit = s.event("", "")

	return brandfile.Apply(ctx, s.store, file, flags.Changes, brandfile.Makers{
		HashPassword: hasher.Hash,
		SigningKey:   func(alg string) (*storage.SigningKey, error) { return s.makeSigningKey(ctx, alg, false) },
		Rand:         rand.Reader,
	})
}

// batchHasher hashes on every core: nobody signs in through this process.
func (s *session) batchHasher() (*password.Hasher, error) {
	opts := hashingOptions(s.cfg)
	opts.Concurrency, opts.Queue = runtime.GOMAXPROCS(0), runtime.GOMAXPROCS(0)

	return password.New(opts)
}

// makeSigningKey makes a key sealed for this database, or in the token if that is asked
// for here or by the configuration.
func (s *session) makeSigningKey(ctx context.Context, alg string, inToken bool) (*storage.SigningKey, error) {
	keyring, err := s.openKeyring(ctx)
	if err != nil {
		return nil, err
	}

	signers, err := newSigners(s.cfg)
	if err != nil {
		return nil, err
	}

	if inToken {
		return signers.GenerateInToken(rand.Reader, alg)
	}

	return signers.Generate(keyring, rand.Reader, alg)
}

// openKeyring opens what seals and opens in this database. The master key is made now
// if the database has never been sealed.
func (s *session) openKeyring(ctx context.Context) (*seal.Keyring, error) {
	opened, err := seal.Open(ctx, s.store, masterKeySource(s.cfg), rand.Reader)
	if err != nil {
		return nil, err
	}

	if opened.Created {
		s.log.Warn("a master key was made; without it nothing sealed in the database can be read: back it up apart from the database",
			"file", s.cfg.MasterKeyFile())
	}

	return opened.Keyring, nil
}

// readBrandFile reads the file and gives the name that faults bear.
func readBrandFile(path string, stdin io.Reader) (string, []byte, error) {
	if path == "-" {
		data, err := io.ReadAll(io.LimitReader(stdin, brandfile.MaxBytes+1))
		if err != nil {
			return "", nil, fmt.Errorf("read standard input: %w", err)
		}

		return "(standard input)", data, nil
	}

	data, err := readAtMost(path, brandfile.MaxBytes+1)
	if err != nil {
		return "", nil, fmt.Errorf("read the file to apply: %w", err)
	}

	return path, data, nil
}

// readSecretFile reads what client_secret_file names. A secret is short.
func readSecretFile(path string) ([]byte, error) { return readAtMost(path, 4<<10) }

// readAtMost reads the first bytes of a file.
func readAtMost(path string, limit int64) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file and what was done
	}
	defer file.Close() //nolint:errcheck // nothing was written

	return io.ReadAll(io.LimitReader(file, limit)) //nolint:wrapcheck // as above
}
