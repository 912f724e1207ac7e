package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// NewFamily is the first refresh token of a family, to be stored with the
// redemption of a code.
type NewFamily struct {
	// HandleSHA256 is of what names the family in all its tokens.
	HandleSHA256 []byte
	TokenSHA256  []byte
	// Lifetime is that of the family, from now; no rotation extends it.
	Lifetime time.Duration
	// Plain: the family is made without offline_access, too. It then ends when its
	// session is ended, and at the latest at that one's absolute end: an idle browser
	// says nothing of a conversation that goes on.
	Plain bool
}

// Refresh is a refresh token as a client that has proved who it is presents it.
type Refresh struct {
	HandleSHA256 []byte
	Generation   int32
	TokenSHA256  []byte
	ClientID     int64
	// Offline and Plain tell which families the client may have, with and without
	// offline_access.
	Offline, Plain bool
	// Requested are the scopes that were asked for, nil for all that were granted.
	Requested []string
	// Allowed are those that the client may have.
	Allowed []string
	// SuccessorSHA256 and AccessTokenSHA256 are for the tokens it gets.
	SuccessorSHA256     []byte
	AccessTokenSHA256   []byte
	AccessTokenLifetime time.Duration
	// Sealed is both in a form that only the presented token opens, kept for Grace.
	Sealed []byte
	Grace  time.Duration
}

var (
	// ErrRefreshRefused means that no family that is alive and this client's has the
	// presented token, or that its successor is in use already.
	ErrRefreshRefused = errors.New("refresh token refused")
	// ErrRefreshReplayed means that the token had been used before its grace, and
	// that its family has ended.
	ErrRefreshReplayed = errors.New("refresh token replayed: its family was ended")
	// ErrScopeExceeded means that a scope was asked for that was not granted, or only
	// such as the client may not have any more. Nothing has changed.
	ErrScopeExceeded = errors.New("scope exceeds the grant")
)

// liveFamily holds a family to the client that presents its token.
const liveFamily = `f.handle_sha256 = $1 and f.client_id = $2 and f.expires_at > idp_now() and case when f.offline then $3::boolean else $4::boolean end`

// familyColumns are grantColumns of a family. Its own end takes the place of the
// session's: it is not later, unless the family is there to outlive the session.
const familyColumns = "f.scope, '', coalesce(f.claims_request, ''), null::bytea, coalesce(f.session_id, 0), coalesce(f.sid, ''), f.auth_time, f.acr, f.amr, f.expires_at, " +
	consumerColumns

// rotateSQL puts the successor in the place of the presented token and makes the
// access token in one statement: the update is what parallel refreshes race for,
// and one of them wins. The family keeps its scope when less was asked for
// (RFC 6749 6).
const rotateSQL = `
with f as (
  update refresh_families f set generation = f.generation + 1, token_sha256 = $9, grace_ends = array_prepend(idp_now() + $13::interval, f.grace_ends[1:7])
  from consumers c
  where ` + liveFamily + `
    and f.generation = $5 and f.token_sha256 = $6 and ($7::text[] is null or string_to_array(f.scope, ' ') @> $7)
    and coalesce($7, string_to_array(f.scope, ' ')) && $8::text[]
    and c.id = f.consumer_id and not c.disabled
  returning f.id, f.client_id, f.consumer_id, f.session_id, f.sid, f.claims_request, f.auth_time, f.acr, f.amr, f.expires_at, f.grace_ends[1] as grace_ends_at,
    f.scope as granted,
    array_to_string(array(select w from unnest(string_to_array(f.scope, ' ')) with ordinality as t (w, n)
      where w = any($8::text[]) and ($7::text[] is null or w = any($7)) order by n), ' ') as scope
), token as (
  insert into access_tokens (token_sha256, client_id, consumer_id, session_id, family_id, scope, claims_request, expires_at)
  select $10, client_id, consumer_id, session_id, id, scope, claims_request, idp_now() + $11::interval from f
  returning family_id, scope, expires_at
), successor as (
  insert into refresh_successors as s (family_id, sealed, scope, access_token_expires_at, expires_at)
  select f.id, $12, f.scope, t.expires_at, f.grace_ends_at from f join token t on t.family_id = f.id
  on conflict (family_id) do update set sealed = excluded.sealed, scope = excluded.scope,
    access_token_expires_at = excluded.access_token_expires_at, expires_at = excluded.expires_at
)
select ` + familyColumns + `, f.granted from f join consumers c on c.id = f.consumer_id`

// RotateRefreshToken takes a refresh token, puts its successor in its place and
// stores the access token, in one transaction and one round trip. A token that was
// used moments ago gets what it was answered with then (Grant.Retry), as long as
// its successor was not used itself: the response may have been lost. The errors
// ErrRefreshRefused, ErrRefreshReplayed and ErrScopeExceeded say why there is none.
func (s *Store) RotateRefreshToken(ctx context.Context, r Refresh) (*Grant, error) {
	g, err := r.rotate(ctx, s.pool)
	if errors.Is(err, ErrNotFound) {
		g, err = s.notRotated(ctx, r)
	}
	if errors.Is(err, ErrClientGone) {
		return nil, ErrRefreshRefused
	}
	if err != nil {
		return nil, fmt.Errorf("rotate refresh token: %w", err)
	}
	return g, nil
}

// RehearseRefresh is to RotateRefreshToken what RehearseCode is to RedeemCode.
func (s *Store) RehearseRefresh(ctx context.Context, r Refresh) (*Grant, error) {
	return s.rehearse(ctx, func(tx pgx.Tx) (*Grant, error) { return r.rotate(ctx, tx) })
}

// rotate runs rotateSQL.
func (r Refresh) rotate(ctx context.Context, q querier) (*Grant, error) {
	var granted string
	g, err := scanGrant(q.QueryRow(ctx, rotateSQL, r.HandleSHA256, r.ClientID, r.Offline, r.Plain, r.Generation, r.TokenSHA256,
		r.Requested, r.Allowed, r.SuccessorSHA256, r.AccessTokenSHA256, r.AccessTokenLifetime, r.Sealed, r.Grace), &granted)
	if err == nil {
		g.Granted = granted
	}
	return g, err
}

// replayed is whether a token of generation $5 came after its grace. Of those used
// long before the latest it is known that they were used before them.
const replayed = "f.generation > $5 and f.grace_ends[least(f.generation - $5, cardinality(f.grace_ends))] <= idp_now()"

// notRotated tells why a token was not the newest of a live family, and gives what
// it was answered with if that may still be said.
func (s *Store) notRotated(ctx context.Context, r Refresh) (*Grant, error) {
	var (
		sealed             []byte
		scope              *string
		expiresIn          *time.Duration
		newest, isReplayed bool
	)
	g, err := scanGrant(s.pool.QueryRow(ctx, "select "+familyColumns+`,
		  s.sealed, s.scope, s.access_token_expires_at - idp_now(), f.generation = $5 and f.token_sha256 = $6, coalesce(`+replayed+`, false)
		from refresh_families f join consumers c on c.id = f.consumer_id
		left join refresh_successors s on s.family_id = f.id and s.expires_at > idp_now() and f.generation = $5 + 1
		where `+liveFamily+` and not c.disabled`,
		r.HandleSHA256, r.ClientID, r.Offline, r.Plain, r.Generation, r.TokenSHA256), &sealed, &scope, &expiresIn, &newest, &isReplayed)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, ErrRefreshRefused
	case err != nil:
		return nil, err
	case newest:
		return nil, ErrScopeExceeded
	case sealed != nil:
		g.Scope = *scope
		g.Retry = &Retry{Sealed: sealed, ExpiresIn: *expiresIn}
		return g, nil
	case !isReplayed:
		return nil, ErrRefreshRefused
	}
	if err := s.endReplayed(ctx, r); err != nil {
		return nil, err
	}
	return nil, ErrRefreshReplayed
}

// queueEndFamily ends the families f that a condition gives, with their access tokens
// and the codes that they came of, which there is nothing left to end by. The codes
// are locked first, as everywhere, and the families before their tokens are looked
// for, so that the token of a rotation under way is seen, too.
func queueEndFamily(batch *pgx.Batch, where string, args ...any) {
	from := " from refresh_families f where " + where
	for _, sql := range []string{
		"select from authorization_codes where id = any (array(select f.code_id" + from + ")) for update",
		"select" + from + " for update",
		"delete from access_tokens where family_id = any (array(select f.id" + from + "))",
		"delete from authorization_codes where id = any (array(select f.code_id" + from + "))",
		"delete" + from,
	} {
		batch.Queue(sql, args...)
	}
}

// endReplayed ends the family of a token that came after its grace.
func (s *Store) endReplayed(ctx context.Context, r Refresh) error {
	batch := &pgx.Batch{}
	queueEndFamily(batch, liveFamily+" and "+replayed, r.HandleSHA256, r.ClientID, r.Offline, r.Plain, r.Generation)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("end family: %w", wrap(err))
	}
	return nil
}

// endFamiliesOfClient ends every family of a client that may have none any more.
// Access tokens live out their time.
func (tx *Tx) endFamiliesOfClient(ctx context.Context, clientID int64) error {
	if _, err := tx.tx.Exec(ctx, "delete from refresh_families where client_id = $1", clientID); err != nil {
		return fmt.Errorf("end refresh tokens of client: %w", wrap(err))
	}
	return nil
}

// RefreshTokenState finds the family whose newest refresh token a client presents,
// by HandleSHA256, TokenSHA256, ClientID, Offline and Plain of r. Any other token, an
// expired family, or a disabled consumer's is ErrNotFound.
func (s *Store) RefreshTokenState(ctx context.Context, r Refresh) (*TokenState, error) {
	var t TokenState
	err := s.pool.QueryRow(ctx, `select f.client_id, c.sub, f.scope, f.created_at, f.expires_at
		from refresh_families f join consumers c on c.id = f.consumer_id
		where `+liveFamily+` and f.token_sha256 = $5 and not c.disabled`, r.HandleSHA256, r.ClientID, r.Offline, r.Plain, r.TokenSHA256).
		Scan(&t.ClientID, &t.Sub, &t.Scope, &t.IssuedAt, &t.ExpiresAt)
	if err != nil {
		return nil, fmt.Errorf("read refresh token: %w", wrap(err))
	}
	return &t, nil
}

// RevokeRefreshToken ends a family of a client with its access tokens. One that is
// gone already is no error; another client's is ErrOtherClient, and stays.
func (s *Store) RevokeRefreshToken(ctx context.Context, handleSHA256 []byte, clientID int64) error {
	var foreign bool
	batch := &pgx.Batch{}
	queueEndFamily(batch, "f.handle_sha256 = $1 and f.client_id = $2", handleSHA256, clientID)
	batch.Queue("select exists (select from refresh_families where handle_sha256 = $1)", handleSHA256).
		QueryRow(func(row pgx.Row) error { return row.Scan(&foreign) })
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("revoke refresh token: %w", wrap(err))
	}
	if foreign {
		return ErrOtherClient
	}
	return nil
}
