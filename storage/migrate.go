package storage

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/tern/v2/migrate"

	"github.com/brandidp/idp/migrations"
)

// ErrDatabaseNewer means that a later release has migrated the database. This
// binary leaves it alone.
var ErrDatabaseNewer = errors.New("the database was migrated by a newer idp")

// MigrationStatus tells how far a database is.
type MigrationStatus struct {
	Current int32 `json:"current"` // migrations applied
	Latest  int32 `json:"latest"`  // migrations this binary knows
}

const (
	// migrationLock is the advisory lock of whoever migrates.
	migrationLock = 0x6964705f6d6967 // "idp_mig"
	// lockTimeout is how long a migration waits for a table that somebody reads for
	// long, such as a backup: all others wait behind it meanwhile.
	lockTimeout = time.Second
	// lockPause is until it is tried again, or until the advisory lock is.
	lockPause = 2 * time.Second
	// lockPatience is how long it is tried at all.
	lockPatience = 2 * time.Minute
)

// Migrate brings the schema at url to this binary's version. Instances that
// start together race for an advisory lock and the losers find nothing to do.
// A database newer than the binary gives ErrDatabaseNewer and stays as it is. A
// migration that finds a table held by a long transaction gives way and tries again
// for two minutes; then, what is done so far stays, and the error is ErrUnavailable.
func Migrate(ctx context.Context, url string) error {
	return withConnection(ctx, url, func(conn *pgx.Conn) error {
		status, err := statusOf(ctx, conn)
		if err != nil {
			return err
		}
		if status.Current == status.Latest {
			return nil
		}
		if err := lockMigrations(ctx, conn); err != nil {
			return err
		}
		m, err := migrate.NewMigrator(ctx, conn, "schema_version")
		if err != nil {
			return fmt.Errorf("prepare migrations: %w", err)
		}
		if err := m.LoadMigrations(migrations.FS); err != nil {
			return fmt.Errorf("read embedded migrations: %w", err)
		}
		// Set for each: the migrator resets every setting after it.
		m.OnStart = func(int32, string, string, string) {
			_, _ = conn.Exec(ctx, fmt.Sprintf("set lock_timeout = %d", lockTimeout.Milliseconds())) // a lost connection shows at once
		}
		for tries := lockPatience / (lockTimeout + lockPause); ; tries-- {
			err := m.Migrate(ctx)
			if err == nil {
				return nil
			}
			if pgErr, ok := errors.AsType[*pgconn.PgError](err); !ok || pgErr.Code != "55P03" || tries <= 1 {
				return fmt.Errorf("migrate: %w", err)
			}
			if err := pause(ctx, lockPause); err != nil {
				return fmt.Errorf("migrate: %w", err)
			}
		}
	})
}

// lockMigrations takes the lock of whoever migrates, until the connection ends. It
// asks for it again and again, since a statement that waits would be one of the
// older transactions that an index built concurrently waits for.
func lockMigrations(ctx context.Context, conn *pgx.Conn) error {
	for {
		var locked bool
		if err := conn.QueryRow(ctx, "select pg_try_advisory_lock($1)", int64(migrationLock)).Scan(&locked); err != nil {
			return fmt.Errorf("lock migrations: %w", err)
		}
		if locked {
			return nil
		}
		if err := pause(ctx, lockPause/10); err != nil {
			return fmt.Errorf("lock migrations: %w", err)
		}
	}
}

// pause waits, or gives the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// ReadMigrationStatus compares the schema at url with this binary, and changes
// nothing there. On a database newer than the binary it gives the status and
// ErrDatabaseNewer.
func ReadMigrationStatus(ctx context.Context, url string) (status MigrationStatus, err error) {
	err = withConnection(ctx, url, func(conn *pgx.Conn) error {
		status, err = statusOf(ctx, conn)
		return err
	})
	return status, err
}

// statusOf asks by itself: the migrator would make its table to answer.
func statusOf(ctx context.Context, conn *pgx.Conn) (MigrationStatus, error) {
	files, err := migrate.FindMigrations(migrations.FS)
	if err != nil {
		return MigrationStatus{}, fmt.Errorf("read embedded migrations: %w", err)
	}
	status := MigrationStatus{Latest: int32(len(files))} //nolint:gosec // a handful
	var begun bool
	if err := conn.QueryRow(ctx, "select to_regclass('schema_version') is not null").Scan(&begun); err != nil {
		return MigrationStatus{}, fmt.Errorf("read schema version: %w", err)
	}
	if !begun {
		return status, nil
	}
	if err := conn.QueryRow(ctx, "select coalesce(min(version), 0) from schema_version").Scan(&status.Current); err != nil {
		return MigrationStatus{}, fmt.Errorf("read schema version: %w", err)
	}
	if status.Current > status.Latest {
		return status, fmt.Errorf("%w: its schema is version %d, this binary knows %d; install the newer release or restore a backup",
			ErrDatabaseNewer, status.Current, status.Latest)
	}
	return status, nil
}

func withConnection(ctx context.Context, url string, f func(*pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return fmt.Errorf("connect to the database: %w", wrap(err))
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	return wrap(f(conn))
}
