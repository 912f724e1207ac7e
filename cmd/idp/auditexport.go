package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

func newAuditExportCommand(a *app) *cobra.Command {
	var since string

	cmd := &cobra.Command{
		Use:   "export [FILE]",
		Short: "Export audit events with the head of their seals",
		Long: "Export audit events, the oldest first, one a line as JSON, and in the last line the head: the seal that\n" +
			"all of them end with. Kept where nobody who can write to the database can write, it lets idp audit verify\n" +
			"see that what was exported is still there. What is not sealed yet is sealed before. Without a file, or\n" +
			"with -, it goes to standard output. A file is there when it is complete.",
		Example: "  idp audit export audit.jsonl\n  idp audit export --since 1d | upload-to-archive\n" +
			"  idp audit export | tail -n 1 > head.json     the head alone",
		Args: optionalArgument("the file to write; - is standard output"),
		RunE: func(cmd *cobra.Command, args []string) error {
			var from time.Time

			if since != "" {
				var err error
				if from, err = parseMoment(since, time.Now()); err != nil {
					return fmt.Errorf("--since: %w", err)
				}
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				if len(args) == 0 || args[0] == "-" {
					_, err := s.exportAudit(ctx, cmd.OutOrStdout(), from)

					return err
				}

				var count int

				err := writeWhole(args[0], func(w io.Writer) (err error) {
					count, err = s.exportAudit(ctx, w, from)

					return err
				})
				if err == nil {
					fmt.Fprintf(cmd.OutOrStdout(), "Exported %d audit events.\n", count)
				}

				return err
			})
		},
	}
	cmd.Flags().StringVar(&since, "since", "", "begin so long ago (12h, 90d), or at a day or time")

	return cmd
}

// auditHeadLine is the last line of an export.
type auditHeadLine struct {
	Head *op.AuditHead `json:"head"`
}

// exportAudit writes what is sealed, and the head.
func (s *session) exportAudit(ctx context.Context, w io.Writer, since time.Time) (count int, err error) {
	opened, err := seal.Open(ctx, s.store, masterKeySource(s.cfg), rand.Reader)
	if err != nil {
		return 0, err
	}

	all, err := op.SealAuditEvents(ctx, s.store, opened.Keyring, rand.Reader)
	if err != nil {
		return 0, err
	}

	if !all {
		s.log.Warn("a transaction that has not ended keeps the newest events from being sealed; they are left to the next export")
	}

	head, err := op.ReadAuditHead(ctx, s.store)
	if err != nil {
		return 0, err
	}

	buffered := bufio.NewWriter(w)
	encoder := json.NewEncoder(buffered)
	encoder.SetEscapeHTML(false)

	for after := int64(0); ; {
		events, err := s.store.AuditEvents(ctx, storage.AuditFilter{After: after, Limit: maxPage})
		if err != nil {
			return count, err
		}

		for i, view := range viewAuditEvents(events) {
			after = view.ID

			if events[i].At.Before(since) || view.ID > head.LastEventID {
				continue
			}

			if err := encoder.Encode(view); err != nil {
				return count, fmt.Errorf("write the export: %w", err)
			}

			count++
		}

		if len(events) < maxPage || after >= head.LastEventID {
			break
		}
	}

	if err := encoder.Encode(auditHeadLine{head}); err != nil {
		return count, fmt.Errorf("write the export: %w", err)
	}

	if err := buffered.Flush(); err != nil {
		return count, fmt.Errorf("write the export: %w", err)
	}

	return count, nil
}
