package storage

import (
	"context"
	"fmt"
)

// ConsumerKey names a consumer: by Sub, or else by ExternalID.
type ConsumerKey struct{ Sub, ExternalID string }

// The lateral row is the s of consentsOf.
const vouchedSQL = "select idp_now(), " + consentsOf + ", " + consumerColumns + `
	from consumers c cross join lateral (select c.id) as s (consumer_id) where `

// VouchedConsumer reads a consumer whom the brand vouches for, disabled or not, with
// what the consumer has allowed. The session has no ID, since there is none: who
// asks says the rest of it.
func (s *Store) VouchedConsumer(ctx context.Context, key ConsumerKey) (*SignedIn, error) {
	where, value := "c.sub = $1", key.Sub
	if value == "" {
		where, value = "c.external_id = $1", key.ExternalID
	}
	var (
		in       SignedIn
		consumer consumerScan
	)
	err := s.pool.QueryRow(ctx, vouchedSQL+where, value).Scan(append([]any{&in.Now, &in.Consents}, consumer.dest()...)...)
	if err != nil {
		return nil, fmt.Errorf("read consumer who is vouched for: %w", wrap(err))
	}
	if in.Consumer, err = consumer.decode(); err != nil {
		return nil, err
	}
	in.Session.ConsumerID = in.Consumer.ID
	return &in, nil
}

// issueVouchedSQL issues without a session. The lock on the consumer has who disables
// or signs out everywhere wait for it, or be seen by it, and that on the consent who
// withdraws it.
var issueVouchedSQL = `
with live as (
  select id from consumers where id = $14 and not disabled for share
), consent as (
  select k.consumer_id from live join consents k on k.consumer_id = live.id
  where k.client_id = $15 and k.scopes @> $16::text[] for key share of k
), s as (
  select null::bigint as id, null::text as sid, live.id as consumer_id, $17::timestamptz as auth_time, $18::text as acr, $19::text[] as amr,
    $20::timestamptz as ends_at
  from live where $16::text[] is null or exists (select from consent)
), ` + issuedFromSQL(", details_sealed", ", $21::bytea") + `
select exists (select from s) from live`
