package builtin

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLongDataDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(dataDir(t), strings.Repeat("long", 20), strings.Repeat("longer", 20))
	s := start(t, Options{DataDir: dir, Disposable: true})
	socket := filepath.Join(s.folder.socket(), ".s.PGSQL."+port)
	if len(socket) >= 100 {
		t.Errorf("the socket's path has %d characters", len(socket))
	}
	info, err := os.Lstat(s.folder.socket())
	if err != nil {
		t.Fatal(err)
	}
	if want := fs.ModeDir | 0o700; info.Mode() != want {
		t.Errorf("mode of the socket's folder = %v, want %v", info.Mode(), want)
	}
	joined := start(t, Options{DataDir: dir, Disposable: true})
	if diff := cmp.Diff(s.URL(), joined.URL()); diff != "" {
		t.Errorf("the second process looks elsewhere:\n%s", diff)
	}
	stop(t, s)
	stop(t, joined)
	if _, err := os.Lstat(s.folder.socket()); !os.IsNotExist(err) {
		t.Errorf("the socket's folder outside the data directory stays: %v", err)
	}
}

func TestOddDataDirectory(t *testing.T) {
	t.Parallel()
	s := start(t, Options{DataDir: filepath.Join(dataDir(t), `comma, "quote" & 100% ü`), Disposable: true})
	execute(t, connect(t, s.URL()), "select 1")
}

func TestLinkToADataDirectoryIsThatDirectory(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	data, link := filepath.Join(dir, "data"), filepath.Join(dir, "link")
	first := start(t, Options{DataDir: data, Disposable: true})
	if err := os.Symlink(data, link); err != nil {
		t.Fatal(err)
	}
	second := start(t, Options{DataDir: link, Disposable: true})
	if first.URL() != second.URL() || second.child != nil {
		t.Errorf("two servers: %s and %s", first.URL(), second.URL())
	}
}

func TestFoldersThatOthersCouldChangeAreRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(dir string) error
		want    []string
	}{
		"data directory open to all": {
			func(dir string) error { return os.Chmod(dir, 0o777) },
			[]string{"anybody may write to the data directory", "chmod"},
		},
		"folder open to a group": {
			func(dir string) error {
				path := filepath.Join(dir, "postgres")
				return firstError(os.Mkdir(path, 0o700), os.Chmod(path, 0o770))
			},
			[]string{"others may use", "chmod 0750"},
		},
		"folder is a link": {
			func(dir string) error { return os.Symlink(os.TempDir(), filepath.Join(dir, "postgres")) },
			[]string{"is not a folder"},
		},
		"socket folder open to others": {
			func(dir string) error {
				path := filepath.Join(dir, "postgres")
				return firstError(os.Mkdir(path, 0o711), os.Chmod(path, 0o711), os.Mkdir(filepath.Join(path, "socket"), 0o755), own(filepath.Join(path, "socket")))
			},
			[]string{"others may use", "socket"},
		},
		"socket folder is a link": {
			func(dir string) error {
				path := filepath.Join(dir, "postgres")
				return firstError(os.Mkdir(path, 0o711), os.Chmod(path, 0o711), os.Symlink(os.TempDir(), filepath.Join(path, "socket")))
			},
			[]string{"socket is not a folder"},
		},
		"lock file is a link": {
			func(dir string) error {
				path := filepath.Join(dir, "postgres")
				return firstError(os.Mkdir(path, 0o711), os.Chmod(path, 0o711), os.Symlink("/nowhere", filepath.Join(path, "members.lock")))
			},
			[]string{"members.lock"},
		},
		"somebody else's": {
			func(dir string) error {
				path := filepath.Join(dir, "postgres")
				return firstError(os.Mkdir(path, 0o711), os.Chown(path, 65534, -1))
			},
			[]string{"belongs to the user nobody", "run idp as the user who made"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if os.Geteuid() != 0 && name == "somebody else's" {
				t.Skip("only root can give a folder away")
			}
			dir := dataDir(t)
			if err := test.prepare(dir); err != nil {
				t.Fatal(err)
			}
			_, err := Start(t.Context(), Options{DataDir: dir})
			wantError(t, err, test.want...)
		})
	}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// own gives a path to the server's user.
func own(path string) error {
	self, err := currentAccount()
	if err != nil {
		return err
	}
	owner, err := ownerAccount(self)
	if err != nil {
		return err
	}
	return os.Chown(path, int(owner.uid), int(owner.gid))
}

func TestParentThatPostgreSQLCannotEnterIsNamed(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only as root does PostgreSQL run as another user")
	}
	closed := filepath.Join(dataDir(t), "closed")
	if err := os.Mkdir(closed, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{DataDir: filepath.Join(closed, "a", "b")})
	wantError(t, err, "the system user postgres", "cannot enter "+closed+":", "chmod o+x "+closed+"`")
}

func TestNoDataDirectory(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{})
	wantError(t, err, "no data directory is named")
}
