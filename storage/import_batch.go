package storage

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
)

// ImportBatch is some lines of an import, in one transaction.
type ImportBatch struct {
	tx  *Tx
	job *ImportJob
	ids string
}

// Batch has f decide about lines, and write them. What it writes is committed if it
// gives no error. ErrConflict and ErrUnavailable may mean that others have written
// meanwhile: the batch can be tried again.
func (i *Importer) Batch(ctx context.Context, job *ImportJob, f func(*ImportBatch) error) error {
	return wrap(pgx.BeginFunc(ctx, i.conn, func(tx pgx.Tx) error {
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
func (b *ImportBatch) Findings(ctx context.Context, lines []*ImportLine) ([]ImportFinding, error) {
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
		from unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[]) l (line, sub, external_id, username, email, phone_number)
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
		order by l.line`, append([]any{b.job.ID, before}, importKeys(lines)...)...)
	if err != nil {
		return nil, fmt.Errorf("look for consumers: %w", wrap(err))
	}
	findings, err := pgx.CollectRows(rows, pgx.RowToStructByPos[ImportFinding])
	if err != nil {
		return nil, fmt.Errorf("look for consumers: %w", wrap(err))
	}
	return findings, nil
}

// importKeys are the columns by which lines are looked for.
func importKeys(lines []*ImportLine) []any {
	numbers := make([]int64, len(lines))
	var texts [5][]*string
	for i := range texts {
		texts[i] = make([]*string, len(lines))
	}
	for i, l := range lines {
		numbers[i] = l.Line
		for n, text := range [...]string{l.Consumer.Sub, l.Consumer.ExternalID, l.Consumer.Username, l.Email, l.PhoneNumber} {
			texts[n][i] = orNull(text)
		}
	}
	return []any{numbers, texts[0], texts[1], texts[2], texts[3], texts[4]}
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// Insert makes the consumers of lines, with their identifiers.
func (b *ImportBatch) Insert(ctx context.Context, lines []*ImportLine) error {
	if len(lines) == 0 {
		return nil
	}
	rows, err := b.tx.tx.Query(ctx, "select nextval($1::regclass), gen_random_uuid()::text, idp_now() from generate_series(1, $2)", b.ids, len(lines))
	if err != nil {
		return fmt.Errorf("number consumers: %w", wrap(err))
	}
	fresh, err := pgx.CollectRows(rows, pgx.RowToStructByPos[freshConsumer])
	if err != nil {
		return fmt.Errorf("number consumers: %w", wrap(err))
	}
	now := fresh[0].Now
	err = b.copy(ctx, "consumers", []string{
		"id", "sub", "external_id", "disabled", "username", "password_hash", "claims", "personal_info", "customer_info", "attributes",
		"managed_by", "password_changed_at", "created_at", "updated_at",
	}, len(lines), func(i int) []any {
		c, d := lines[i].Consumer, lines[i].documents
		return []any{
			fresh[i].ID, cmp.Or(c.Sub, fresh[i].Sub), orNull(c.ExternalID), c.Disabled, orNull(c.Username), orNull(c.PasswordHash),
			[]byte(d.claims), []byte(d.personal), []byte(d.customer), []byte(d.attributes), "import", now, now, now,
		}
	})
	if err != nil {
		return err
	}
	identifiers := make([][]any, 0, 2*len(lines))
	for i, l := range lines {
		for _, identifier := range l.identifiers() {
			identifiers = append(identifiers, []any{identifier.Value, fresh[i].ID, identifier.Kind})
		}
	}
	return b.copy(ctx, "identifiers", []string{"identifier", "consumer_id", "kind"}, len(identifiers), func(i int) []any { return identifiers[i] })
}

// freshConsumer is what the database gives to one that is made.
type freshConsumer struct {
	ID  int64
	Sub string // unless the line has one
	Now time.Time
}

// copy copies rows into a table.
func (b *ImportBatch) copy(ctx context.Context, table string, columns []string, rows int, row func(int) []any) error {
	_, err := b.tx.tx.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromSlice(rows, func(i int) ([]any, error) { return row(i), nil }))
	if err != nil {
		return fmt.Errorf("copy %s: %w", table, wrap(err))
	}
	return nil
}

// compare copies lines of consumers that exist to where they can be compared.
func (b *ImportBatch) compare(ctx context.Context, lines []*ImportLine) error {
	return b.copy(ctx, "import_lines", []string{
		"consumer_id", "external_id", "disabled", "username", "email", "phone_number", "password_hash",
		"claims", "personal_info", "customer_info", "attributes",
	}, len(lines), func(i int) []any {
		l, c, d := lines[i], lines[i].Consumer, lines[i].documents
		return []any{
			c.ID, orNull(c.ExternalID), c.Disabled, orNull(c.Username), orNull(l.Email), orNull(l.PhoneNumber), orNull(c.PasswordHash),
			[]byte(d.claims), []byte(d.personal), []byte(d.customer), []byte(d.attributes),
		}
	})
}

// importChanged tells whether a line l says something else than the consumer c has.
const importChanged = `(c.external_id, c.disabled, c.username, c.claims, c.personal_info, c.customer_info, c.attributes)
	is distinct from (l.external_id, l.disabled, l.username, l.claims, l.personal_info, l.customer_info, l.attributes)`

// importReset tells whether the consumer c gets another password by the line l.
const importReset = "($1 and l.password_hash is not null and l.password_hash is distinct from c.password_hash)"

// Passwordless tells how many of some consumers have no password.
func (b *ImportBatch) Passwordless(ctx context.Context, consumerIDs []int64) (int64, error) {
	var without int64
	err := b.tx.tx.QueryRow(ctx, "select count(*) from consumers where id = any ($1) and password_hash is null", consumerIDs).Scan(&without)
	if err != nil {
		return 0, fmt.Errorf("look for passwords: %w", wrap(err))
	}
	return without, nil
}

// CountChanged tells how many consumers Update would change, and changes none.
func (b *ImportBatch) CountChanged(ctx context.Context, lines []*ImportLine, resetPasswords bool) (int64, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	if err := b.compare(ctx, lines); err != nil {
		return 0, err
	}
	var changed int64
	err := b.tx.tx.QueryRow(ctx, "select count(*) from import_lines l join consumers c on c.id = l.consumer_id where "+importChanged+" or "+importReset,
		resetPasswords).Scan(&changed)
	if err != nil {
		return 0, fmt.Errorf("compare lines: %w", wrap(err))
	}
	return changed, nil
}

// Update updates consumers that exist to what their lines say, as UpdateConsumer does,
// and tells how many that has changed. Their passwords it sets only with
// resetPasswords, as SetPassword does.
func (b *ImportBatch) Update(ctx context.Context, lines []*ImportLine, resetPasswords bool) (int64, error) {
	if len(lines) == 0 {
		return 0, nil
	}
	if err := b.compare(ctx, lines); err != nil {
		return 0, err
	}
	updated, err := b.update(ctx, resetPasswords)
	if err != nil {
		return 0, err
	}
	if _, err := b.tx.tx.Exec(ctx, "insert into import_job_consumers (import_job_id, consumer_id) select $1, consumer_id from import_lines", b.job.ID); err != nil {
		return 0, fmt.Errorf("note consumers: %w", wrap(err))
	}
	return updated, nil
}

// changedConsumer is one that a batch has updated.
type changedConsumer struct {
	ID       int64
	Disabled bool
}

// update updates consumers to their lines, and tells how many it has changed.
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

// Audit tells in the transaction of the batch of what happens in it.
func (b *ImportBatch) Audit(ctx context.Context, event AuditEvent) error {
	return b.tx.Audit(ctx, event)
}

// SaveProgress keeps how far the import has come with this batch: ErrImportGone if there is
// nothing to keep it in.
func (b *ImportBatch) SaveProgress(ctx context.Context, j ImportJob) error {
	tag, err := b.tx.tx.Exec(ctx, `
		update import_jobs set read_sha256 = $2, offset_bytes = $3, lines = $4, created = $5, updated = $6, unchanged = $7, refused = $8,
			report_bytes = $9, passwords_not_set = $10, updated_at = idp_now(), expires_at = idp_now() + interval '30 days'
		where id = $1`, j.ID, j.ReadSHA256, j.OffsetBytes, j.Lines, j.Created, j.Updated, j.Unchanged, j.Refused, j.ReportBytes, j.PasswordsNotSet)
	if err != nil {
		return fmt.Errorf("save the progress: %w", wrap(err))
	}
	if tag.RowsAffected() == 0 {
		return ErrImportGone
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
