package storage

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// TrySignInParams are one try of a password, before anything is known of it.
type TrySignInParams struct {
	// Identifier is what was typed, normalised.
	Identifier string
	// AccountBucket and AddressBucket are those of the identifier and of the
	// network address.
	AccountBucket int64
	AddressBucket int64
	// AddressUndecided is how many tries from that address this process has
	// counted and not decided; they are not taken for failures yet.
	AddressUndecided int
	// Device is what the browser's device cookie says; nil if it has none.
	Device *Device
}

// Device is a browser that has signed in before. It counts as known only if the
// identifier belongs to that consumer and the password is still the same.
type Device struct {
	Bucket            int64
	ConsumerID        int64
	PasswordChangedAt time.Time
}

// TrySignInResult says whether the password may be tried, and against what.
type TrySignInResult struct {
	// RetryAfter, if not zero, says that it may not, and for how long. Nothing
	// has been counted then and no consumer was read.
	RetryAfter time.Duration
	// KnownDevice tells that Device was right.
	KnownDevice bool
	// Consumer is nil if nobody has the identifier.
	Consumer *Consumer
	// GiveBack is the try that was counted.
	GiveBack GiveBack
}

// firstWait is the wait that comes with the first failure too many.
const firstWait = 5 * time.Second

// trySignInSQL counts the try as a failure where it belongs, and reads the
// consumer, unless somebody has to wait.
//
// A known device counts by itself (5 failures in 15 minutes are free, then the
// waits double from 5 s to 5 minutes, and the count is forgotten after 15 quiet
// minutes). A stranger counts by account, after the same rule, and by network
// address (49 in 10 minutes, then the same waits; forgotten after the 10).
//
// Each row is locked by its own insert, the address always before the account,
// so that two tries cannot wait for one another, and the latest version of the
// row decides: however many try at once, each counts. The look at the waits
// before it spares the address a count for an account that is waiting. In a burst
// that look can come too early, and the address gets its count back afterwards.
const trySignInSQL = `
with device as materialized (
  select exists (select from identifiers i join consumers c on c.id = i.consumer_id
    where i.identifier = $1 and c.id = $6 and c.password_changed_at = $7) as known
), counted_by as materialized (
  select known, case when known then $5::bigint else $2::bigint end as own, case when not known then $3::bigint end as address
  from device
), waiting as materialized (
  select max(t.blocked_until) - idp_now() as wait
  from counted_by b join sign_in_throttle t on t.bucket = any (array[b.own, b.address])
  where t.blocked_until > idp_now()
), address as (
  insert into sign_in_throttle as t (bucket, failures, window_ends_at, expires_at)
  select b.address, 1, idp_now() + '10 minutes', idp_now() + '10 minutes'
  from counted_by b, waiting w where b.address is not null and w.wait is null
  on conflict (bucket) do update set (failures, window_ends_at, blocked_until, expires_at) = (
    select n, ends, until, greatest(ends, until)
    from (select idp_now() as now) clock,
      lateral (select case when t.window_ends_at <= now then 1 else t.failures + 1 end as n,
        case when t.window_ends_at <= now then now + '10 minutes' else t.window_ends_at end as ends) count,
      lateral (select case when n - $4::integer > 49
        then now + least('5 minutes', interval '5 seconds' * power(2, least(n - $4::integer - 50, 6))) end as until) rule)
  where t.blocked_until is null or t.blocked_until <= idp_now()
  returning bucket, blocked_until
), own as (
  insert into sign_in_throttle as t (bucket, failures, window_ends_at, expires_at)
  select b.own, 1, idp_now() + '15 minutes', idp_now() + '15 minutes'
  from counted_by b, waiting w where w.wait is null and (b.address is null or exists (select from address))
  on conflict (bucket) do update set (failures, window_ends_at, blocked_until, expires_at) = (
    select n, ends, until, greatest(ends, until)
    from (select idp_now() as now) clock,
      lateral (select case when t.window_ends_at <= now then 1 else t.failures + 1 end as n) count,
      lateral (select case when n > 5 or t.window_ends_at <= now then now + '15 minutes' else t.window_ends_at end as ends,
        case when n > 5 then now + least('5 minutes', interval '5 seconds' * power(2, least(n - 6, 6))) end as until) rule)
  where t.blocked_until is null or t.blocked_until <= idp_now()
  returning bucket, blocked_until
)
select b.known, w.wait, own.bucket, own.blocked_until, address.bucket, address.blocked_until, c.id is not null, ` + consumerColumns + `
from counted_by b cross join waiting w left join own on true left join address on true
left join identifiers i on i.identifier = $1 and own.bucket is not null
left join consumers c on c.id = i.consumer_id`

// throttleColumns is how many columns of trySignInSQL stand before the consumer's.
const throttleColumns = 7

// TrySignIn counts a try of a password as a failure, and reads the consumer it
// is about, in one statement. It does so alike whether the identifier is
// anybody's or not. A try that turns out right, or that no hash was computed
// for, is to be given back: SignIn does that, else GiveBackTry.
func (s *Store) TrySignIn(ctx context.Context, p TrySignInParams) (TrySignInResult, error) {
	var deviceBucket, deviceConsumer *int64
	var devicePassword *time.Time
	if p.Device != nil {
		deviceBucket, deviceConsumer, devicePassword = &p.Device.Bucket, &p.Device.ConsumerID, &p.Device.PasswordChangedAt
	}
	rows, err := s.pool.Query(ctx, trySignInSQL, p.Identifier, p.AccountBucket, p.AddressBucket, p.AddressUndecided,
		deviceBucket, deviceConsumer, devicePassword)
	if err != nil {
		return TrySignInResult{}, fmt.Errorf("try sign-in: %w", wrap(err))
	}
	result, err := pgx.CollectExactlyOneRow(rows, scanTry)
	if err != nil {
		return TrySignInResult{}, fmt.Errorf("try sign-in: %w", wrap(err))
	}
	if result.RetryAfter != 0 && len(result.GiveBack.tries) > 0 {
		if err := s.GiveBackTry(ctx, result.GiveBack); err != nil {
			return TrySignInResult{}, err
		}
		result.GiveBack = GiveBack{}
	}
	return result, nil
}

func scanTry(row pgx.CollectableRow) (TrySignInResult, error) {
	var (
		result       TrySignInResult
		wait         *time.Duration
		own, address *int64
		ownUntil     *time.Time
		addressUntil *time.Time
		found        bool
		consumer     consumerScan
	)
	dest := []any{&result.KnownDevice, &wait, &own, &ownUntil, &address, &addressUntil, &found}
	consumerDest := consumer.dest()
	if row.RawValues()[throttleColumns] == nil { // nobody's: all null, to be passed over
		clear(consumerDest)
	}
	if err := row.Scan(append(dest, consumerDest...)...); err != nil {
		return TrySignInResult{}, err
	}
	// The order in which TrySignIn locks them.
	if address != nil {
		result.GiveBack.tries = append(result.GiveBack.tries, countedTry{*address, addressUntil})
	}
	if own == nil {
		// A wait that began while this statement ran is not seen by it; it is a first one.
		result.RetryAfter = firstWait
		if wait != nil {
			result.RetryAfter = max(*wait, time.Second)
		}
		return result, nil
	}
	result.GiveBack.tries = append(result.GiveBack.tries, countedTry{*own, ownUntil})
	if !found {
		return result, nil
	}
	var err error
	result.Consumer, err = consumer.decode()
	return result, err
}

// GiveBack is a try that TrySignIn has counted. The zero value is none.
type GiveBack struct{ tries []countedTry }

// countedTry is one row that counted the try, and the wait that this began.
type countedTry struct {
	bucket int64
	until  *time.Time
}

// queue takes the try off the throttle again, with the wait that it began, if
// that is still the one in force. It belongs at the end of a transaction: the
// rows may be wanted by many.
func (g GiveBack) queue(batch *pgx.Batch) {
	for _, try := range g.tries {
		batch.Queue(`update sign_in_throttle set failures = greatest(failures - 1, 0),
			blocked_until = case when blocked_until is distinct from $2 then blocked_until end where bucket = $1`,
			try.bucket, try.until)
	}
}

// GiveBackTry takes a try off the throttle for which no password was compared:
// the hashing was busy, or the browser has gone.
func (s *Store) GiveBackTry(ctx context.Context, g GiveBack) error {
	batch := &pgx.Batch{}
	g.queue(batch)
	if err := s.pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("give back sign-in attempt: %w", wrap(err))
	}
	return nil
}
