package storage

import (
	"context"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
)

// ImportBatch is some lines of an import, in one transaction.
type ImportBatch struct {
	tx  *Tx
	job *ImportJob
	ids string
}

// Batch copies lines into the database and has f decide about them. What f writes is
// committed if it gives no error. ErrConflict and ErrUnavailable may mean that others
// have written meanwhile: the batch can be tried again.
func (i *Importer) Batch(ctx context.Context, job *ImportJob, lines []*ImportLine, f func(*ImportBatch) error) error {
	return wrap(pgx.BeginFunc(ctx, i.conn, func(tx pgx.Tx) error {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"import_lines"}, importColumns,
			pgx.CopyFromSlice(len(lines), func(n int) ([]any, error) { return lines[n].values(), nil }))
		if err != nil {
			return fmt.Errorf("copy lines: %w", wrap(err))
		}
		return f(&ImportBatch{tx: &Tx{tx: tx}, job: job, ids: i.ids})
	}))
}

// ImportFinding is what the database has that a line is about.
type ImportFinding struct {
	Line int64
	// ConsumerID is whom the line names by sub, or else by external id, or else by
	// user name; 0 if there is none yet.
	ConsumerID int64
	// Met tells that an earlier batch of this import had a line of that consumer.
	Met bool
	// SubRetired: the sub belonged to a consumer that is gone.
	SubRetired bool
	// What belongs to another consumer.
	ExternalIDTaken, UsernameTaken, EmailTaken, PhoneNumberTaken bool
}

// Findings are in the order of the lines; a line of which the database knows nothing
// has none.
func (b *ImportBatch) Findings(ctx context.Context) ([]ImportFinding, error) {
	before := b.job.consumersBefore
	if b.job.ID == 0 { // a dry run, which makes none
		before = math.MaxInt64
	}
	rows, err := b.tx.tx.Query(ctx, `
		select l.line, coalesce(target.id, 0), coalesce(met.consumer_id is not null or target.id > $2 and target.managed_by = 'import', false),
			retired.sub is not null,
			by_external_id.id is not null and by_external_id.id is distinct from target.id,
			u.consumer_id is not null and u.consumer_id is distinct from target.id,
			e.consumer_id is not null and e.consumer_id is distinct from target.id,
			p.consumer_id is not null and p.consumer_id is distinct from target.id
		from import_lines l
		left join consumer_tombstones retired on retired.sub = l.sub
		left join consumers by_sub on by_sub.sub = l.sub
		left join consumers by_external_id on by_external_id.external_id = l.external_id
		left join identifiers u on u.identifier = l.username
		left join consumers by_username on by_username.id = u.consumer_id and by_username.username = l.username and by_username.managed_by <> 'api'
		left join identifiers e on e.identifier = l.email
		left join identifiers p on p.identifier = l.phone_number
		cross join lateral (select case when l.sub is not null then by_sub.id else coalesce(by_external_id.id, by_username.id) end as id,
			case when l.sub is not null then by_sub.managed_by when by_external_id.id is not null then by_external_id.managed_by else by_username.managed_by end as managed_by) target
		left join import_job_consumers met on met.import_job_id = $1 and met.consumer_id = target.id
		where coalesce(target.id, by_external_id.id, u.consumer_id, e.consumer_id, p.consumer_id) is not null or retired.sub is not null
		order by l.line`, b.job.ID, before)
	if err != nil {
		return nil, fmt.Errorf("look for consumers: %w", wrap(err))
	}
	findings, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ImportFinding])
	if err != nil {
		return nil, fmt.Errorf("look for consumers: %w", wrap(err))
	}
	return findings, nil
}

// SubsRetired tells whether a line has the sub of a consumer that is gone.
func (b *ImportBatch) SubsRetired(ctx context.Context) (bool, error) {
	var retired bool
	err := b.tx.tx.QueryRow(ctx, "select exists (select from import_lines l join consumer_tombstones t on t.sub = l.sub)").Scan(&retired)
	if err != nil {
		return false, fmt.Errorf("look for retired subs: %w", wrap(err))
	}
	return retired, nil
}

// Refuse takes lines out of the batch.
func (b *ImportBatch) Refuse(ctx context.Context, lines []int64) error {
	if _, err := b.tx.tx.Exec(ctx, "delete from import_lines where line = any($1)", lines); err != nil {
		return fmt.Errorf("refuse lines: %w", wrap(err))
	}
	return nil
}

// Assign says which lines are about consumers that exist.
func (b *ImportBatch) Assign(ctx context.Context, lines, consumerIDs []int64) error {
	if _, err := b.tx.tx.Exec(ctx, "update import_lines l set consumer_id = a.id from unnest($1::bigint[], $2::bigint[]) a (line, id) where l.line = a.line",
		lines, consumerIDs); err != nil {
		return fmt.Errorf("assign lines: %w", wrap(err))
	}
	return nil
}

// SetHashes gives lines the hashes of their passwords.
func (b *ImportBatch) SetHashes(ctx context.Context, lines []int64, hashes []string) error {
	if _, err := b.tx.tx.Exec(ctx, "update import_lines l set password_hash = h.hash from unnest($1::bigint[], $2::text[]) h (line, hash) where l.line = h.line",
		lines, hashes); err != nil {
		return fmt.Errorf("set hashes: %w", wrap(err))
	}
	return nil
}

// importChanged tells whether a line l says something else than the consumer c has.
const importChanged = `(c.external_id, c.disabled, c.username, c.claims, c.personal_info, c.customer_info, c.attributes)
	is distinct from (l.external_id, l.disabled, l.username, l.claims, l.personal_info, l.customer_info, l.attributes)`

// importReset tells whether the consumer c gets another password by the line l.
const importReset = "($1 and l.password_hash is not null and l.password_hash is distinct from c.password_hash)"

// Passwordless gives those lines of a batch that are about a consumer who has no
// password, with whether the line has a hash of one.
func (b *ImportBatch) Passwordless(ctx context.Context) (hashed map[int64]bool, err error) {
	rows, err := b.tx.tx.Query(ctx, `select l.line, l.password_hash is not null from import_lines l join consumers c on c.id = l.consumer_id
		where c.password_hash is null`)
	if err != nil {
		return nil, fmt.Errorf("look for passwords: %w", wrap(err))
	}
	hashed = map[int64]bool{}
	var (
		line int64
		has  bool
	)
	if _, err = pgx.ForEachRow(rows, []any{&line, &has}, func() error { hashed[line] = has; return nil }); err != nil {
		return nil, fmt.Errorf("look for passwords: %w", wrap(err))
	}
	return hashed, nil
}

// Count tells what Write would do, and writes nothing.
func (b *ImportBatch) Count(ctx context.Context, resetPasswords bool) (ImportCounts, error) {
	var counts ImportCounts
	err := b.tx.tx.QueryRow(ctx, `
		select count(*) filter (where l.consumer_id is null), count(*) filter (where c.id is not null and (`+importChanged+` or `+importReset+`)), count(*)
		from import_lines l left join consumers c on c.id = l.consumer_id`, resetPasswords).
		Scan(&counts.Created, &counts.Updated, &counts.Unchanged)
	if err != nil {
		return counts, fmt.Errorf("compare lines: %w", wrap(err))
	}
	return counts.rest(), nil
}

// rest makes Unchanged of all lines those that are left.
func (c ImportCounts) rest() ImportCounts {
	c.Unchanged -= c.Created + c.Updated
	return c
}

// Write makes the consumers of lines that are assigned to none, and updates the
// others as UpdateConsumer does. Their passwords it sets only with resetPasswords, as
// SetPassword does.
func (b *ImportBatch) Write(ctx context.Context, lines int, resetPasswords bool) (ImportCounts, error) {
	counts := ImportCounts{Unchanged: int64(lines)}
	tag, err := b.tx.tx.Exec(ctx, `
		with fresh as materialized (
			select nextval($1::regclass) as id, l.* from import_lines l where consumer_id is null
		), made as (
			insert into consumers (id, sub, external_id, disabled, username, password_hash, claims, personal_info, customer_info, attributes, managed_by)
			overriding system value
			select id, coalesce(sub, gen_random_uuid()::text), external_id, disabled, username, password_hash, claims, personal_info, customer_info, attributes, 'import'
			from fresh
		), named as (
			insert into identifiers (identifier, consumer_id, kind)
			select v.identifier, f.id, v.kind from fresh f
			cross join lateral (values (f.username, 'username'), (f.email, 'email'), (f.phone_number, 'phone_number')) v (identifier, kind)
			where v.identifier is not null
		)
		select from fresh`, b.ids)
	if err != nil {
		return counts, fmt.Errorf("insert consumers: %w", wrap(err))
	}
	if counts.Created = tag.RowsAffected(); counts.Created == int64(lines) {
		return counts.rest(), nil
	}
	if counts.Updated, err = b.update(ctx, resetPasswords); err != nil {
		return counts, err
	}
	if _, err := b.tx.tx.Exec(ctx, "insert into import_job_consumers (import_job_id, consumer_id) select $1, consumer_id from import_lines where consumer_id is not null", b.job.ID); err != nil {
		return counts, fmt.Errorf("note consumers: %w", wrap(err))
	}
	return counts.rest(), nil
}

// changedConsumer is one that a batch has updated.
type changedConsumer struct {
	ID       int64
	Disabled bool
}

// update updates consumers that exist, and tells how many.
func (b *ImportBatch) update(ctx context.Context, resetPasswords bool) (int64, error) {
	rows, err := b.tx.tx.Query(ctx, `
		update consumers c set external_id = l.external_id, disabled = l.disabled, username = l.username, claims = l.claims,
			personal_info = l.personal_info, customer_info = l.customer_info, attributes = l.attributes, updated_at = idp_now()
		from import_lines l where c.id = l.consumer_id and `+importChanged+`
		returning c.id, c.disabled`)
	if err != nil {
		return 0, fmt.Errorf("update consumers: %w", wrap(err))
	}
	changed, err := pgx.CollectRows(rows, pgx.RowToStructByPos[changedConsumer])
	if err != nil {
		return 0, fmt.Errorf("update consumers: %w", wrap(err))
	}
	updated := map[int64]bool{}
	var ids, disabled []int64
	for _, c := range changed {
		updated[c.ID] = true
		ids = append(ids, c.ID)
		if c.Disabled {
			disabled = append(disabled, c.ID)
		}
	}
	if err := b.replaceIdentifiers(ctx, ids); err != nil {
		return 0, err
	}
	if len(disabled) > 0 {
		if err := b.tx.endEverything(ctx, disabled, EndDisabled, "consents"); err != nil {
			return 0, err
		}
	}
	reset, err := b.resetPasswords(ctx, resetPasswords)
	for _, id := range reset {
		updated[id] = true
	}
	return int64(len(updated)), err
}

// replaceIdentifiers gives consumers the identifiers of their lines.
func (b *ImportBatch) replaceIdentifiers(ctx context.Context, consumerIDs []int64) error {
	if len(consumerIDs) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	batch.Queue(`delete from identifiers i using import_lines l
		where l.consumer_id = any($1) and i.consumer_id = l.consumer_id
			and not i.identifier = any(array_remove(array[l.username, l.email, l.phone_number], null))`, consumerIDs)
	batch.Queue(`insert into identifiers (identifier, consumer_id, kind)
		select v.identifier, l.consumer_id, v.kind from import_lines l
		cross join lateral (values (l.username, 'username'), (l.email, 'email'), (l.phone_number, 'phone_number')) v (identifier, kind)
		where l.consumer_id = any($1) and v.identifier is not null
			and not exists (select from identifiers i where i.identifier = v.identifier and i.consumer_id = l.consumer_id)`, consumerIDs)
	if err := b.tx.tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("store identifiers: %w", wrap(err))
	}
	return nil
}

// resetPasswords sets the passwords of consumers that exist, and tells whose.
func (b *ImportBatch) resetPasswords(ctx context.Context, reset bool) ([]int64, error) {
	if !reset {
		return nil, nil
	}
	rows, err := b.tx.tx.Query(ctx, `
		update consumers c set password_hash = l.password_hash, password_changed_at = idp_now()
		from import_lines l where c.id = l.consumer_id and `+importReset+` returning c.id`, reset)
	if err != nil {
		return nil, fmt.Errorf("set passwords: %w", wrap(err))
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("set passwords: %w", wrap(err))
	}
	if len(ids) == 0 {
		return nil, nil
	}
	return ids, b.tx.endEverything(ctx, ids, EndPasswordChanged)
}

// SaveProgress keeps how far the import has come with this batch.
func (b *ImportBatch) SaveProgress(ctx context.Context, j ImportJob) error {
	_, err := b.tx.tx.Exec(ctx, `
		update import_jobs set read_sha256 = $2, offset_bytes = $3, lines = $4, created = $5, updated = $6, unchanged = $7, refused = $8,
			report_bytes = $9, passwords_not_set = $10, updated_at = idp_now(), expires_at = idp_now() + interval '30 days'
		where id = $1`, j.ID, j.ReadSHA256, j.OffsetBytes, j.Lines, j.Created, j.Updated, j.Unchanged, j.Refused, j.ReportBytes, j.PasswordsNotSet)
	if err != nil {
		return fmt.Errorf("save the progress: %w", wrap(err))
	}
	return nil
}

// Seen tells which of the values an earlier batch has kept by See. A dry run, which
// writes no consumers, knows by it what its lines would have made.
func (b *ImportBatch) Seen(ctx context.Context, values []string) (map[string]bool, error) {
	rows, err := b.tx.tx.Query(ctx, "select value from import_seen where value = any($1)", values)
	if err != nil {
		return nil, fmt.Errorf("look for what was seen: %w", wrap(err))
	}
	seen := map[string]bool{}
	var value string
	if _, err = pgx.ForEachRow(rows, []any{&value}, func() error { seen[value] = true; return nil }); err != nil {
		return nil, fmt.Errorf("look for what was seen: %w", wrap(err))
	}
	return seen, nil
}

// See keeps values until the importer is closed.
func (b *ImportBatch) See(ctx context.Context, values []string) error {
	if _, err := b.tx.tx.Exec(ctx, "insert into import_seen select distinct unnest($1::text[]) on conflict do nothing", values); err != nil {
		return fmt.Errorf("keep what was seen: %w", wrap(err))
	}
	return nil
}
