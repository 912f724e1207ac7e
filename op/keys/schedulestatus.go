package keys

import (
	"time"

	"github.com/brandidp/idp/storage"
)

// ScheduleStatus is a schedule for reading.
type ScheduleStatus struct {
	// ClientID is whose keys it replaces, "" for the provider's.
	ClientID string `json:"client_id"`
	Alg      string `json:"alg"`
	// Every, Wait and Keep are in seconds.
	Every    int64     `json:"every"`
	Wait     int64     `json:"wait"`
	Keep     int64     `json:"keep"`
	PausedAt time.Time `json:"paused_at,omitzero"`
	// Next is the step that comes next, At not before when, and Kid the key that it is
	// done to, "" for one that is to be made.
	Next Step      `json:"next"`
	At   time.Time `json:"at"`
	Kid  string    `json:"kid,omitempty"`
	// Awaits says what is in its way, "" for time alone.
	Awaits string `json:"awaits,omitempty"`
}

// ScheduleStatus tells of a schedule, with what it does next and when.
func (l *Life) ScheduleStatus(s *storage.KeySchedule) ScheduleStatus {
	plan := l.Plan(s)
	status := ScheduleStatus{
		Alg: s.Alg, Every: int64(s.Every.Seconds()), Wait: int64(s.Wait.Seconds()), Keep: int64(s.Keep.Seconds()),
		Next: plan.Step, At: plan.At.UTC(), Awaits: plan.Awaits,
	}
	if plan.Key != nil {
		status.Kid = plan.Key.Kid
	}
	if !s.PausedAt.IsZero() {
		status.PausedAt = s.PausedAt.UTC()
	}
	for _, client := range l.Clients {
		if client.ID == s.ClientID {
			status.ClientID = client.ClientID
		}
	}
	return status
}
