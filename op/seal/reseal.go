package seal

import (
	"context"
	"fmt"

	"github.com/brandidp/idp/storage"
)

// resealBatch keeps each transaction short, so that it never holds others up.
const resealBatch = 200

// Reseal seals anew, by the data keys that seal now, whatever lies in the database
// sealed by others, and tells now and then how many of how many are done. It may be
// broken off and begun again at any time, and run beside whoever reads and writes. The
// event tells of each batch in its transaction.
func (k *Keyring) Reseal(ctx context.Context, store *storage.Store, audit storage.AuditEvent, told func(done, total int64)) error {
	set := k.keys.Load()
	var done, total int64
	for _, column := range storage.SealedColumns {
		count, err := store.CountSealedByOthers(ctx, column, set.current[column.Purpose].id)
		if err != nil {
			return fmt.Errorf("reseal: %w", err)
		}
		total += count
	}
	for _, column := range storage.SealedColumns {
		for after := int64(0); ; {
			told(done, total)
			values, err := store.SealedByOthers(ctx, column, set.current[column.Purpose].id, after, resealBatch)
			if err == nil && len(values) > 0 {
				err = k.resealBatch(ctx, store, column, values, audit)
			}
			if err != nil {
				return fmt.Errorf("reseal: %w", err)
			}
			if len(values) == 0 {
				break
			}
			done, after = done+int64(len(values)), values[len(values)-1].ID
		}
	}
	return nil
}

func (k *Keyring) resealBatch(ctx context.Context, store *storage.Store, column storage.SealedColumn, values []storage.SealedValue, audit storage.AuditEvent) error {
	resealed := make([]storage.SealedValue, len(values))
	for i, value := range values {
		plaintext, err := k.Open(column.Purpose, value.Sealed, column.Table, value.Bound)
		if err != nil {
			return fmt.Errorf("row %d of %s: %w", value.ID, column.Table, err)
		}
		if resealed[i].Sealed, err = k.Seal(column.Purpose, plaintext, column.Table, value.Bound); err != nil {
			return err
		}
	}
	audit.TargetKind, audit.Target = "table", column.Table
	return store.Reseal(ctx, column, values, resealed, audit)
}
