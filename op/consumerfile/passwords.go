package consumerfile

import (
	"context"
	"fmt"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/brandidp/idp/storage"
)

// hash hashes the passwords that will be set.
func (im *importer) hash(ctx context.Context, j *judge) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, c := range j.accepted {
		if c.password == "" || c.Consumer.ID != 0 && !im.opts.ResetPasswords {
			continue
		}
		if im.opts.DryRun {
			c.Consumer.PasswordHash = "*" // one that nobody has
			continue
		}
		if c.Consumer.PasswordHash != "" { // by an earlier try
			continue
		}
		group.Go(func() error {
			var err error
			if c.Consumer.PasswordHash, err = im.opts.HashPassword(groupCtx, c.password); err != nil {
				return fmt.Errorf("hash a password: %w", err)
			}
			return nil
		})
	}
	return group.Wait() //nolint:wrapcheck // our own errors
}

// passwordsNotSet counts the lines whose password is left out, though their consumer has
// none: it would be one that somebody waits for.
func (im *importer) passwordsNotSet(ctx context.Context, tx *storage.ImportBatch, j *judge) (int64, error) {
	if im.opts.ResetPasswords {
		return 0, nil
	}
	var left []int64
	for _, c := range j.accepted {
		if c.Consumer.ID != 0 && (c.Consumer.PasswordHash != "" || c.password != "") {
			left = append(left, c.Consumer.ID)
		}
	}
	if len(left) == 0 {
		return 0, nil
	}
	return tx.Passwordless(ctx, left)
}
