package op

import (
	"context"
	"sync"
	"time"

	"github.com/brandidp/idp/storage"
)

const (
	recordInterval = time.Second
	// recordLimit is how many events may wait to be written down.
	recordLimit = 20_000
)

// records are what is written down of requests after they were answered. The last
// second of it is lost in a crash.
type records struct {
	mu      sync.Mutex
	waiting storage.Recorded
	lost    int
}

// Record has an audit event written down within a second, and the use of the caller's
// key with it.
func (p *Provider) Record(caller *Caller, event storage.AuditEvent) {
	r := &p.records
	r.mu.Lock()
	defer r.mu.Unlock()
	event.At = p.opts.Now()
	if caller.keyID != 0 {
		if r.waiting.Uses == nil {
			r.waiting.Uses = map[int64]time.Time{}
		}
		r.waiting.Uses[caller.keyID] = event.At
	}
	switch {
	case event.Action == "":
	case len(r.waiting.Events) >= recordLimit:
		r.lost++
	default:
		r.waiting.Events = append(r.waiting.Events, event)
	}
}

// runRecords writes down each second what has come together, and the rest at the end.
func (p *Provider) runRecords(ctx context.Context) {
	for ctx.Err() == nil {
		pause(ctx, recordInterval)
		p.writeRecords(context.WithoutCancel(ctx))
	}
}

func (p *Provider) writeRecords(ctx context.Context) {
	r := &p.records
	r.mu.Lock()
	waiting, lost := r.waiting, r.lost
	r.waiting, r.lost = storage.Recorded{}, 0
	r.mu.Unlock()
	if len(waiting.Events) == 0 && len(waiting.Uses) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := p.opts.Store.Record(ctx, waiting); err != nil {
		lost += len(waiting.Events)
		p.opts.Log.WarnContext(ctx, "audit events of reads and the use of API keys were not written down", "error", err)
	}
	if lost > 0 {
		p.opts.Log.WarnContext(ctx, "audit events of reads were lost", "events", lost)
	}
}
