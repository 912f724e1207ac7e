package consumerfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Report is the file that refused lines are told of: a Refusal a line, in JSON. It is
// made when there is one to tell of.
type Report struct {
	name string
	file *os.File
}

// NewReport names the file.
func NewReport(name string) *Report { return &Report{name: name} }

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
// removed if there is nothing to report.
func (r *Report) close(length int64) error {
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
