package consumerfile

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/brandidp/idp/storage"
)

// tell writes the event of a batch that changes something.
func (im *importer) tell(ctx context.Context, tx *storage.ImportBatch, counts storage.ImportCounts) error {
	if counts.Created+counts.Updated == 0 {
		return nil
	}
	event := im.opts.Audit
	var err error
	if event.After, err = json.Marshal(map[string]int64{"created": counts.Created, "updated": counts.Updated}); err != nil {
		return fmt.Errorf("tell of a batch: %w", err)
	}
	return tx.Audit(ctx, event)
}
