package seal

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/brandidp/idp/storage"
)

// RenewalWait is how long a new data key waits before it seals. An instance reads a
// new key within a second, and one that could not for a minute answers nothing any
// more, so that whatever is sealed by the new key opens everywhere.
const RenewalWait = 2 * time.Minute

// Renewable are the purposes whose data keys can be replaced: those of what is
// sealed. From the others keys are derived that have to stay the same.
var Renewable = []string{SigningKeys, Tickets, Devices, Webhooks, Audit}

// Renew makes a new data key for a purpose and gives its id. It opens at once and
// seals after RenewalWait; the keys before it go on opening what they have sealed. The
// event tells of it.
func (k *Keyring) Renew(ctx context.Context, store *storage.Store, purpose string, audit storage.AuditEvent) (id int64, err error) {
	if !slices.Contains(Renewable, purpose) {
		return 0, fmt.Errorf("renew data key: there is none to renew for purpose %q", purpose)
	}
	err = store.Administer(ctx, func(tx *storage.Tx) error {
		row, err := k.insertDataKey(ctx, tx, purpose, RenewalWait)
		id = row.ID
		if err != nil {
			return err
		}
		return tx.Audit(ctx, audit)
	})
	if err != nil {
		return 0, fmt.Errorf("renew data key: %w", err)
	}
	return id, nil
}

// Update takes over the data keys of the database, as read at the moment now. If one
// does not open, the keyring stays as it is.
func (k *Keyring) Update(rows []storage.DataKey, now time.Time) error {
	set, err := k.open(rows, now)
	if err != nil {
		return err
	}
	k.keys.Store(set)
	return nil
}

// Advance has the keys seal whose wait is over. It costs nothing if there are none,
// and must not run at the same time as Update.
func (k *Keyring) Advance(now time.Time) {
	set := k.keys.Load()
	due := 0
	for due < len(set.waiting) && !now.Before(set.waiting[due].from) {
		due++
	}
	if due == 0 {
		return
	}
	next := &keySet{keys: set.keys, purpose: set.purpose, current: maps.Clone(set.current), waiting: set.waiting[due:]}
	for _, waiting := range set.waiting[:due] {
		next.current[set.purpose[waiting.key.id]] = waiting.key
	}
	k.keys.Store(next)
}
