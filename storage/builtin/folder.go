package builtin

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxSocketDir keeps the socket's whole path under 100 characters; systems cut
// it at 104 (Darwin) or 108 (Linux).
const maxSocketDir = 99 - len("/.s.PGSQL."+port)

// attempts is how the folders begin in which data are made. The operator, who may
// keep data of another version beside these, would not choose it.
const attempts = "initdb-"

const folderName = "postgres"

// folder is the folder of that name in a data directory. It and the files in it
// belong to idp's user; data and socket belong to the server's.
type folder struct {
	path      string
	socketDir string
}

func (f folder) data() string    { return filepath.Join(f.path, "data") }
func (f folder) hba() string     { return filepath.Join(f.path, "pg_hba.conf") }
func (f folder) ident() string   { return filepath.Join(f.path, "pg_ident.conf") }
func (f folder) log() string     { return filepath.Join(f.path, "server.log") }
func (f folder) oldLog() string  { return filepath.Join(f.path, "server.log.1") }
func (f folder) members() string { return filepath.Join(f.path, "members.lock") }
func (f folder) start() string   { return filepath.Join(f.path, "start.lock") }
func (f folder) socket() string  { return f.socketDir }

// openFolder makes the data directory and the folder in it, or checks that
// nobody but self can change what lies there.
func openFolder(dataDir string, self account) (folder, error) {
	// As root the server's user passes through both, but lists neither.
	mode := fs.FileMode(0o700)
	if self.uid == 0 {
		mode = 0o711
	}
	dir, err := openDataDir(dataDir, mode)
	if err != nil {
		return folder{}, err
	}
	f := folder{path: filepath.Join(dir, folderName)}
	f.socketDir = socketDir(f.path, self)
	if err := makeDir(f.path, mode); err != nil {
		return folder{}, fmt.Errorf("make folder: %w", err)
	}
	if err := checkDir(f.path, self, 0o022); err != nil {
		return folder{}, err
	}
	return f, nil
}

// openDataDir makes the data directory or checks it, and returns its one name,
// whatever links lead to it: the socket's place and the server's command line are
// derived from that.
func openDataDir(dataDir string, mode fs.FileMode) (string, error) {
	if dataDir == "" {
		return "", errors.New("no data directory is named")
	}
	dir, err := filepath.Abs(dataDir)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(dir), 0o755) //nolint:gosec // parents such as /var/lib are everybody's to pass
	}
	if err == nil {
		err = makeDir(dir, mode)
	}
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	if err != nil {
		return "", fmt.Errorf("make data directory: %w", err)
	}
	info, err := os.Stat(dir)
	if err != nil {
		return "", fmt.Errorf("check data directory: %w", err)
	}
	if info.Mode().Perm()&0o002 != 0 && info.Mode()&fs.ModeSticky == 0 {
		return "", fmt.Errorf("anybody may write to the data directory %s: chmod o-w it", dir)
	}
	return dir, nil
}

// socketDir is the folder in the data directory, or a short one where a socket's
// path has no room for that or PostgreSQL's settings cannot express it. Every
// process must come to the same answer, so the environment has no say in it.
func socketDir(path string, self account) string {
	inside := filepath.Join(path, "socket")
	if len(inside) <= maxSocketDir && !strings.ContainsAny(inside, ",\"'\\") {
		return inside
	}
	sum := sha256.Sum256([]byte(path))
	name := fmt.Sprintf("idp-%d-%s", self.uid, hex.EncodeToString(sum[:8]))
	// /run belongs to root alone, and services with a private /tmp share it.
	if info, err := os.Stat("/run"); err == nil && info.IsDir() && self.uid == 0 {
		return filepath.Join("/run", name)
	}
	return filepath.Join("/tmp", name)
}

// makeSocketDir makes the socket's folder for the server's user, or checks that
// it is that user's alone: who owns it could pass for the server.
func (s *Server) makeSocketDir() error {
	if err := s.makeOwnDir(s.folder.socket()); err != nil {
		return err
	}
	return checkDir(s.folder.socket(), s.owner, 0o077)
}

// makeOwnDir makes a folder for the server's user alone, and leaves one that
// exists as it is, unless a start was killed before it gave it to that user.
func (s *Server) makeOwnDir(path string) error {
	err := os.Mkdir(path, 0o700)
	existed := errors.Is(err, fs.ErrExist)
	switch {
	case err != nil && !existed:
		return fmt.Errorf("make folder: %w", err)
	case existed && !s.owns(path):
		return nil
	}
	return s.giveToOwner(path)
}

// owns reports whether a folder is this process's user's alone.
func (s *Server) owns(path string) bool { return checkDir(path, s.self, 0o077) == nil }

// giveToOwner makes the server's user the owner of a folder.
func (s *Server) giveToOwner(path string) error {
	if s.owner.uid == s.self.uid {
		return nil
	}
	if err := os.Lchown(path, int(s.owner.uid), int(s.owner.gid)); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	return nil
}

// makeDir makes a folder with exactly mode, and leaves one that exists as it is.
func makeDir(path string, mode fs.FileMode) error {
	err := os.Mkdir(path, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil && mode != 0o700 {
		err = os.Chmod(path, mode) // past the umask
	}
	return err //nolint:wrapcheck // the callers say what it is for
}

// checkDir checks that path is a folder, not a link to one, that owner owns it and
// that it grants nothing of forbidden.
func checkDir(path string, owner account, forbidden fs.FileMode) error {
	info, err := os.Lstat(path)
	if err != nil {
		return fmt.Errorf("check folder: %w", err)
	}
	if !info.IsDir() {
		return fmt.Errorf("%s is not a folder: move it away", path)
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fmt.Errorf("%s: the owner of a folder is unknown on this system", path)
	}
	if stat.Uid != owner.uid {
		return fmt.Errorf("%s belongs to the user %s, not to %s: run idp as the user who made this data directory, or choose another",
			path, nameOf(stat.Uid), owner.name)
	}
	if info.Mode().Perm()&forbidden != 0 {
		return fmt.Errorf("others may use %s (mode %04o): chmod %04o it", path, info.Mode().Perm(), info.Mode().Perm()&^forbidden)
	}
	return nil
}
