package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"strconv"
	"time"
)

// AuditEvent says that somebody did something.
type AuditEvent struct {
	ID         int64     `json:"id"`
	At         time.Time `json:"at"`
	Actor      string    `json:"actor"`      // name of the API key, client_id, or user of the operating system
	ActorKind  string    `json:"actor_kind"` // api_key, client, command or schedule
	Action     string    `json:"action"`     // id of the operation, or the command
	TargetKind string    `json:"target_kind"`
	Target     string    `json:"target"`            // sub, client_id or name
	Address    string    `json:"address,omitempty"` // network address of the caller
	RequestID  string    `json:"request_id"`
	// Before and After are what has changed, with secrets and personal data masked.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
}

// AuditPage is a page of events.
type AuditPage struct {
	Events []AuditEvent `json:"events"`
	Next   int64        `json:"next"` // after of the next page
}

// AuditQuery says which events are asked for: all, from After on, or those that have what
// the other fields say.
type AuditQuery struct {
	After int64 // id of the last event that was read; 0: from the first
	Limit int   // of a page, 1 to 1000; 0 means 100

	Actor, Action, Target string
	// Since and Until are from when and before when; zero for any time.
	Since, Until time.Time
}

// AuditEvents goes through the events that a query asks for to the last that there is, in
// the order in which they happened, and ends with the first error. Whoever goes on later
// after the last id misses none: an event is shown when none can come before it any more.
func (c *Client) AuditEvents(ctx context.Context, query AuditQuery) iter.Seq2[*AuditEvent, error] {
	return pages("", func(string) ([]AuditEvent, string, error) {
		page, err := c.ListAuditEvents(ctx, query)
		if err != nil || len(page.Events) == 0 {
			return nil, "", err
		}
		query.After = page.Next
		return page.Events, strconv.FormatInt(page.Next, 10), nil
	})
}

// ListAuditEvents reads one page of the events that a query asks for.
func (c *Client) ListAuditEvents(ctx context.Context, q AuditQuery) (*AuditPage, error) {
	parameters := map[string]string{"after": strconv.FormatInt(q.After, 10), "actor": q.Actor, "action": q.Action, "target": q.Target}
	for name, at := range map[string]time.Time{"since": q.Since, "until": q.Until} {
		if !at.IsZero() {
			parameters[name] = at.Format(time.RFC3339Nano)
		}
	}
	return read[AuditPage](ctx, c, request{method: http.MethodGet, path: []string{"audit-events"}, query: query(q.Limit, parameters)})
}
