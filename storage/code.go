package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// NewCode is an authorization code to be issued.
type NewCode struct {
	SHA256        []byte
	ClientID      int64
	RedirectURI   string
	Scope         string
	Nonce         string // "" if none was sent
	CodeChallenge string // S256; "" if none was sent
	// ClaimsRequest is what was asked for by the claims parameter, as JSON of at
	// most MaxClaimsRequest characters; "" if nothing was.
	ClaimsRequest string
	Lifetime      time.Duration
}

// MaxClaimsRequest is how long a claims request may be, in characters.
const MaxClaimsRequest = 4096

// Redemption is a code as a client that has proved who it is presents it.
type Redemption struct {
	CodeSHA256  []byte
	ClientID    int64
	RedirectURI string
	// Windows, if not nil, are addresses for which RedirectURI stands, too, whatever
	// their query: what a legacy connector names at the token endpoint is not where
	// the code was sent.
	Windows []string
	// CodeChallenge is computed from the code_verifier; "" if none was sent.
	CodeChallenge string
	// AccessTokenSHA256 and AccessTokenLifetime are for the token it gets.
	AccessTokenSHA256   []byte
	AccessTokenLifetime time.Duration
	// RetrySealed, if not nil, is the access token, and the refresh token if there
	// is one, in a form that only the code opens. It is kept, so that the same client
	// may present a code with a challenge again within RetryWithin of its first use,
	// which is a minute at most.
	RetrySealed []byte
	RetryWithin time.Duration
	// Family, if not nil, is made if the code's scope has offline_access, or the
	// family is to be Plain.
	Family *NewFamily
}

// Grant is what a redeemed code or refresh token stands for.
type Grant struct {
	Scope string
	// Granted is the scope that was granted; Scope is less if a refresh asked for less.
	Granted       string
	Nonce         string
	ClaimsRequest string // as of NewCode
	Session       Session
	Consumer      *Consumer
	// DetailsSealed is what came with a code by Issue, nil if nothing did.
	DetailsSealed []byte
	// Refreshable is set when a family of refresh tokens came of a code.
	Refreshable bool
	// Retry is set when the code or refresh token has been used before.
	Retry *Retry
}

// Retry is what came of the first use of a code or refresh token.
type Retry struct {
	// Sealed is the tokens, as they were sealed at the first use.
	Sealed []byte
	// ExpiresIn is how long the access token still lives.
	ExpiresIn time.Duration
}

// ErrCodeRefused means that no code that is alive, unused and this client's, with this
// redirect address and verifier, answers to what was presented.
var ErrCodeRefused = errors.New("code refused")

// codeMatches holds a code to what it is bound to: client, redirect address and
// challenge.
const codeMatches = `ac.code_sha256 = $1 and ac.client_id = $2
    and (ac.redirect_uri = $3 or ac.redirect_uri = any($4::text[]) or split_part(ac.redirect_uri, '?', 1) = any($4::text[]))
    and ac.code_challenge is not distinct from nullif($5, '')`

const (
	offline     = "('offline_access' = any (string_to_array(scope, ' ')))"
	makesFamily = "$9::bytea is not null and (" + offline + " or $12)"
	// familyEnds is no later than the session's end without offline_access.
	familyEnds = "least(idp_now() + $11::interval, case when not " + offline + " then session_ends_at end)"
)

const grantColumns = "ac.scope, coalesce(ac.nonce, ''), coalesce(ac.claims_request, ''), ac.details_sealed, coalesce(ac.session_id, 0), coalesce(ac.sid, ''), ac.auth_time, ac.acr, ac.amr, ac.session_ends_at, " +
	consumerColumns

// redeemSQL takes the code and makes the token in one statement: the update is
// what 16 parallel redemptions race for, and one of them wins. A used code stays
// as long as what came of it, so that using it again can end that. A family
// without offline_access lives no longer than the session.
const redeemSQL = `
with consumed as (
  update authorization_codes ac set consumed_at = idp_now(), retry_sealed = $8,
    expires_at = greatest(ac.expires_at, idp_now() + $7::interval, case when ` + makesFamily + ` then ` + familyEnds + ` end)
  from consumers c
  where ` + codeMatches + `
    and ac.consumed_at is null and least(ac.expires_at, ac.session_ends_at) > idp_now() and c.id = ac.consumer_id and not c.disabled
  returning ac.id, ac.client_id, ac.consumer_id, ac.session_id, ac.sid, ac.scope, ac.nonce, ac.claims_request, ac.details_sealed,
    ac.auth_time, ac.acr, ac.amr, ac.session_ends_at
), family as (
  insert into refresh_families (handle_sha256, token_sha256, client_id, consumer_id, session_id, code_id, sid, scope, claims_request, offline,
    auth_time, acr, amr, expires_at)
  select $9, $10, client_id, consumer_id, session_id, id, sid, scope, claims_request, ` + offline + `, auth_time, acr, amr,
    ` + familyEnds + `
  from consumed where ` + makesFamily + `
  returning id
), token as (
  insert into access_tokens (token_sha256, client_id, consumer_id, session_id, code_id, family_id, scope, claims_request, expires_at)
  select $6, client_id, consumer_id, session_id, id, (select id from family), scope, claims_request, idp_now() + $7::interval from consumed
)
select ` + grantColumns + `, exists (select from family) from consumed ac join consumers c on c.id = ac.consumer_id`

// RedeemCode consumes a code, checks what it is bound to and stores the access
// token, in one transaction and one round trip. ErrCodeRefused means that none
// of it happened; if the code had been used before by this same client, with the
// same verifier, what came of it is ended (RFC 6749 4.1.2), or given again if the
// redemption allows it.
func (s *Store) RedeemCode(ctx context.Context, r Redemption) (*Grant, error) {
	g, err := r.redeem(ctx, s.pool)
	if errors.Is(err, ErrNotFound) && r.RetrySealed != nil {
		g, err = s.retryCode(ctx, r)
	}
	if errors.Is(err, ErrClientGone) {
		return nil, ErrCodeRefused
	}
	if errors.Is(err, ErrNotFound) {
		if err := s.endReused(ctx, r); err != nil {
			return nil, err
		}
		return nil, ErrCodeRefused
	}
	if err != nil {
		return nil, fmt.Errorf("redeem code: %w", err)
	}
	return g, nil
}

// RehearseCode gives what RedeemCode would, of a code that was not used before, and
// leaves everything as it is: for whoever has to sign by a key that may fail to, before
// the code is used up. ErrNotFound means that RedeemCode has to say what is to be said.
func (s *Store) RehearseCode(ctx context.Context, r Redemption) (*Grant, error) {
	return s.rehearse(ctx, func(tx pgx.Tx) (*Grant, error) { return r.redeem(ctx, tx) })
}

// redeem runs redeemSQL.
func (r Redemption) redeem(ctx context.Context, q querier) (*Grant, error) {
	family, refreshable := NewFamily{}, false
	if r.Family != nil {
		family = *r.Family
	}
	g, err := scanGrant(q.QueryRow(ctx, redeemSQL, r.CodeSHA256, r.ClientID, r.RedirectURI, r.Windows, r.CodeChallenge,
		r.AccessTokenSHA256, r.AccessTokenLifetime, r.RetrySealed, family.HandleSHA256, family.TokenSHA256, family.Lifetime, family.Plain), &refreshable)
	if err == nil {
		g.Refreshable = refreshable
	}
	return g, err
}

// scanGrant reads grantColumns, and whatever else there is into more.
func scanGrant(row pgx.Row, more ...any) (*Grant, error) {
	var (
		g        Grant
		consumer consumerScan
	)
	dest := []any{
		&g.Scope, &g.Nonce, &g.ClaimsRequest, &g.DetailsSealed, &g.Session.ID, &g.Session.Sid, &g.Session.AuthTime, &g.Session.ACR, &g.Session.AMR, &g.Session.EndsAt,
	}
	dest = append(append(dest, consumer.dest()...), more...)
	if err := wrap(row.Scan(dest...)); err != nil {
		return nil, err
	}
	var err error
	if g.Consumer, err = consumer.decode(); err != nil {
		return nil, err
	}
	g.Session.ConsumerID = g.Consumer.ID
	g.Granted = g.Scope
	return &g, nil
}

// retryCode gives what came of a code that was used moments ago, while its
// access token lives. The time counts from the first use and is never extended.
func (s *Store) retryCode(ctx context.Context, r Redemption) (*Grant, error) {
	var (
		retry       Retry
		refreshable bool
	)
	g, err := scanGrant(s.pool.QueryRow(ctx, "select "+grantColumns+`, ac.retry_sealed, t.expires_at - idp_now(), t.family_id is not null
		from authorization_codes ac join consumers c on c.id = ac.consumer_id join access_tokens t on t.code_id = ac.id
		where `+codeMatches+` and ac.code_challenge is not null and ac.retry_sealed is not null
		  and ac.consumed_at > idp_now() - $6::interval and least(t.expires_at, ac.session_ends_at) > idp_now() and not c.disabled`,
		r.CodeSHA256, r.ClientID, r.RedirectURI, r.Windows, r.CodeChallenge, r.RetryWithin), &retry.Sealed, &retry.ExpiresIn, &refreshable)
	if err != nil {
		return nil, err
	}
	g.Retry, g.Refreshable = &retry, refreshable
	return g, nil
}

// endReused ends what came of a used code, and the code with it. A family is locked
// before its tokens are looked for, so that the token of a rotation under way is
// seen, too.
func (s *Store) endReused(ctx context.Context, r Redemption) error {
	const (
		used = `select ac.id from authorization_codes ac where ac.code_sha256 = $1 and ac.client_id = $2
			and ac.code_challenge is not distinct from nullif($3, '') and ac.consumed_at is not null`
		families = "(select f.id from refresh_families f where f.code_id = any (array(" + used + ")))"
	)
	batch := &pgx.Batch{}
	for _, sql := range []string{
		"select from authorization_codes where id = any (array(" + used + ")) for update",
		"select from refresh_families where id = any (array" + families + ") for update",
		"delete from access_tokens where code_id = any (array(" + used + ")) or family_id = any (array" + families + ")",
		"delete from refresh_families where id = any (array" + families + ")",
		"delete from authorization_codes where id = any (array(" + used + "))",
	} {
		batch.Queue(sql, r.CodeSHA256, r.ClientID, r.CodeChallenge)
	}
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("end tokens of reused code: %w", wrap(err))
	}
	return nil
}
