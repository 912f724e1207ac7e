package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Why a session has ended, as the brand is told where it had accepted the sign-in. The
// database itself knows of one more, expired.
const (
	EndSignedOut       = "signed_out" // the default
	EndReplaced        = "replaced"   // by somebody else's in the same browser
	EndPasswordChanged = "password_changed"
	EndDisabled        = "disabled"
	EndConsumerDeleted = "consumer_deleted"
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

func (s *SessionState) dest() []any {
	return append(s.Session.dest(), &s.Sub, &s.ExternalID, &s.CreatedAt, &s.ExpiresAt, &s.ClientID, &s.LatestEnd)
}

// SessionBySid reads a live session; clientID, if not 0, is that of a credential
// that reaches the sessions of one client alone. Any other is ErrNotFound.
func (s *Store) SessionBySid(ctx context.Context, sid string, clientID int64) (*SessionState, error) {
	var state SessionState
	err := s.pool.QueryRow(ctx, "select "+sessionColumns+`, c.sub, coalesce(c.external_id, ''), s.created_at, s.expires_at, coalesce(h.client_id, 0), h.latest_end
		from sessions s join consumers c on c.id = s.consumer_id left join handed_over_sessions h on h.session_id = s.id
		where s.sid = $1 and s.expires_at > idp_now() and ($2 = 0 or h.client_id = $2) and not c.disabled`, sid, clientID).Scan(state.dest()...)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", wrap(err))
	}
	return &state, nil
}

// ErrNotHandedOver means that a session was begun by a sign-in here, whose life the
// brand's backend does not decide about.
var ErrNotHandedOver = errors.New("session was not begun by the brand's login")

// extendSQL is told of as a change of the consumer's.
const extendSQL = `
with c as (
  update sessions s set last_seen_at = idp_now(), ends_at = ` + extendedEnd + `, expires_at = least(` + extendedEnd + `, idp_now() + $14::interval)
  from handed_over_sessions h, consumers c
  where s.sid = $12 and s.expires_at > idp_now() and ($13 = 0 or h.client_id = $13) and h.session_id = s.id and c.id = s.consumer_id and not c.disabled
  returning s.id, s.sid, s.consumer_id, s.auth_time, s.acr, s.amr, s.last_seen_at, s.ends_at, c.sub, coalesce(c.external_id, '') as external_id,
    s.created_at, s.expires_at, h.client_id, h.latest_end, c.sub as target
), ` + auditSQL + `
select id, sid, consumer_id, auth_time, acr, amr, last_seen_at, ends_at, sub, external_id, created_at, expires_at, client_id, latest_end from c`

const extendedEnd = "greatest(s.ends_at, least(h.latest_end, idp_now() + $15::interval))"

// Extension is how long a session is to last.
type Extension struct {
	Sid string
	// ClientID is as for SessionBySid.
	ClientID int64
	// Idle is until when it lasts without use, Lifetime until when in any case, both from
	// now; a Lifetime of 0 leaves the latter.
	Idle, Lifetime time.Duration
	Audit          AuditEvent
	Claim          *Claim
}

// ExtendSession has a session that the brand's login began last longer, as far as it
// may and no shorter than it would. Errors are those of SessionBySid, and
// ErrNotHandedOver.
func (s *Store) ExtendSession(ctx context.Context, e Extension, state *SessionState) error {
	err := s.change(ctx, e.Claim, func(q querier) error {
		return q.QueryRow(ctx, extendSQL, e.Audit.args(e.Sid, e.ClientID, e.Idle, e.Lifetime)...).Scan(state.dest()...)
	})
	if err = wrap(err); errors.Is(err, ErrNotFound) {
		if _, err := s.SessionBySid(ctx, e.Sid, e.ClientID); err != nil {
			return err
		}
		return ErrNotHandedOver
	}
	if err != nil {
		return fmt.Errorf("extend session: %w", err)
	}
	return nil
}

// RevokeSession is EndSession by the sid alone. clientID and errors are as for
// SessionBySid.
func (s *Store) RevokeSession(ctx context.Context, sid string, clientID int64, audit AuditEvent) error {
	state, err := s.SessionBySid(ctx, sid, clientID)
	if err != nil {
		return err
	}
	audit.Target = state.Sub
	return s.EndSession(ctx, state.ConsumerID, sid, audit)
}
