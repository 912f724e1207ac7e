package storage

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/op/liveperson"
)

// Consumer is a person who can sign in.
type Consumer struct {
	ID int64
	// Sub is the subject identifier: it never changes and is never given to
	// somebody else. Empty at InsertConsumer means that one is made.
	Sub string
	// ExternalID is the identifier by which the brand's own system knows the
	// consumer, unique; "" if there is none.
	ExternalID string
	Disabled   bool
	// Username is normalised (PRECIS UsernameCaseMapped); "" if there is none.
	Username string
	// PasswordHash is a PHC or crypt string; "" means no password signs in.
	PasswordHash      string
	PasswordChangedAt time.Time
	Claims            Claims
	PersonalInfo      *liveperson.PersonalInfo
	CustomerInfo      *liveperson.CustomerInfo
	// Attributes is nil if there are none.
	Attributes Attributes
	// ManagedBy is who made the consumer: apply, import or api.
	ManagedBy string
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Identifier is something a consumer signs in with, normalised. The value is
// unique over all kinds.
type Identifier struct {
	Value string
	Kind  string // username, email or phone_number
}

const consumerColumns = `c.id, c.sub, coalesce(c.external_id, ''), c.disabled, coalesce(c.username, ''), coalesce(c.password_hash, ''),
	c.password_changed_at, c.claims, c.personal_info, c.customer_info, c.attributes, c.managed_by, c.created_at, c.updated_at`

// consumerScan takes the columns of consumerColumns, in that order.
type consumerScan struct {
	consumer                             Consumer
	claims, personal, custom, attributes []byte
}

func (s *consumerScan) dest() []any {
	c := &s.consumer
	return []any{
		&c.ID, &c.Sub, &c.ExternalID, &c.Disabled, &c.Username, &c.PasswordHash,
		&c.PasswordChangedAt, &s.claims, &s.personal, &s.custom, &s.attributes, &c.ManagedBy, &c.CreatedAt, &c.UpdatedAt,
	}
}

func (s *consumerScan) decode() (*Consumer, error) {
	c := &s.consumer
	if err := json.Unmarshal(s.claims, &c.Claims); err != nil {
		return nil, fmt.Errorf("read claims of consumer %d: %w", c.ID, err)
	}
	if s.personal != nil {
		if err := json.Unmarshal(s.personal, &c.PersonalInfo); err != nil {
			return nil, fmt.Errorf("read personal_info of consumer %d: %w", c.ID, err)
		}
	}
	if s.custom != nil {
		if err := json.Unmarshal(s.custom, &c.CustomerInfo); err != nil {
			return nil, fmt.Errorf("read customer_info of consumer %d: %w", c.ID, err)
		}
	}
	if s.attributes != nil {
		if err := json.Unmarshal(s.attributes, &c.Attributes); err != nil {
			return nil, fmt.Errorf("read attributes of consumer %d: %w", c.ID, err)
		}
	}
	return c, nil
}

func collectConsumers(rows pgx.Rows, err error) ([]*Consumer, error) {
	if err != nil {
		return nil, fmt.Errorf("read consumers: %w", wrap(err))
	}
	consumers, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*Consumer, error) {
		var s consumerScan
		if err := row.Scan(s.dest()...); err != nil {
			return nil, err
		}
		return s.decode()
	})
	if err != nil {
		return nil, fmt.Errorf("read consumers: %w", wrap(err))
	}
	return consumers, nil
}

// Consumers reads at most limit consumers in the order of their making,
// beginning after the one with the ID after (0: from the first).
func (s *Store) Consumers(ctx context.Context, after int64, limit int) ([]*Consumer, error) {
	return collectConsumers(s.pool.Query(ctx,
		"select "+consumerColumns+" from consumers c where c.id > $1 order by c.id limit $2", after, limit))
}

// ExportConsumers gives every consumer to f in the order of their making, as they all
// were at one moment.
func (s *Store) ExportConsumers(ctx context.Context, f func(*Consumer) error) error {
	const page = 1000
	return wrap(pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		for after := int64(0); ; {
			consumers, err := collectConsumers(tx.Query(ctx, "select "+consumerColumns+" from consumers c where c.id > $1 order by c.id limit $2", after, page))
			if err != nil {
				return err
			}
			for _, c := range consumers {
				if err := f(c); err != nil {
					return err
				}
				after = c.ID
			}
			if len(consumers) < page {
				return nil
			}
		}
	}))
}

// FindConsumer finds one by sub, or else by a normalised identifier, or else by
// external id.
func (s *Store) FindConsumer(ctx context.Context, subOrIdentifier string) (*Consumer, error) {
	consumers, err := collectConsumers(s.pool.Query(ctx, "select "+consumerColumns+` from consumers c
		where c.sub = $1 or c.id = (select consumer_id from identifiers where identifier = $1) or c.external_id = $1
		order by c.sub = $1 desc, c.external_id is distinct from $1 desc limit 1`, subOrIdentifier))
	if err != nil {
		return nil, err
	}
	if len(consumers) == 0 {
		return nil, fmt.Errorf("find consumer: %w", ErrNotFound)
	}
	return consumers[0], nil
}

// ConsumersNamed reads those with one of the subs, external ids or user names.
func (tx *Tx) ConsumersNamed(ctx context.Context, subs, externalIDs, usernames []string) ([]*Consumer, error) {
	return collectConsumers(tx.tx.Query(ctx, "select "+consumerColumns+` from consumers c
		where c.sub = any($1) or c.external_id = any($2) or c.username = any($3) order by c.id`, subs, externalIDs, usernames))
}

// IdentifierOwners tells for each identifier that is taken whose it is.
func (tx *Tx) IdentifierOwners(ctx context.Context, identifiers []string) (map[string]int64, error) {
	rows, err := tx.tx.Query(ctx, "select identifier, consumer_id from identifiers where identifier = any($1)", identifiers)
	if err != nil {
		return nil, fmt.Errorf("read identifiers: %w", wrap(err))
	}
	owners := make(map[string]int64)
	var (
		identifier string
		owner      int64
	)
	_, err = pgx.ForEachRow(rows, []any{&identifier, &owner}, func() error {
		owners[identifier] = owner
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read identifiers: %w", wrap(err))
	}
	return owners, nil
}

// SubsRetired tells which of the subs belonged to a consumer that is gone.
func (tx *Tx) SubsRetired(ctx context.Context, subs []string) ([]string, error) {
	rows, err := tx.tx.Query(ctx, "select sub from consumer_tombstones where sub = any($1)", subs)
	if err != nil {
		return nil, fmt.Errorf("read retired subs: %w", wrap(err))
	}
	retired, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read retired subs: %w", wrap(err))
	}
	return retired, nil
}

// InsertConsumer adds a consumer and sets its ID and, if it was empty, its Sub:
// a random UUID. A sub, external id or identifier that exists is ErrConflict.
func (tx *Tx) InsertConsumer(ctx context.Context, c *Consumer, identifiers []Identifier) error {
	d, err := c.documents()
	if err != nil {
		return fmt.Errorf("insert consumer: %w", err)
	}
	err = tx.tx.QueryRow(ctx, `
		insert into consumers (sub, disabled, username, password_hash, claims, personal_info, customer_info, attributes, managed_by, external_id)
		values (coalesce(nullif($1, ''), gen_random_uuid()::text), $2, nullif($3, ''), nullif($4, ''), $5, $6, $7, $8, $9, nullif($10, ''))
		returning id, sub, password_changed_at`,
		c.Sub, c.Disabled, c.Username, c.PasswordHash, d.claims, d.personal, d.customer, d.attributes, c.ManagedBy, c.ExternalID).
		Scan(&c.ID, &c.Sub, &c.PasswordChangedAt)
	if err != nil {
		return fmt.Errorf("insert consumer: %w", wrap(err))
	}
	return tx.replaceIdentifiers(ctx, c.ID, identifiers)
}

// UpdateConsumer replaces everything of the consumer with c.ID but its sub and
// password. Disabling ends sessions, consents, codes and tokens.
func (tx *Tx) UpdateConsumer(ctx context.Context, c *Consumer, identifiers []Identifier) error {
	d, err := c.documents()
	if err != nil {
		return fmt.Errorf("update consumer: %w", err)
	}
	tag, err := tx.tx.Exec(ctx, `
		update consumers set disabled = $2, username = nullif($3, ''), claims = $4, personal_info = $5,
			customer_info = $6, attributes = $7, external_id = nullif($8, ''), updated_at = idp_now()
		where id = $1`,
		c.ID, c.Disabled, c.Username, d.claims, d.personal, d.customer, d.attributes, c.ExternalID)
	if err != nil {
		return fmt.Errorf("update consumer: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("update consumer: %w", ErrNotFound)
	}
	if c.Disabled {
		if err := tx.endEverything(ctx, []int64{c.ID}, EndDisabled, "consents"); err != nil {
			return err
		}
	}
	return tx.replaceIdentifiers(ctx, c.ID, identifiers)
}

// SetPassword stores a new hash and ends the consumer's sessions, codes and
// tokens; known devices have to sign in anew.
func (tx *Tx) SetPassword(ctx context.Context, consumerID int64, hash string) error {
	tag, err := tx.tx.Exec(ctx,
		"update consumers set password_hash = $2, password_changed_at = idp_now() where id = $1", consumerID, hash)
	if err != nil {
		return fmt.Errorf("set password: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return fmt.Errorf("set password: %w", ErrNotFound)
	}
	return tx.endEverything(ctx, []int64{consumerID}, EndPasswordChanged)
}

// RehashPassword replaces a hash by a stronger one of the same password, unless
// the password has changed meanwhile. Sessions stay.
func (s *Store) RehashPassword(ctx context.Context, consumerID int64, old, stronger string) error {
	_, err := s.pool.Exec(ctx,
		"update consumers set password_hash = $3 where id = $1 and password_hash = $2", consumerID, old, stronger)
	if err != nil {
		return fmt.Errorf("rehash password: %w", wrap(err))
	}
	return nil
}

// endEverything empties tables of consumers, and then those of codes and tokens,
// which come of what is in the others. The sessions are locked first and deleted
// last, as when somebody signs out: their deletion ends families, too.
func (tx *Tx) endEverything(ctx context.Context, consumerIDs []int64, reason string, tables ...string) error {
	batch := &pgx.Batch{}
	queueEndReason(batch, reason)
	batch.Queue("select from sessions where consumer_id = any($1) order by id for update", consumerIDs)
	for _, table := range append(tables, "login_challenges", "authorization_codes", "refresh_families", "access_tokens", "sessions") {
		batch.Queue("delete from "+table+" where consumer_id = any($1)", consumerIDs)
	}
	if err := tx.tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("end sessions of consumer: %w", wrap(err))
	}
	return nil
}

func (tx *Tx) replaceIdentifiers(ctx context.Context, consumerID int64, identifiers []Identifier) error {
	values, kinds := columns(identifiers)
	batch := &pgx.Batch{}
	batch.Queue("delete from identifiers where consumer_id = $1 and not identifier = any($2)", consumerID, values)
	// Somebody else's identifier breaks the primary key and so becomes a
	// conflict; one's own is left as it is.
	batch.Queue(`insert into identifiers (identifier, consumer_id, kind)
		select v, $1, k from unnest($2::text[], $3::text[]) as t (v, k)
		where not exists (select from identifiers i where i.identifier = v and i.consumer_id = $1)`,
		consumerID, values, kinds)
	if err := tx.tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("store identifiers: %w", wrap(err))
	}
	return nil
}

// documents are the columns of JSON; nil is null.
type documents struct{ claims, personal, customer, attributes json.RawMessage }

func (c *Consumer) documents() (d documents, err error) {
	if d.claims, err = json.Marshal(c.Claims); err != nil {
		return d, fmt.Errorf("claims: %w", err)
	}
	if c.PersonalInfo != nil {
		if d.personal, err = json.Marshal(c.PersonalInfo); err != nil {
			return d, fmt.Errorf("personal_info: %w", err)
		}
	}
	if c.CustomerInfo != nil {
		if d.customer, err = json.Marshal(c.CustomerInfo); err != nil {
			return d, fmt.Errorf("customer_info: %w", err)
		}
	}
	if len(c.Attributes) > 0 {
		if d.attributes, err = json.Marshal(c.Attributes); err != nil {
			return d, fmt.Errorf("attributes: %w", err)
		}
	}
	return d, nil
}
