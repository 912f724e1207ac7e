package api

import (
	"context"
	"net/http"

	"github.com/brandidp/idp/storage"
)

// batch is what becomes of the consumers of a batch, judged by what was there at one
// moment. If something else is there when it is written, it is judged anew.
type batch struct {
	api    *API
	items  []*batchItem
	judged []judgedItem
	writes []storage.ConsumerWrite

	there *storage.ConsumersThere
	// named and taken are what the items before have.
	named map[reference]bool
	taken map[string]bool
}

// judgedItem is what becomes of one of them.
type judgedItem struct {
	status   int
	consumer *storage.Consumer
	faults   []Fault
	warnings []Fault
}

// judge finds out what becomes of each, and what has to be written for it.
func (b *batch) judge(ctx context.Context) error {
	var subs, externalIDs, identifiers []string
	for _, item := range b.items {
		if item.entry == nil {
			continue
		}
		c := &item.entry.Consumer
		if c.Sub != "" {
			subs = append(subs, c.Sub)
		}
		if c.ExternalID != "" {
			externalIDs = append(externalIDs, c.ExternalID)
		}
		for _, one := range item.entry.Identifiers {
			identifiers = append(identifiers, one.Value)
		}
	}
	var err error
	if b.there, err = b.api.provider.Store().ConsumersThere(ctx, subs, externalIDs, identifiers); err != nil {
		return err
	}
	b.named, b.taken = map[reference]bool{}, map[string]bool{}
	for _, item := range b.items {
		judged, err := b.judgeItem(ctx, item)
		if err != nil {
			return err
		}
		b.judged = append(b.judged, judged)
	}
	return nil
}

// judgeItem is judge of one.
func (b *batch) judgeItem(ctx context.Context, item *batchItem) (judgedItem, error) {
	if len(item.faults) > 0 {
		return judgedItem{status: http.StatusBadRequest, faults: item.faults}, nil
	}
	entry := *item.entry // which is judged again, perhaps
	ref := item.ref()
	there := b.find(ref)
	warnings := passwordNotSet(&entry, there, item.place)
	if err := settle(&entry, ref, there); err != nil {
		return judgedItem{}, err
	}
	if faults := b.repeats(item, &entry.Consumer); faults != nil {
		return judgedItem{status: http.StatusBadRequest, faults: faults}, nil
	}
	if faults := clashFaults(b.clashes(item, &entry.Consumer), &entry, item.place); faults != nil {
		return judgedItem{status: http.StatusConflict, faults: faults}, nil
	}
	c := &entry.Consumer
	judged := judgedItem{status: http.StatusOK, consumer: c, warnings: warnings}
	if there == nil {
		judged.status, c.ManagedBy = http.StatusCreated, managedByAPI
	}
	event, err := b.api.consumerEvent(ctx, there, c)
	if err != nil {
		return judgedItem{}, err
	}
	if there == nil || event.Before != nil {
		b.writes = append(b.writes, storage.ConsumerWrite{
			Consumer: c, Identifiers: entry.Identifiers, End: there != nil && c.Disabled && !there.Disabled, Audit: event,
		})
	}
	return judged, nil
}

// find finds the consumer whom an item names, nil if there is none.
func (b *batch) find(ref reference) *storage.Consumer {
	if ref.sub != "" {
		return b.there.BySub[ref.sub]
	}
	return b.there.ByExternalID[ref.externalID]
}

// repeats is what an item has that one before it has, too, and notes what it has.
func (b *batch) repeats(item *batchItem, c *storage.Consumer) (faults []Fault) {
	byExternalID := reference{externalID: c.ExternalID}
	switch {
	case c.Sub != "" && b.named[reference{sub: c.Sub}]:
		faults = append(faults, at(item.place+item.name(), "must not be of the same consumer as one before it"))
	case c.ExternalID != "" && b.named[byExternalID]:
		faults = append(faults, at(item.place+"/external_id", "must not be that of a consumer before it"))
	}
	b.named[reference{sub: c.Sub}], b.named[byExternalID] = true, true
	for _, one := range item.entry.Identifiers {
		if b.taken[one.Value] {
			faults = append(faults, at(item.place+placeOf(item.entry, one.Value), "must not be an identifier of a consumer before it"))
		}
		b.taken[one.Value] = true
	}
	return faults
}

// clashes is what of an item belongs to others who were there.
func (b *batch) clashes(item *batchItem, c *storage.Consumer) *storage.Clashes {
	clashes := &storage.Clashes{Retired: c.ID == 0 && b.there.Retired[c.Sub]}
	if other := b.there.ByExternalID[c.ExternalID]; other != nil && other.ID != c.ID {
		clashes.ExternalID = true
	}
	for _, one := range item.entry.Identifiers {
		if owner, taken := b.there.Owners[one.Value]; taken && owner != c.ID {
			clashes.Identifiers = append(clashes.Identifiers, one.Value)
		}
	}
	return clashes
}

// problem lists the faults of all; nil if there is none.
func (b *batch) problem() error {
	p := problem(http.StatusConflict, "what is under errors belongs to another consumer")
	for _, judged := range b.judged {
		p.Errors = append(p.Errors, judged.faults...)
		if judged.status == http.StatusBadRequest {
			p = problem(http.StatusBadRequest, detailFaults, p.Errors...)
		}
	}
	if p.Errors == nil {
		return nil
	}
	return p
}

// results are what is told of them after they were written.
func (b *batch) results() batchResults {
	told := batchResults{Results: make([]batchResult, 0, len(b.judged))}
	for _, judged := range b.judged {
		result := batchResult{Status: judged.status, Errors: judged.faults, Warnings: judged.warnings}
		if judged.consumer != nil {
			result.Sub, result.ExternalID = judged.consumer.Sub, judged.consumer.ExternalID
		}
		told.Results = append(told.Results, result)
	}
	return told
}
