package builtin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
)

// maxLog is the size in bytes beyond which the server's log is moved aside.
const maxLog = 8 << 20

// openLog opens the server's log for a new server and returns where that begins.
// The file belongs to idp's user; the server writes through the open descriptor.
func (s *Server) openLog() (*os.File, int64, error) {
	if err := s.boundLog(); err != nil {
		return nil, 0, err
	}
	f, err := os.OpenFile(s.folder.log(), os.O_WRONLY|os.O_CREATE|os.O_APPEND|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("open PostgreSQL's log: %w", err), f.Close())
	}
	return f, info.Size(), nil
}

// boundLog moves the log's text aside when there is much of it. The server keeps
// the file open, so it is emptied, not renamed.
func (s *Server) boundLog() error {
	if !s.logIsLong() {
		return nil
	}
	err := copyFile(s.folder.oldLog(), s.folder.log())
	if err == nil {
		err = os.Truncate(s.folder.log(), 0)
	}
	if err != nil {
		return fmt.Errorf("move PostgreSQL's log aside: %w", err)
	}
	return nil
}

func (s *Server) logIsLong() bool {
	info, err := os.Lstat(s.folder.log())
	return err == nil && info.Size() > maxLog
}

func copyFile(to, from string) error {
	source, err := os.Open(from)
	if err != nil {
		return err //nolint:wrapcheck // boundLog says what it is for
	}
	defer source.Close() //nolint:errcheck // only read
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // as above
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Close())
}

// watchLog keeps the log bounded until ctx ends.
func (s *Server) watchLog(ctx context.Context) {
	for pause(ctx, logInterval) == nil {
		if !s.logIsLong() {
			continue
		}
		if err := s.locked(ctx, s.boundLog); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "PostgreSQL's log grows", "error", err)
		}
	}
}

// silent stands for the reason that a program did not give.
const silent = "no reason given"

// lastWords is why the server ended, from its log.
func (s *Server) lastWords() string {
	f, err := os.Open(s.folder.log())
	if err != nil {
		return silent
	}
	defer f.Close() //nolint:errcheck // only read
	var offset int64
	if s.child != nil {
		offset = s.child.logOffset
	}
	raw, err := io.ReadAll(io.NewSectionReader(f, offset, maxLog))
	if err != nil {
		return silent
	}
	return lastLine(string(raw))
}

// lastLine is the last line that tells of a failure, else the last there is.
func lastLine(text string) string {
	last, failure := silent, ""
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if line != "" {
			last = line
		}
		for _, mark := range []string{"FATAL:", "PANIC:", "initdb: error:"} {
			if _, rest, found := strings.Cut(line, mark); found {
				failure = strings.TrimSpace(rest)
			}
		}
	}
	if failure != "" {
		return failure
	}
	return last
}
