package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// KeySchedule is a schedule by which signing keys are replaced.
type KeySchedule struct {
	// ClientID is the connector whose keys it replaces, "" for the provider's.
	ClientID string `json:"client_id"`
	Alg      string `json:"alg"`
	// Every, Wait and Keep are in seconds.
	Every    int64     `json:"every"`
	Wait     int64     `json:"wait"`
	Keep     int64     `json:"keep"`
	PausedAt time.Time `json:"paused_at,omitzero"`
	// Next is the step that comes next, At not before when, and Kid the key that it is
	// done to, "" for one that is to be made.
	Next string    `json:"next"`
	At   time.Time `json:"at"`
	Kid  string    `json:"kid,omitempty"`
	// Awaits says what is in its way, "" for time alone.
	Awaits string `json:"awaits,omitempty"`
}

// KeyScheduleTimes are those of a schedule, in seconds.
type KeyScheduleTimes struct {
	Every int64 `json:"every"`          // from the activation of one key to that of the next
	Wait  int64 `json:"wait,omitempty"` // from the publication of a key to its activation, a day for 0
	Keep  int64 `json:"keep,omitempty"` // how long a key stays that was replaced, two days for 0
}

// ListKeySchedules lists the schedules by which signing keys are replaced.
func (c *Client) ListKeySchedules(ctx context.Context) ([]KeySchedule, error) {
	list, err := read[struct {
		Schedules []KeySchedule `json:"schedules"`
	}](ctx, c, request{method: http.MethodGet, path: []string{"key-schedules"}})
	if err != nil {
		return nil, err
	}
	return list.Schedules, nil
}

// PutKeySchedule has the keys of a connector or, for "", of the provider that sign by an
// algorithm replaced by a schedule, or changes it.
func (c *Client) PutKeySchedule(ctx context.Context, clientID, alg string, times *KeyScheduleTimes) error {
	return c.keySchedule(ctx, http.MethodPut, clientID, times, alg)
}

// PauseKeySchedule has a schedule do nothing until it is resumed.
func (c *Client) PauseKeySchedule(ctx context.Context, clientID, alg string) error {
	return c.keySchedule(ctx, http.MethodPut, clientID, nil, alg, "pause")
}

// ResumeKeySchedule has a paused schedule go on.
func (c *Client) ResumeKeySchedule(ctx context.Context, clientID, alg string) error {
	return c.keySchedule(ctx, http.MethodDelete, clientID, nil, alg, "pause")
}

// DeleteKeySchedule removes a schedule; the keys stay as they are.
func (c *Client) DeleteKeySchedule(ctx context.Context, clientID, alg string) error {
	return c.keySchedule(ctx, http.MethodDelete, clientID, nil, alg)
}

// keySchedule changes a schedule.
func (c *Client) keySchedule(ctx context.Context, method, clientID string, times *KeyScheduleTimes, path ...string) error {
	r := request{method: method, path: append([]string{"key-schedules"}, path...), query: url.Values{}}
	if times != nil {
		r.body = times
	}
	if clientID != "" {
		r.query.Set("client_id", clientID)
	}
	_, err := c.call(ctx, r, nil)
	return err
}
