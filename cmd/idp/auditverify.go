package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/seal"
)

func newAuditVerifyCommand(a *app) *cobra.Command {
	var (
		headFile string
		asJSON   bool
	)

	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Compare the audit trail with its seals",
		Long: "Compare the audit trail with its seals. Events that were changed, added or deleted are found, and so are\n" +
			"seals that are missing or were not made here. That the end is cut off, or all of it made anew, is found with\n" +
			"--head alone: an export of before, or the last line of one. Seals from before an idp key reset cannot be\n" +
			"checked, which is told and no fault. It changes nothing.\n\n" +
			"Exit code 0: all is as it was sealed. 1: it is not. 2: the store cannot be reached.",
		Example: "  idp audit verify\n  idp audit verify --head audit.jsonl\n  idp audit verify --json",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var head *op.AuditHead

			if headFile != "" {
				var err error
				if head, err = readAuditHead(headFile); err != nil {
					return fmt.Errorf("--head: %w", err)
				}
			}

			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				return s.verifyAudit(ctx, cmd.OutOrStdout(), head, asJSON)
			})
		},
	}
	cmd.Flags().StringVar(&headFile, "head", "", "compare with the last line of this `file`, an export of before")
	addJSONFlag(cmd, &asJSON)

	return cmd
}

// readAuditHead reads the last line of an export.
func readAuditHead(name string) (*op.AuditHead, error) {
	const longest = 4 << 10

	file, err := os.Open(name)
	if err != nil {
		return nil, err //nolint:wrapcheck // names the file and what was done
	}
	defer file.Close() //nolint:errcheck // nothing was written

	if info, err := file.Stat(); err == nil && info.Size() > longest {
		if _, err := file.Seek(-longest, io.SeekEnd); err != nil {
			return nil, err //nolint:wrapcheck // as above
		}
	}

	end, err := io.ReadAll(io.LimitReader(file, longest))
	if err != nil {
		return nil, err //nolint:wrapcheck // as above
	}

	end = bytes.TrimSpace(end)

	var line auditHeadLine
	if err := json.Unmarshal(end[bytes.LastIndexByte(end, '\n')+1:], &line); err != nil || line.Head == nil || line.Head.Seal < 0 {
		return nil, errors.New("the last line of the file must be the head that idp audit export ends with")
	}

	return line.Head, nil
}

// errAuditFaults ends the command with exit code 1.
var errAuditFaults = errors.New("the audit trail is not as it was sealed")

func (s *session) verifyAudit(ctx context.Context, w io.Writer, head *op.AuditHead, asJSON bool) error {
	opened, err := seal.Open(ctx, s.store, masterKeySource(s.cfg), rand.Reader)
	if err != nil {
		return err
	}

	report, err := op.VerifyAudit(ctx, s.store, opened.Keyring, head, time.Now())
	if err != nil {
		return err
	}

	if asJSON {
		err = printJSON(w, report)
	} else {
		printAuditReport(w, report)
	}

	if err == nil && len(report.Faults) > 0 {
		err = errAuditFaults
	}

	return err
}

func printAuditReport(w io.Writer, r *op.AuditReport) {
	for _, fault := range r.Faults {
		fmt.Fprintf(w, "✗ seal %d, events after %d up to %d: %s\n", fault.Seal, fault.AfterEventID, fault.LastEventID, fault.Fault)
	}

	fmt.Fprintf(w, "%d seals, %d of them expired; %d events are as they were sealed; not sealed yet: %d\n", r.Seals, r.Expired, r.Events, r.Unsealed)

	if r.KeyReset != nil {
		fmt.Fprintf(w, "Not checked: %d seals, with %d events, cannot be opened since the key reset of %s. They prove nothing; an export from before it does.\n",
			r.Unchecked, r.UncheckedEvents, r.KeyReset.Format(time.RFC3339))
	}

	if r.Seals > 0 {
		fmt.Fprintf(w, "The last is seal %d of %s, up to event %d.\n", r.Head.Seal, r.Head.SealedAt.Format(time.RFC3339), r.Head.LastEventID)
	}

	if r.HeadExpired {
		fmt.Fprintln(w, "The head is of events that have expired since: nothing could be compared with it.")
	}
}
