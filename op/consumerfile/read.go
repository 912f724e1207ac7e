package consumerfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/brandidp/idp/op/brandfile"
)

const (
	// headBytes are the first bytes by which an input is known again.
	headBytes = 64 << 10
	// A batch has at most so many lines and bytes. A line with a password that is to
	// be hashed counts for as many as take about as long.
	batchLines   = 5000
	batchBytes   = 4 << 20
	passwordLine = 50
)

// reader reads the lines of an input, which may be compressed.
type reader struct {
	raw  *counter
	text *bufio.Reader
	read hash.Hash // of offset bytes
	// offset is in the uncompressed input, line the number of the last one.
	offset, line int64
	// batchLines is how many lines are read at once.
	batchLines int
}

// counter counts what was read through it.
type counter struct {
	io.Reader

	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err //nolint:wrapcheck // it is a reader itself
}

func newReader(input io.Reader) (*reader, error) {
	r := &reader{raw: &counter{Reader: input}, read: sha256.New(), batchLines: batchLines}
	raw := bufio.NewReaderSize(r.raw, headBytes)
	r.text = raw
	if magic, _ := raw.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(raw)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		r.text = bufio.NewReaderSize(unzipped, headBytes)
	}
	return r, nil
}

// head is the SHA-256 of the first bytes.
func (r *reader) head() ([]byte, error) {
	head, err := r.text.Peek(headBytes)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	sum := sha256.Sum256(head)
	return sum[:], nil
}

// skip reads what another run has read, and tells whether it was the same.
func (r *reader) skip(offset, line int64, readSHA256 []byte) (bool, error) {
	_, err := io.CopyN(r.read, r.text, offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	r.offset, r.line = offset, line
	return bytes.Equal(r.read.Sum(nil), readSHA256), nil
}

// line is one line as it was read.
type line struct {
	number int64
	text   []byte // without its end; of one that is too long, as much as shows that
}

// batch is some lines, and how far the input was read with them.
type batch struct {
	lines []line
	text  []byte // of all of them

	offset     int64
	readSHA256 []byte
	last       int64 // line
	rawBytes   int64

	checked []*checkedLine
}

// next reads a batch; it has no lines at the end of the input.
func (r *reader) next(ctx context.Context) (*batch, error) {
	b := &batch{text: make([]byte, 0, batchBytes/8)}
	type place struct{ number, begin, end int64 }
	var places []place
	for weight := 0; weight < r.batchLines && len(b.text) < batchBytes; {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		begin := len(b.text)
		more, err := r.appendLine(b)
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		text := b.text[begin:]
		if len(bytes.TrimSpace(text)) == 0 {
			b.text = b.text[:begin]
			continue
		}
		weight++
		if hasPassword(text) {
			weight += passwordLine - 1
		}
		places = append(places, place{r.line, int64(begin), int64(len(b.text))})
	}
	for _, p := range places {
		b.lines = append(b.lines, line{p.number, b.text[p.begin:p.end:p.end]})
	}
	b.offset, b.readSHA256, b.last, b.rawBytes = r.offset, r.read.Sum(nil), r.line, r.raw.n
	return b, nil
}

// hasPassword tells whether a line may have a plain password.
func hasPassword(text []byte) bool { return bytes.Contains(text, []byte(`"password"`)) }

// appendLine reads a line into the batch, and tells whether there was one.
func (r *reader) appendLine(b *batch) (bool, error) {
	begin := len(b.text)
	for read := false; ; read = true {
		part, err := r.text.ReadSlice('\n')
		_, _ = r.read.Write(part) // which never fails
		r.offset += int64(len(part))
		if room := brandfile.MaxEntryBytes + 1 - (len(b.text) - begin); room > 0 {
			b.text = append(b.text, bytes.TrimSuffix(part[:min(len(part), room)], []byte("\n"))...)
		}
		switch {
		case err == nil:
			r.line++
			return true, nil
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case errors.Is(err, io.EOF): // the last line may have no end
			if read || len(part) > 0 {
				r.line++
				return true, nil
			}
			return false, nil
		default:
			return false, fmt.Errorf("%w after line %d: %w", ErrDamaged, r.line, err)
		}
	}
}

// CountPasswords counts the lines of an input that may have a plain password, which is
// what takes time to import.
func CountPasswords(ctx context.Context, input io.Reader) (int64, error) {
	r, err := newReader(input)
	if err != nil {
		return 0, err
	}
	var count int64
	for {
		b, err := r.next(ctx)
		if err != nil {
			return 0, err
		}
		for _, l := range b.lines {
			if hasPassword(l.text) {
				count++
			}
		}
		if len(b.lines) == 0 {
			return count, nil
		}
	}
}
