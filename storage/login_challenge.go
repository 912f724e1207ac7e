package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// NewLoginChallenge is an authorization request whose browser is sent to the brand's
// own login.
type NewLoginChallenge struct {
	ChallengeSHA256 []byte
	// BindingSHA256 is that of the browser's binding, to which RequestSealed is bound.
	BindingSHA256 []byte
	RequestSealed []byte
	ClientID      int64
	// Subject is the sub that is signed in or that the request names, "" for none.
	Subject  string
	Lifetime time.Duration
	// AddressBucket counts for the network address: at most Limit in each Window.
	AddressBucket int64
	Limit         int
	Window        time.Duration
}

// insertLoginChallengeSQL counts first: the row of the bucket is locked by its own
// insert, so that however many come at once, each counts.
const insertLoginChallengeSQL = `
with counted as (
  insert into sign_in_throttle as t (bucket, failures, window_ends_at, expires_at)
  values ($1, 1, idp_now() + $3::interval, idp_now() + $3::interval)
  on conflict (bucket) do update set (failures, window_ends_at, expires_at) = (
    select case when t.window_ends_at <= now then 1 else t.failures + 1 end, ends, ends
    from (select idp_now() as now) clock,
      lateral (select case when t.window_ends_at <= now then now + $3::interval else t.window_ends_at end as ends) count)
  where t.failures < $2 or t.window_ends_at <= idp_now()
  returning bucket
), made as (
  insert into login_challenges (challenge_sha256, client_id, binding_sha256, request_sealed, subject, address_bucket, expires_at)
  select $4, $5, $6, $7, nullif($8, ''), bucket, idp_now() + $9::interval from counted
  returning id
)
select exists (select from made), coalesce((select window_ends_at - idp_now() from sign_in_throttle where bucket = $1), $3)`

// InsertLoginChallenge stores a challenge. Where its network address has made too
// many, nothing is stored and retryAfter is the wait.
func (s *Store) InsertLoginChallenge(ctx context.Context, c NewLoginChallenge) (retryAfter time.Duration, err error) {
	var made bool
	err = s.pool.QueryRow(ctx, insertLoginChallengeSQL, c.AddressBucket, c.Limit, c.Window,
		c.ChallengeSHA256, c.ClientID, c.BindingSHA256, c.RequestSealed, c.Subject, c.Lifetime).Scan(&made, &retryAfter)
	if err != nil {
		return 0, fmt.Errorf("store login challenge: %w", wrap(err))
	}
	if made {
		return 0, nil
	}
	return max(retryAfter, time.Second), nil
}

// The reasons for which a challenge, or the verifier that it was answered with, is no
// good any more.
var (
	// ErrChallengeDecided: it was accepted or rejected before.
	ErrChallengeDecided = errors.New("challenge was decided before")
	// ErrChallengeUsed: a browser has brought the verifier before.
	ErrChallengeUsed = errors.New("challenge was used before")
	// ErrChallengeExpired: it was not decided, or not used, in time.
	ErrChallengeExpired = errors.New("challenge has expired")
)

// LoginChallenge is a challenge that waits for the brand's decision.
type LoginChallenge struct {
	ChallengeSHA256 []byte
	BindingSHA256   []byte
	RequestSealed   []byte
	ClientID        int64
	// Subject is as in NewLoginChallenge, ExternalID that of the consumer.
	Subject, ExternalID string
	CreatedAt           time.Time
	ExpiresAt           time.Time
	// Now is the database's clock when it was read.
	Now time.Time
}

// LoginChallenge reads a challenge. One that cannot be decided any more is
// ErrChallengeDecided or ErrChallengeExpired.
func (s *Store) LoginChallenge(ctx context.Context, challengeSHA256 []byte) (*LoginChallenge, error) {
	c := LoginChallenge{ChallengeSHA256: challengeSHA256}
	var decided bool
	err := s.pool.QueryRow(ctx, `
		select l.binding_sha256, l.request_sealed, l.client_id, coalesce(l.subject, ''), coalesce(c.external_id, ''), l.created_at, l.expires_at,
		  l.decided_at is not null, idp_now()
		from login_challenges l left join consumers c on c.sub = l.subject where l.challenge_sha256 = $1`, challengeSHA256).
		Scan(&c.BindingSHA256, &c.RequestSealed, &c.ClientID, &c.Subject, &c.ExternalID, &c.CreatedAt, &c.ExpiresAt, &decided, &c.Now)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read login challenge: %w", wrap(err))
	case decided:
		return nil, ErrChallengeDecided
	case !c.ExpiresAt.After(c.Now):
		return nil, ErrChallengeExpired
	}
	return &c, nil
}

// LoginDecision is what the brand's backend has decided about a challenge.
type LoginDecision struct {
	ChallengeSHA256 []byte
	VerifierSHA256  []byte
	// Return is how long the browser may take to come back.
	Return time.Duration
	// Error rejects; the rest is for an acceptance.
	Error string
	// Sub or else ExternalID says who has signed in.
	Sub, ExternalID string
	ACR             string
	AMR             []string
	AuthTime        time.Time
	// SessionLifetime is shorter than that of other sessions; 0 for theirs.
	SessionLifetime time.Duration

	Audit AuditEvent
	Claim *Claim
}

// decideSQL locks the consumer before the challenge, as who deletes the consumer does.
const decideSQL = `
with person as (
  select id, sub from consumers where not disabled and (sub = nullif($12, '') or nullif($12, '') is null and external_id = nullif($13, ''))
  for key share
), c as (
  update login_challenges set decided_at = idp_now(), verifier_sha256 = $15, expires_at = idp_now() + $16::interval,
    error = nullif($17, ''), consumer_id = (select id from person), acr = nullif($18, ''), amr = $19, auth_time = $20,
    session_lifetime = nullif($21::interval, '0')
  where challenge_sha256 = $14 and decided_at is null and expires_at > idp_now() and ($17 <> '' or exists (select from person))
  returning coalesce((select sub from person), '') as target
), ` + auditSQL + `
select target from c`

// DecideLogin stores a decision, once. A challenge that cannot be decided any more is
// as for LoginChallenge, and a consumer who is not there, or disabled, ErrNoConsumer.
func (s *Store) DecideLogin(ctx context.Context, d LoginDecision) error {
	var authTime *time.Time
	if d.Error == "" {
		authTime = &d.AuthTime
	}
	err := s.change(ctx, d.Claim, func(q querier) error {
		var sub string
		return q.QueryRow(ctx, decideSQL, d.Audit.args(d.Sub, d.ExternalID, d.ChallengeSHA256, d.VerifierSHA256, d.Return, d.Error,
			d.ACR, d.AMR, authTime, d.SessionLifetime)...).Scan(&sub)
	})
	if !errors.Is(err, ErrNotFound) && !errors.Is(err, pgx.ErrNoRows) {
		if err != nil {
			return fmt.Errorf("decide login challenge: %w", err)
		}
		return nil
	}
	if _, err := s.LoginChallenge(ctx, d.ChallengeSHA256); err != nil {
		return err
	}
	return ErrNoConsumer
}

// ErrNoConsumer means that nobody who may sign in is known by what was given.
var ErrNoConsumer = errors.New("no such consumer")

// DecidedLogin is a decision that a browser has brought back.
type DecidedLogin struct {
	ChallengeSHA256 []byte
	// Bound tells whether it is the browser that began. If not, nothing of the rest
	// is for it.
	Bound         bool
	RequestSealed []byte
	// Error is why the brand has rejected, or "".
	Error string
	// Consumer is nil for a rejection, and for somebody who was disabled meanwhile.
	Consumer        *Consumer
	ACR             string
	AMR             []string
	AuthTime        time.Time
	SessionLifetime time.Duration // 0 for that of other sessions
	// CreatedAt and DecidedAt are when the browser was sent away and accepted.
	CreatedAt, DecidedAt time.Time
	// GiveBack takes the challenge off the count of the network address.
	GiveBack GiveBack
}

const decidedColumns = 11 // before the consumer's

// useLoginSQL takes the verifier, whoever brings it: one that has reached another
// browser is worth nothing from then on in the right one, too.
const useLoginSQL = `
with used as (
  update login_challenges set consumed_at = idp_now()
  where verifier_sha256 = $1 and consumed_at is null and expires_at > idp_now()
  returning challenge_sha256, binding_sha256, request_sealed, error, consumer_id, acr, amr, auth_time, session_lifetime, created_at, decided_at,
    address_bucket
)
select u.challenge_sha256, u.binding_sha256 is not distinct from $2, u.request_sealed, coalesce(u.error, ''), coalesce(u.acr, ''), u.amr,
  u.auth_time, u.session_lifetime, u.created_at, u.decided_at, u.address_bucket, ` + consumerColumns + `
from used u left join consumers c on c.id = u.consumer_id and not c.disabled`

// UseLogin takes the verifier of a decision, in the browser of a binding, once. One
// that is no good is ErrChallengeUsed, ErrChallengeExpired or ErrNotFound.
func (s *Store) UseLogin(ctx context.Context, verifierSHA256, bindingSHA256 []byte) (*DecidedLogin, error) {
	rows, err := s.pool.Query(ctx, useLoginSQL, verifierSHA256, bindingSHA256)
	if err != nil {
		return nil, fmt.Errorf("use login verifier: %w", wrap(err))
	}
	decided, err := pgx.CollectExactlyOneRow(rows, scanDecided)
	if errors.Is(err, pgx.ErrNoRows) {
		err = s.whyUnusable(ctx, "login_challenges", verifierSHA256)
	}
	if err != nil {
		return nil, fmt.Errorf("use login verifier: %w", wrap(err))
	}
	return decided, nil
}

func scanDecided(row pgx.CollectableRow) (*DecidedLogin, error) {
	var (
		d        DecidedLogin
		authTime *time.Time
		lifetime *time.Duration
		bucket   int64
		consumer consumerScan
	)
	consumerDest := consumer.dest()
	known := row.RawValues()[decidedColumns] != nil
	if !known { // nobody: all null, to be passed over
		clear(consumerDest)
	}
	err := row.Scan(append([]any{
		&d.ChallengeSHA256, &d.Bound, &d.RequestSealed, &d.Error, &d.ACR, &d.AMR, &authTime, &lifetime, &d.CreatedAt, &d.DecidedAt, &bucket,
	}, consumerDest...)...)
	if err != nil {
		return nil, err
	}
	d.GiveBack.tries = []countedTry{{bucket: bucket}}
	if authTime != nil {
		d.AuthTime = *authTime
	}
	if lifetime != nil {
		d.SessionLifetime = *lifetime
	}
	if known {
		d.Consumer, err = consumer.decode()
	}
	return &d, err
}

// whyUnusable tells why a verifier is no good.
func (s *Store) whyUnusable(ctx context.Context, table string, verifierSHA256 []byte) error {
	var used bool
	err := s.pool.QueryRow(ctx, "select consumed_at is not null from "+table+" where verifier_sha256 = $1", verifierSHA256).Scan(&used)
	switch {
	case err != nil:
		return wrap(err)
	case used:
		return ErrChallengeUsed
	default:
		return ErrChallengeExpired
	}
}
