package consumerfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// Report is the file that refused lines are told of: a Refusal a line, in JSON. It is
// made when there is one to tell of, and takes the place of the report of an earlier
// import, but of no other file.
type Report struct {
	name string
	file *os.File
}

// NewReport names the file.
func NewReport(name string) *Report { return &Report{name: name} }

// check tells whether the report can go where it shall, before anything is imported:
// a file that is there has to be a report, or empty, and not the input.
func (r *Report) check(input io.Reader) error {
	info, err := os.Stat(r.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%w: %w", ErrNoReport, err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a regular file", ErrNoReport, r.name)
	}
	if file, ok := input.(interface{ Stat() (fs.FileInfo, error) }); ok {
		if in, err := file.Stat(); err == nil && os.SameFile(in, info) {
			return fmt.Errorf("%w: %s is the input", ErrNoReport, r.name)
		}
	}
	file, err := os.Open(r.name)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoReport, err)
	}
	defer file.Close()      //nolint:errcheck // nothing was written
	const longest = 1 << 16 // of a refusal
	var first Refusal
	decoder := json.NewDecoder(io.LimitReader(file, longest))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&first); info.Size() > 0 && (err != nil || first.Line < 1 || first.Rule == "") {
		return fmt.Errorf("%w: %s is there already, and is not a report of refused lines", ErrNoReport, r.name)
	}
	return nil
}

// resume gives how much of the report an interrupted import has written: nothing, if
// that was another file than this.
func (r *Report) resume(length int64) int64 {
	file, err := os.Open(r.name)
	if err != nil {
		return 0
	}
	defer file.Close() //nolint:errcheck // nothing was written
	var last [1]byte
	if _, err := file.ReadAt(last[:], length-1); err != nil || last[0] != '\n' {
		return 0
	}
	return length
}

// write puts refusals behind the first bytes of the report, and gives its length.
// What it had behind them is of a batch that came to nothing.
func (r *Report) write(length int64, refusals []Refusal) (int64, error) {
	if len(refusals) == 0 {
		return length, nil
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	for _, refusal := range refusals {
		if err := encoder.Encode(refusal); err != nil {
			return length, fmt.Errorf("write the report: %w", err)
		}
	}
	if r.file == nil {
		var err error
		if r.file, err = os.OpenFile(r.name, os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
			return length, fmt.Errorf("write the report: %w", err)
		}
	}
	_, err := r.file.WriteAt(text.Bytes(), length)
	if err == nil {
		err = r.file.Sync() // before the batch is committed that says so
	}
	if err != nil {
		return length, fmt.Errorf("write the report: %w", err)
	}
	return length + int64(text.Len()), nil
}

// close leaves the report with so many bytes. One that an earlier import has left is
// removed if there is nothing to report, but not by a dry run.
func (r *Report) close(length int64, dryRun bool) error {
	if r.file == nil && dryRun {
		return nil
	}
	var err error
	if r.file != nil {
		err = errors.Join(r.file.Truncate(length), r.file.Close())
		r.file = nil
	}
	if info, statErr := os.Lstat(r.name); length == 0 && statErr == nil && info.Mode().IsRegular() {
		err = errors.Join(err, os.Remove(r.name))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("close the report: %w", err)
	}
	return nil
}
