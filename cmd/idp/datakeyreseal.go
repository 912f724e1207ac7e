package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

func newDataKeyResealCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reseal",
		Short: "Seal anew what earlier data keys have sealed",
		Long: "Seal anew, by the data keys that seal now, whatever lies in the database sealed by earlier ones:\n" +
			"signing keys, secrets of webhooks and keys of audit seals. The provider runs on meanwhile. A data key that was renewed a\n" +
			"moment ago is waited for. It may be broken off and run again at any time.",
		Example: "  idp data-key renew && idp data-key reseal",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withStore(cmd, func(ctx context.Context, s *session) error {
				return s.reseal(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
			})
		},
	}
}

func (s *session) reseal(ctx context.Context, stdout, stderr io.Writer) error {
	if err := s.waitForDataKeys(ctx, stderr); err != nil {
		return err
	}

	opened, err := seal.Open(ctx, s.store, masterKeySource(s.cfg), rand.Reader)
	if err != nil {
		return err
	}

	var (
		bar      *progress
		resealed int64
	)

	err = opened.Reseal(ctx, s.store, s.event("table", ""), func(done, total int64) {
		if bar == nil {
			bar = newProgress(stderr, total, false)
		}

		resealed = done
		bar.tell(fmt.Sprintf("%d of %d sealed anew", done, total), done)
	})
	if bar != nil {
		bar.end()
	}

	if err != nil {
		return err
	}

	fmt.Fprintf(stdout, "Sealed %d values anew; whatever lies in the database is sealed by the data keys that seal now.\n", resealed)

	return nil
}

// waitForDataKeys waits until those that were renewed seal, as every instance knows them
// by then.
func (s *session) waitForDataKeys(ctx context.Context, stderr io.Writer) error {
	snapshot, err := s.store.ReadSnapshot(ctx)
	if err != nil {
		return err
	}

	var wait time.Duration

	for _, key := range snapshot.DataKeys {
		for _, column := range storage.SealedColumns {
			if key.Purpose == column.Purpose {
				wait = max(wait, key.UsableIn)
			}
		}
	}

	if wait <= 0 {
		return nil
	}

	fmt.Fprintf(stderr, "Waiting %s until every instance knows the data keys that were renewed.\n", roughly(wait.Seconds()))

	select {
	case <-time.After(wait):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for data keys: %w", ctx.Err())
	}
}
