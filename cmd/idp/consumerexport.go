package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/consumerfile"
)

func newConsumerExportCommand(a *app) *cobra.Command {
	var passwordHashes bool

	cmd := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Export every consumer to a file, one a line",
		Long: "Export every consumer, as they all are at this moment, one a line: what idp consumer import reads.\n" +
			"Importing it here changes nothing. Without a file, or with -, it goes to standard output; a name\n" +
			"that ends with .gz gets a compressed file. A file is there when it is complete.",
		Example: "  idp consumer export consumers.jsonl.gz\n" +
			"  idp consumer export --password-hashes consumers.jsonl     to move to another database\n" +
			"  idp consumer export | wc -l",
		Args: optionalArgument("the file to write; - is standard output"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := "-"
			if len(args) > 0 {
				name = args[0]
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				if name == "-" {
					_, err := s.exportConsumers(ctx, cmd.OutOrStdout(), false, passwordHashes)

					return err
				}

				var count int64

				err := writeWhole(name, func(w io.Writer) (err error) {
					count, err = s.exportConsumers(ctx, w, strings.HasSuffix(name, ".gz"), passwordHashes)

					return err
				})
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "Exported %d consumers.\n", count)
				}

				return err
			})
		},
	}
	cmd.Flags().BoolVar(&passwordHashes, "password-hashes", false, "export the hashes of passwords, too")

	return cmd
}

// writeWhole writes a file beside its name, and gives it the name when it is whole.
func writeWhole(name string, write func(io.Writer) error) error {
	file, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // for its owner alone
	if err != nil {
		return fmt.Errorf("write the export: %w", err)
	}

	err = errors.Join(write(file), file.Sync(), file.Close())
	if err == nil {
		err = os.Rename(file.Name(), name)
	}

	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}

	return nil
}

func (s *session) exportConsumers(ctx context.Context, w io.Writer, zipped, passwordHashes bool) (int64, error) {
	buffered := bufio.NewWriterSize(w, 1<<16)

	var (
		out   io.Writer = buffered
		flush           = buffered.Flush
	)

	if zipped {
		zipper := gzip.NewWriter(buffered)
		out, flush = zipper, func() error { return errors.Join(zipper.Close(), buffered.Flush()) }
	}

	count, err := consumerfile.Export(ctx, s.store, out, passwordHashes)
	if err != nil {
		return count, err
	}

	if err := flush(); err != nil {
		return count, fmt.Errorf("write the export: %w", err)
	}

	return count, nil
}
