package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Why a session has ended, as the brand is told where it had accepted the sign-in. The
// database itself knows of two more, expired and consumer_deleted.
const (
	EndSignedOut       = "signed_out" // the default
	EndReplaced        = "replaced"   // by somebody else's in the same browser
	EndPasswordChanged = "password_changed"
	EndDisabled        = "disabled"
	EndRevoked         = "revoked" // by the management API
)

// queueEndReason says why the sessions end that the transaction goes on to end.
func queueEndReason(batch *pgx.Batch, reason string) {
	batch.Queue("select set_config('idp.session_end_reason', $1, true)", reason)
}

// HandedOver is what is kept of a session that the brand's own login has begun.
type HandedOver struct {
	// ClientID is for which client.
	ClientID int64
	// Told has the brand told of the session's end.
	Told bool
	// Longest is how long the session can be extended to last.
	Longest time.Duration
}

// queue marks the session of a handle. One that was marked before, and goes on with
// the same person, is marked anew.
func (h *HandedOver) queue(batch *pgx.Batch, handleSHA256 []byte) {
	if h == nil {
		return
	}
	batch.Queue(`
		insert into handed_over_sessions as h (session_id, client_id, sid, sub, external_id, told, latest_end)
		select s.id, $2, s.sid, c.sub, c.external_id, $3, idp_now() + $4::interval
		from sessions s join consumers c on c.id = s.consumer_id where s.handle_sha256 = $1
		on conflict (session_id) do update set client_id = excluded.client_id, told = h.told or excluded.told, latest_end = excluded.latest_end`,
		handleSHA256, h.ClientID, h.Told, h.Longest)
}

// SessionState is a live session as the management API shows it.
type SessionState struct {
	Session

	Sub, ExternalID string
	CreatedAt       time.Time
	// ExpiresAt is when it ends if it is not used.
	ExpiresAt time.Time
	// ClientID is the row of the client for which the brand's login began it, 0 for a
	// sign-in here.
	ClientID int64
	// LatestEnd is until when it can be extended at most; nil for a sign-in here.
	LatestEnd *time.Time
}

const (
	sessionStateColumns = sessionColumns + `, c.sub, coalesce(c.external_id, ''), s.created_at, s.expires_at, coalesce(h.client_id, 0), h.latest_end`
	// reachable is the session $1 that lives, as far as a credential of client $2
	// reaches, which is 0 for one that reaches all.
	reachable = `s.sid = $1 and s.expires_at > idp_now() and ($2 = 0 or h.client_id = $2)`
)

func (s *SessionState) dest() []any {
	return append(s.Session.dest(), &s.Sub, &s.ExternalID, &s.CreatedAt, &s.ExpiresAt, &s.ClientID, &s.LatestEnd)
}

// SessionBySid reads a live session; clientID, if not 0, is that of a credential
// that reaches the sessions of one client alone. Any other is ErrNotFound.
func (s *Store) SessionBySid(ctx context.Context, sid string, clientID int64) (*SessionState, error) {
	var state SessionState
	err := s.pool.QueryRow(ctx, "select "+sessionStateColumns+`
		from sessions s join consumers c on c.id = s.consumer_id left join handed_over_sessions h on h.session_id = s.id
		where `+reachable+" and not c.disabled", sid, clientID).Scan(state.dest()...)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", wrap(err))
	}
	return &state, nil
}

// ErrNotHandedOver means that a session was begun by a sign-in here, whose life the
// brand's backend does not decide about.
var ErrNotHandedOver = errors.New("session was not begun by the brand's login")

// ExtendSession has a session that the brand's login began last until lifetime from
// now, as far as it may and no shorter than it would, and moves its idle expiry on; a
// lifetime of 0 does that alone. clientID and errors are as for SessionBySid, and
// ErrNotHandedOver.
func (s *Store) ExtendSession(ctx context.Context, sid string, clientID int64, idle, lifetime time.Duration) (*SessionState, error) {
	const ends = "greatest(s.ends_at, least(h.latest_end, idp_now() + $4::interval))"
	var state SessionState
	err := s.pool.QueryRow(ctx, `
		update sessions s set last_seen_at = idp_now(), ends_at = `+ends+`, expires_at = least(`+ends+`, idp_now() + $3::interval)
		from handed_over_sessions h, consumers c
		where `+reachable+` and h.session_id = s.id and c.id = s.consumer_id and not c.disabled
		returning `+sessionStateColumns, sid, clientID, idle, lifetime).Scan(state.dest()...)
	if err = wrap(err); errors.Is(err, ErrNotFound) {
		if _, err := s.SessionBySid(ctx, sid, clientID); err != nil {
			return nil, err
		}
		return nil, ErrNotHandedOver
	}
	if err != nil {
		return nil, fmt.Errorf("extend session: %w", err)
	}
	return &state, nil
}

// RevokeSession ends a session as its sign-out would, with its codes and tokens but
// those granted by offline_access. clientID and errors are as for SessionBySid.
func (s *Store) RevokeSession(ctx context.Context, sid string, clientID int64) error {
	state, err := s.SessionBySid(ctx, sid, clientID)
	if err != nil {
		return err
	}
	return s.EndSession(ctx, state.ConsumerID, sid, AuditEvent{})
}
