package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
)

const (
	// changePatience is how long an instance may take to read a change, which it does
	// within a second.
	changePatience = 4 * time.Second
	changeInterval = 200 * time.Millisecond
)

// instances looks whether each that runs reads what is changed, and could open what is
// sealed later.
func (d *doctor) instances(ctx context.Context, store *storage.Store, snapshot *storage.Snapshot, inspected *seal.Inspected) {
	const check = "instances"

	alive, err := waitForChange(ctx, store, snapshot)
	if err != nil {
		d.fail(check, err, "")

		return
	}

	var behind, others []string

	for _, instance := range alive {
		if instance.Counter < snapshot.Counter {
			behind = append(behind, instance.String())
		}

		if fingerprint := instance.MasterKeyFingerprint; fingerprint != nil && inspected != nil && !inspected.OpenedBy(fingerprint) {
			others = append(others, instance.String())
		}
	}

	if len(others) > 0 {
		d.add(check, verdictFault, fmt.Sprintf("%d of %d alive were started with another master key (%s)", len(others), len(alive), strings.Join(others, "; ")),
			"start each anew with the one that opens the database")
	}

	switch {
	case len(behind) > 0:
		d.add(check, verdictFault, fmt.Sprintf("%d of %d alive do not know the latest change (%s)", len(behind), len(alive), strings.Join(behind, "; ")),
			"each log says why, unless it was killed: then it counts for 75 seconds")
	case len(others) > 0:
	case len(alive) == 0:
		d.add(check, verdictOK, "0 alive", "")
	default:
		d.add(check, verdictOK, fmt.Sprintf("%d alive, all know the latest change", len(alive)), "")
	}
}

// waitForChange gives the instances that run once all of them know the change of a
// snapshot, or have had the time for it.
func waitForChange(ctx context.Context, store *storage.Store, snapshot *storage.Snapshot) ([]storage.Instance, error) {
	ticks := time.NewTicker(changeInterval)
	defer ticks.Stop()

	alive := snapshot.Instances
	for range changePatience / changeInterval {
		late := false
		for _, instance := range alive {
			late = late || instance.Counter < snapshot.Counter
		}

		if !late {
			break
		}

		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-ticks.C:
		}

		now, err := store.ReadSnapshot(ctx)
		if err != nil {
			return nil, err
		}

		alive = now.Instances
	}

	return alive, nil
}
