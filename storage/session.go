package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Session is a browser in which one consumer is signed in.
type Session struct {
	// ID is 0 where there is no session here, since the brand itself vouches for the
	// consumer.
	ID int64
	// Sid is the sid claim: kept when the same person signs in again; "" without a
	// session.
	Sid        string
	ConsumerID int64
	AuthTime   time.Time
	ACR        string
	AMR        []string
	LastSeenAt time.Time
	// EndsAt is the absolute expiry; no token of the session outlives it.
	EndsAt time.Time
}

// SignedIn is a live session with its consumer, as of Now.
type SignedIn struct {
	Session  Session
	Consumer *Consumer
	// Noted are the clients that are noted to know of the session, by row ID.
	Noted []int64
	// Consents is what the consumer has allowed.
	Consents Consents
	// Now is the database's clock when it was read.
	Now time.Time
}

const sessionColumns = "s.id, s.sid, s.consumer_id, s.auth_time, s.acr, s.amr, s.last_seen_at, s.ends_at"

func (s *Session) dest() []any {
	return []any{&s.ID, &s.Sid, &s.ConsumerID, &s.AuthTime, &s.ACR, &s.AMR, &s.LastSeenAt, &s.EndsAt}
}

// SessionByHandle reads the session that a browser's cookie names, and its
// consumer. An expired one, or a disabled consumer's, is ErrNotFound.
func (s *Store) SessionByHandle(ctx context.Context, handleSHA256 []byte) (*SignedIn, error) {
	var (
		in       SignedIn
		consumer consumerScan
	)
	dest := append(in.Session.dest(), &in.Now, &in.Noted, &in.Consents)
	err := s.pool.QueryRow(ctx, "select "+sessionColumns+`, idp_now(),
		array(select client_id from session_clients where session_id = s.id), `+consentsOf+`, `+consumerColumns+`
		from sessions s join consumers c on c.id = s.consumer_id
		where s.handle_sha256 = $1 and s.expires_at > idp_now() and not c.disabled`, handleSHA256).
		Scan(append(dest, consumer.dest()...)...)
	if err != nil {
		return nil, fmt.Errorf("read session: %w", wrap(err))
	}
	if in.Consumer, err = consumer.decode(); err != nil {
		return nil, err
	}
	return &in, nil
}

// SidByPreviousHandle gives the sid of the live session that has had a handle before its
// own. None is ErrNotFound.
func (s *Store) SidByPreviousHandle(ctx context.Context, handleSHA256 []byte) (sid string, err error) {
	err = s.pool.QueryRow(ctx, "select sid from sessions where previous_handle_sha256 = $1 and expires_at > idp_now()", handleSHA256).Scan(&sid)
	if err != nil {
		return "", fmt.Errorf("read session by its previous handle: %w", wrap(err))
	}
	return sid, nil
}

// SignIn is what proved who somebody is, and what they get for it at once.
type SignIn struct {
	// OldHandleSHA256 names the session of the cookie the browser came with, by its
	// handle or the one before (see named); nil if it had none.
	OldHandleSHA256 []byte
	HandleSHA256    []byte
	// Sid is for a new session; the same person's keeps its own.
	Sid        string
	ConsumerID int64
	// PasswordChangedAt is that of the consumer whose password was verified. If it
	// has changed since, or the consumer was disabled, nothing happens and the
	// answer is ErrNotFound. A hash that was renewed is no change.
	PasswordChangedAt time.Time
	ACR               string
	AMR               []string
	// AuthTime is when that was, nil for now.
	AuthTime *time.Time
	Idle     time.Duration
	Absolute time.Duration
	// HandedOver is set if it was the brand's own login that proved it.
	HandedOver *HandedOver
	// Code and AccessToken, if not nil, are issued in the same transaction.
	Code        *NewCode
	AccessToken *NewAccessToken
	// GiveBack is the attempt to take off the throttle again.
	GiveBack GiveBack
}

// named is a session s that the cookie of a browser names by its handle $1, or by the
// handle before: that of a browser whose sign-in was answered, and the answer lost.
const named = "(s.handle_sha256 = $1 or s.previous_handle_sha256 = $1)"

// signInSQL renews the browser's session if it is the same person's, else ends
// it and makes another. The lock on the consumer makes it wait for, or be seen
// by, a change of the password.
var signInSQL = `
with person as (
  select id from consumers where id = $17 and not disabled and password_changed_at = $18 for share
), renewed as (
  update sessions s set handle_sha256 = $15, previous_handle_sha256 = $14, auth_time = coalesce($23, idp_now()), acr = $19, amr = $20, last_seen_at = idp_now(),
    expires_at = idp_now() + least($21::interval, $22::interval), ends_at = idp_now() + $22::interval
  from person where (s.handle_sha256 = $14 or s.previous_handle_sha256 = $14) and s.consumer_id = person.id and s.expires_at > idp_now()
  returning s.id, s.sid, s.consumer_id, s.auth_time, s.acr, s.amr, s.last_seen_at, s.ends_at
), ended as (
  delete from sessions s using person where (s.handle_sha256 = $14 or s.previous_handle_sha256 = $14) and (s.consumer_id <> person.id or s.expires_at <= idp_now())
), made as (
  insert into sessions (handle_sha256, sid, consumer_id, auth_time, acr, amr, expires_at, ends_at)
  select $15, $16, id, coalesce($23, idp_now()), $19, $20, idp_now() + least($21::interval, $22::interval), idp_now() + $22::interval
  from person where not exists (select from renewed)
  returning id, sid, consumer_id, auth_time, acr, amr, last_seen_at, ends_at
), s as (
  select id, sid, consumer_id, auth_time, acr, amr, last_seen_at, ends_at from renewed
  union all select id, sid, consumer_id, auth_time, acr, amr, last_seen_at, ends_at from made
), ` + issuedSQL + `
select ` + sessionColumns + `, idp_now(), ` + consentsOf + ` from s`

// What hangs on the session of a browser is ended in statements of their own, the
// codes before the families and those before the tokens, after the session has been
// locked: who issues a code or token locks the session too, who redeems a code locks
// the code, and who refreshes the family, so each statement sees what the one before
// it has waited for. Consumers are always locked before sessions.
const (
	lockPersonSQL  = "select from consumers where id = $1 and not disabled and password_changed_at = $2 for share"
	lockSessionSQL = "select from sessions s where " + named + " for update"
	// othersSQL is the session of somebody else in this browser.
	othersSQL = `(select s.id from sessions s join consumers c on c.id = $2 and not c.disabled and c.password_changed_at = $3
		where ` + named + ` and s.consumer_id <> $2)`
)

// queueEnd ends what hangs on the sessions that a subquery gives, whether or not they
// have expired. What was granted by offline_access lives on, and its code stays, so
// that using that again still ends it.
func queueEnd(batch *pgx.Batch, session string, args ...any) {
	queueEndOf(batch, "session_id = any (array"+session+")", args...)
}

// queueEndOf is queueEnd of what a condition holds for.
func queueEndOf(batch *pgx.Batch, where string, args ...any) {
	for _, sql := range []string{
		"delete from authorization_codes where (consumed_at is null or not " + offline + ") and ",
		"delete from refresh_families where not offline and ",
		"delete from access_tokens t where not exists (select from refresh_families f where f.id = t.family_id) and ",
	} {
		batch.Queue(sql+where, args...)
	}
}

// SignIn makes or renews the browser's session, issues what was asked for and
// gives the counted attempt back, in one transaction and one round trip.
func (s *Store) SignIn(ctx context.Context, in SignIn) (*SignedIn, error) {
	var out SignedIn
	batch := &pgx.Batch{}
	if in.OldHandleSHA256 != nil {
		batch.Queue(lockPersonSQL, in.ConsumerID, in.PasswordChangedAt)
		batch.Queue(lockSessionSQL, in.OldHandleSHA256)
		queueEndReason(batch, EndReplaced)
		queueEnd(batch, othersSQL, in.OldHandleSHA256, in.ConsumerID, in.PasswordChangedAt)
	}
	batch.Queue(signInSQL, issuedArgs(in.Code, in.AccessToken,
		in.OldHandleSHA256, in.HandleSHA256, in.Sid, in.ConsumerID, in.PasswordChangedAt, in.ACR, in.AMR, in.Idle, in.Absolute, in.AuthTime)...,
	).QueryRow(func(row pgx.Row) error {
		return row.Scan(append(out.Session.dest(), &out.Now, &out.Consents)...)
	})
	in.HandedOver.queue(batch, in.HandleSHA256)
	in.GiveBack.queue(batch)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return nil, fmt.Errorf("sign in: %w", wrap(err))
	}
	return &out, nil
}

// TouchSession moves the idle expiry of a live session on. It is called outside
// requests, rarely.
func (s *Store) TouchSession(ctx context.Context, id int64, idle time.Duration) error {
	_, err := s.pool.Exec(ctx, `
		update sessions set last_seen_at = idp_now(), expires_at = least(ends_at, idp_now() + $2::interval)
		where id = $1 and expires_at > idp_now()`, id, idle)
	if err != nil {
		return fmt.Errorf("touch session: %w", wrap(err))
	}
	return nil
}

// SignOut ends the session that a browser's cookie names (see named), with its codes and
// tokens but those granted by offline_access. One that is gone already is no error.
func (s *Store) SignOut(ctx context.Context, handleSHA256 []byte) error {
	const own = "(select s.id from sessions s where " + named + ")"
	batch := &pgx.Batch{}
	batch.Queue(lockSessionSQL, handleSHA256)
	queueEnd(batch, own, handleSHA256)
	batch.Queue("delete from sessions s where "+named, handleSHA256)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("sign out: %w", wrap(err))
	}
	return nil
}
