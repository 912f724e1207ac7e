// Package consumerfile is the file of `idp consumer import` and `idp consumer
// export`: a consumer a line, as the objects of consumers in a brand file are.
//
// It owns how such a file is read, in batches that are checked on all cores and
// written in a transaction each, which of its lines are refused and why, and how an
// import goes on that was interrupted. The checks themselves are brandfile's. It must
// never log what a line holds, or put it into the report: a file has passwords and
// personal data in it.
package consumerfile

import (
	"context"
	"errors"
	"time"

	"github.com/brandidp/idp/storage"
)

// Options say how to import.
type Options struct {
	// ResetPasswords sets the passwords of consumers that exist, too, which ends their
	// sessions, codes and tokens.
	ResetPasswords bool
	// SkipHashing refuses lines with a plain password: HashPassword is not called.
	SkipHashing bool
	// HashPassword hashes a new password. It is called on several cores at once.
	HashPassword func(ctx context.Context, password string) (string, error)
	// DryRun checks everything, and changes nothing.
	DryRun bool
	// Restart begins at the first line, though an earlier import of the same input was
	// interrupted.
	Restart bool
	// Report is where refused lines are told of. A file that is there must be a report.
	Report *Report
	// Audit is the event that tells of each batch; how many consumers it was is filled
	// in. Without an action nothing is told.
	Audit storage.AuditEvent
	// Progress is told after each batch; nil tells nobody.
	Progress func(State)

	batchLines int // 0: as many as batchLines says
}

// State is how far an import has come.
type State struct {
	// Lines that are done, with those of an earlier run.
	Lines int64
	// Resumed is how many lines an earlier run has done.
	Resumed int64
	storage.ImportCounts
	// ReadBytes is how much of the input was read, as it lies in the file.
	ReadBytes int64
}

// The errors of an import, beside those of storage.
var (
	// ErrStopped: the context ended; what was done is kept, and the same call goes on.
	ErrStopped = errors.New("stopped")
	// ErrOtherInput: the input cannot be read again from its beginning, and differs from
	// that of an interrupted import which began like it.
	ErrOtherInput = errors.New("the input begins like that of an import that was interrupted, but goes on otherwise")
	// ErrDamaged: the input ends or breaks where it must not.
	ErrDamaged = errors.New("the input is damaged")
	// ErrNoReport: the file that the report would go to is not a report of an import.
	ErrNoReport = errors.New("refused lines cannot be reported there")
)

// Refusal is one rule that a line breaks.
type Refusal struct {
	Line int64 `json:"line"`
	// Pointer is the field (RFC 6901), "" for the line as a whole.
	Pointer string `json:"pointer"`
	Rule    string `json:"rule"`
}

// The rules that a line can break beside those of brandfile.
const (
	ruleUnnamed  = "must have a sub, an external_id or a username, by which it is found again"
	rulePlain    = "must be hashed by whoever imports: use --hash-passwords, or give password_hash"
	ruleRetired  = "must not be that of a consumer who is gone: a sub is never given out twice"
	ruleExternal = "must not be that of another consumer"
	ruleTaken    = "must not be an identifier that belongs to another consumer"
	ruleTwice    = "must be the only line of its consumer, but an earlier one names the same"
)

// HashRate measures how many passwords are hashed in a second, so many at once.
func HashRate(ctx context.Context, hash func(ctx context.Context, password string) (string, error), atOnce int, now func() time.Time) (float64, error) {
	begin := now()
	results := make(chan error, atOnce)
	for range atOnce {
		go func() {
			_, err := hash(ctx, "a password to measure by")
			results <- err
		}()
	}
	var err error
	for range atOnce {
		err = errors.Join(err, <-results)
	}
	return float64(atOnce) / max(now().Sub(begin).Seconds(), 1e-6), err
}
