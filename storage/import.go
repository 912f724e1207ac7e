package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

var (
	// ErrImportRunning means that somebody else imports consumers at this moment.
	ErrImportRunning = errors.New("another import is running")
	// ErrImportGone means that somebody has removed what is kept of an import under way.
	ErrImportGone = errors.New("what was kept of this import is gone")
)

const (
	// importLock is the advisory lock of whoever imports.
	importLock = 0x6964705f696d70 // "idp_imp"
	// importPause is until it is asked for again, which is done so often: the server
	// may need a moment to see that a program which had it is gone.
	importPause = 100 * time.Millisecond
	importTries = 50
)

// ImportJob is how far an import has come.
type ImportJob struct {
	ID int64
	// HeadSHA256 is of the first bytes of the input, ReadSHA256 of the first
	// OffsetBytes of it, which are Lines lines.
	HeadSHA256  []byte
	ReadSHA256  []byte
	OffsetBytes int64
	Lines       int64
	ImportCounts
	// ReportBytes is how long the report of refused lines is.
	ReportBytes int64

	// consumersBefore is the ID of the last consumer before it.
	consumersBefore int64
}

// ImportCounts are what has become of lines.
type ImportCounts struct {
	Created   int64 `json:"created"`
	Updated   int64 `json:"updated"`
	Unchanged int64 `json:"unchanged"`
	Refused   int64 `json:"refused"`
	// PasswordsNotSet is how many lines had a password for a consumer who was there
	// already without one, and has none still.
	PasswordsNotSet int64 `json:"passwords_not_set"`
}

// Importer is a connection of its own by which one import writes. Close it.
type Importer struct {
	conn *pgx.Conn
	// ids is the sequence of consumers' IDs.
	ids string
}

// OpenImporter opens the connection and the lock that one import alone can have:
// ErrImportRunning.
func (s *Store) OpenImporter(ctx context.Context) (*Importer, error) {
	cfg, err := pgx.ParseConfig(s.directURL)
	if err != nil {
		return nil, errors.New("database.direct_url: not a PostgreSQL connection string") // as in Open
	}
	cfg.ConnectTimeout = connectTimeout
	// Statements are planned for what is in the tables now, which changes by each.
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect for an import: %w", wrap(err))
	}
	i := &Importer{conn: conn}
	if err := i.prepare(ctx); err != nil {
		i.Close(ctx)
		return nil, err
	}
	return i, nil
}

// importSettings have every line found by an index, however many consumers there
// are: a scan of them all for each batch would make an import slower as it goes on.
// No batch waits for the disk: how far the import has come is committed with it, so
// after a crash both are there or neither, and EndJob waits for all of them.
var importSettings = []string{
	"set enable_hashjoin = off", "set enable_mergejoin = off", "set enable_seqscan = off", "set jit = off", "set work_mem = '32MB'",
	"set synchronous_commit = off",
	`create temporary table import_lines (
		consumer_id bigint not null, external_id text, disabled boolean not null, username text, email text, phone_number text,
		password_hash text, claims jsonb not null, personal_info jsonb, customer_info jsonb, attributes jsonb
	) on commit delete rows`,
	"create temporary table import_seen (value text collate \"C\" primary key)",
}

func (i *Importer) prepare(ctx context.Context) error {
	for tries := importTries; ; tries-- {
		var locked bool
		err := i.conn.QueryRow(ctx, "select pg_try_advisory_lock($1), pg_get_serial_sequence('consumers', 'id')", int64(importLock)).
			Scan(&locked, &i.ids)
		if err != nil {
			return fmt.Errorf("lock the import: %w", wrap(err))
		}
		if locked {
			break
		}
		if tries == 0 {
			return ErrImportRunning
		}
		if err := pause(ctx, importPause); err != nil {
			return fmt.Errorf("lock the import: %w", err)
		}
	}
	for _, sql := range importSettings {
		if _, err := i.conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("prepare the import: %w", wrap(err))
		}
	}
	return nil
}

// Close gives connection and lock back.
func (i *Importer) Close(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	_ = i.conn.Close(ctx) // whatever was to be kept is committed
}

const importJobColumns = `id, head_sha256, read_sha256, offset_bytes, lines, created, updated, unchanged, refused, report_bytes, consumers_before, passwords_not_set`

// FindJob finds the import of an input that begins like this which has come
// furthest, or gives ErrNotFound.
func (i *Importer) FindJob(ctx context.Context, headSHA256 []byte) (*ImportJob, error) {
	j := &ImportJob{}
	err := i.conn.QueryRow(ctx, "select "+importJobColumns+" from import_jobs where head_sha256 = $1 and expires_at > idp_now() order by offset_bytes desc limit 1",
		headSHA256).Scan(&j.ID, &j.HeadSHA256, &j.ReadSHA256, &j.OffsetBytes, &j.Lines, &j.Created, &j.Updated, &j.Unchanged, &j.Refused, &j.ReportBytes, &j.consumersBefore, &j.PasswordsNotSet)
	if err != nil {
		return nil, fmt.Errorf("find the import: %w", wrap(err))
	}
	return j, nil
}

// StartJob keeps a new import, and sets its ID.
func (i *Importer) StartJob(ctx context.Context, j *ImportJob) error {
	err := i.conn.QueryRow(ctx, `
		insert into import_jobs (head_sha256, read_sha256, offset_bytes, lines, created, updated, unchanged, refused, report_bytes, consumers_before)
		values ($1, $2, 0, 0, 0, 0, 0, 0, 0, coalesce((select max(id) from consumers), 0)) returning id, consumers_before`,
		j.HeadSHA256, j.ReadSHA256).Scan(&j.ID, &j.consumersBefore)
	if err != nil {
		return fmt.Errorf("start the import: %w", wrap(err))
	}
	return nil
}

// EndJob forgets an import: it is done, or to begin anew.
func (i *Importer) EndJob(ctx context.Context, id int64) error {
	const together = 50_000
	for {
		tag, err := i.conn.Exec(ctx, `delete from import_job_consumers where ctid = any (array(
			select ctid from import_job_consumers where import_job_id = $1 limit $2))`, id, together)
		if err != nil {
			return fmt.Errorf("end the import: %w", wrap(err))
		}
		if tag.RowsAffected() < together {
			break
		}
	}
	err := pgx.BeginFunc(ctx, i.conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, "set local synchronous_commit = on"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "delete from import_jobs where id = $1", id)
		return err
	})
	if err != nil {
		return fmt.Errorf("end the import: %w", wrap(err))
	}
	return nil
}

// ImportLine is one consumer to be imported.
type ImportLine struct {
	// Line counts from 1.
	Line int64
	// Consumer has the ID of whom the line is about, 0 if that is a new one.
	Consumer *Consumer
	// Email and PhoneNumber are identifiers beside the user name, normalised; "" if
	// the consumer does not sign in by one.
	Email, PhoneNumber string

	documents documents
}

// NewImportLine makes a line of a consumer whose ManagedBy and times do not matter.
// The work that needs no connection is done here.
func NewImportLine(line int64, c *Consumer, identifiers []Identifier) (*ImportLine, error) {
	l := &ImportLine{Line: line, Consumer: c}
	for _, identifier := range identifiers {
		switch identifier.Kind {
		case "email":
			l.Email = identifier.Value
		case "phone_number":
			l.PhoneNumber = identifier.Value
		}
	}
	var err error
	l.documents, err = c.documents()
	return l, err
}

// identifiers are what the consumer signs in with.
func (l *ImportLine) identifiers() []Identifier {
	identifiers := make([]Identifier, 0, 3)
	for _, identifier := range [...]Identifier{{l.Consumer.Username, "username"}, {l.Email, "email"}, {l.PhoneNumber, "phone_number"}} {
		if identifier.Value != "" {
			identifiers = append(identifiers, identifier)
		}
	}
	return identifiers
}
