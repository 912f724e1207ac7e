package consumerfile

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/brandidp/idp/storage"
)

// hash hashes the passwords that will be set.
func (im *importer) hash(ctx context.Context, tx *storage.ImportBatch, j *judge) error {
	var (
		lock   sync.Mutex
		lines  []int64
		hashes []string
	)
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	for _, c := range j.accepted {
		if c.password == "" || j.consumers[c.Line] != 0 && !im.opts.ResetPasswords {
			continue
		}
		group.Go(func() error {
			if c.hash == "" {
				c.hash = "*" // which a dry run does with
				if !im.opts.DryRun {
					var err error
					if c.hash, err = im.opts.HashPassword(groupCtx, c.password); err != nil {
						return fmt.Errorf("hash a password: %w", err)
					}
				}
			}
			lock.Lock()
			defer lock.Unlock()
			lines, hashes = append(lines, c.Line), append(hashes, c.hash)
			return nil
		})
	}
	if err := group.Wait(); err != nil || len(lines) == 0 {
		return err //nolint:wrapcheck // our own errors
	}
	return tx.SetHashes(ctx, lines, hashes)
}

// passwordsNotSet counts the lines whose password is left out, though their consumer has
// none: it would be one that somebody waits for.
func (im *importer) passwordsNotSet(ctx context.Context, tx *storage.ImportBatch, j *judge) (count int64, err error) {
	if im.opts.ResetPasswords || len(j.consumers) == 0 {
		return 0, nil
	}
	hashed, err := tx.Passwordless(ctx)
	if err != nil {
		return 0, err
	}
	for _, c := range j.accepted {
		if has, without := hashed[c.Line]; without && (has || c.password != "") {
			count++
		}
	}
	return count, nil
}
