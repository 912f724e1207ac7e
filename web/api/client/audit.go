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
	ActorKind  string    `json:"actor_kind"` // api_key, client or command
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

// AuditEvents goes through the events after the one with the id after (0: from the
// first) to the last that there is, in the order in which they happened, and ends with
// the first error. Whoever goes on later after the last id misses none: an event is shown
// when none can come before it any more.
func (c *Client) AuditEvents(ctx context.Context, after int64) iter.Seq2[*AuditEvent, error] {
	return pages(strconv.FormatInt(after, 10), func(cursor string) ([]AuditEvent, string, error) {
		page, err := c.auditPage(ctx, cursor, 0)
		if err != nil || len(page.Events) == 0 {
			return nil, "", err
		}
		return page.Events, strconv.FormatInt(page.Next, 10), nil
	})
}

// ListAuditEvents reads at most limit events (1 to 1000; 0 means 100) after the one with
// the id after (0: from the first).
func (c *Client) ListAuditEvents(ctx context.Context, after int64, limit int) (*AuditPage, error) {
	return c.auditPage(ctx, strconv.FormatInt(after, 10), limit)
}

func (c *Client) auditPage(ctx context.Context, after string, limit int) (*AuditPage, error) {
	parameters := query(limit, map[string]string{"after": after})
	return read[AuditPage](ctx, c, request{method: http.MethodGet, path: []string{"audit-events"}, query: parameters})
}
