package builtin

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// minMajor is the oldest version of PostgreSQL that idp is tested with.
const minMajor = 15

// binaries is a folder with initdb and postgres of one major version.
type binaries struct {
	dir   string
	major int
}

func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }
func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }

// binaryDirs are the folders in which distributions keep the server's binaries;
// most leave them out of PATH.
func binaryDirs() []string {
	var dirs []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if target, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",                // Debian, Ubuntu
		"/usr/pgsql-*/bin",                         // PostgreSQL's own packages for Red Hat's family
		"/usr/bin",                                 // Fedora, Red Hat, Arch
		"/usr/libexec/postgresql*",                 // Alpine
		"/usr/lib/postgresql*/bin",                 // SUSE
		"/usr/lib64/postgresql-*/bin",              // Gentoo
		"/opt/homebrew/opt/postgresql*/bin",        // Homebrew on Apple silicon
		"/usr/local/opt/postgresql*/bin",           // Homebrew on Intel
		"/home/linuxbrew/.linuxbrew/opt/*sql*/bin", // Homebrew on Linux
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue // only a malformed pattern, and these are not
		}
		dirs = append(dirs, found...)
	}
	return dirs
}

// findBinaries returns what is installed, the newest first.
func (s *Server) findBinaries(ctx context.Context) []binaries {
	dirs := s.options.searchDirs
	if dirs == nil {
		dirs = binaryDirs()
	}
	var found []binaries
	seen := map[string]bool{}
	for _, dir := range dirs {
		target, err := filepath.EvalSymlinks(dir)
		if err != nil || seen[target] {
			continue
		}
		seen[target] = true
		b := binaries{dir: target}
		if _, err := os.Stat(b.initdb()); err != nil {
			continue
		}
		if b.major, err = s.majorOf(ctx, b); err != nil {
			s.log.DebugContext(ctx, "passing over PostgreSQL's binaries", "dir", target, "error", err)
			continue
		}
		found = append(found, b)
	}
	slices.SortStableFunc(found, func(a, b binaries) int { return b.major - a.major })
	return found
}

var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)

func (s *Server) majorOf(ctx context.Context, b binaries) (int, error) {
	out, err := s.command(ctx, "/", b.postgres(), "--version").Output()
	if err != nil {
		return 0, fmt.Errorf("ask for the version: %w", err)
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return 0, errors.New("ask for the version: the answer is none")
	}
	major, err := strconv.Atoi(string(match[1]))
	if err != nil {
		return 0, fmt.Errorf("ask for the version: %w", err)
	}
	return major, nil
}

// chooseBinaries takes those of the version that made the data, else the newest.
func (s *Server) chooseBinaries(ctx context.Context) (binaries, error) {
	found := s.findBinaries(ctx)
	made, err := s.dataMajor()
	if err != nil {
		return binaries{}, err
	}
	if made == 0 {
		if len(found) == 0 || found[0].major < minMajor {
			return binaries{}, fmt.Errorf("no PostgreSQL server (version %d or newer) is installed here: "+
				"install it (%s), or name a running server with database.url", minMajor, installCommand("", s.self))
		}
		return found[0], nil
	}
	for _, b := range found {
		if b.major == made {
			return b, nil
		}
	}
	has := "none"
	if len(found) > 0 {
		has = "only " + strconv.Itoa(found[0].major)
	}
	return binaries{}, fmt.Errorf("the data in %s was made by PostgreSQL %d, and this system has %s: "+
		"install that version again (%s), or move the data to another with pg_upgrade",
		s.folder.data(), made, has, installCommand(strconv.Itoa(made), s.self))
}

// dataMajor is the version that made the data directory, 0 when there is none.
func (s *Server) dataMajor() (int, error) {
	if _, err := os.Lstat(s.folder.data()); errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	raw, err := os.ReadFile(filepath.Join(s.folder.data(), "PG_VERSION"))
	if err != nil {
		return 0, fmt.Errorf("which PostgreSQL made the data: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return 0, fmt.Errorf("which PostgreSQL made the data in %s: PG_VERSION holds no major version", s.folder.data())
	}
	return major, nil
}

// installCommand is what installs the server on this system; major is empty for
// the version that the system prefers.
func installCommand(major string, self account) string {
	if runtime.GOOS == "darwin" {
		if major != "" {
			major = "@" + major
		}
		return "brew install postgresql" + major
	}
	release, err := os.ReadFile("/etc/os-release")
	if err != nil {
		release = nil
	}
	command := installCommandOn(string(release), major)
	if self.uid != 0 {
		command = "sudo " + command
	}
	return command
}

// installCommandOn reads the text of an /etc/os-release (os-release(5)).
func installCommandOn(release, major string) string {
	var ids []string
	for lines := bufio.NewScanner(strings.NewReader(release)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), "=")
		if key == "ID" || key == "ID_LIKE" {
			ids = append(ids, strings.Fields(strings.Trim(value, `"'`))...)
		}
	}
	for _, system := range []struct{ id, preferred, version string }{
		{"debian", "apt-get install postgresql", "apt-get install postgresql-%s"},
		{"alpine", "apk add postgresql", "apk add postgresql%s"},
		{"fedora", "dnf install postgresql-server", "dnf install postgresql%s-server"},
		{"rhel", "dnf install postgresql-server", "dnf install postgresql%s-server"},
		{"suse", "zypper install postgresql-server", "zypper install postgresql%s-server"},
		{"arch", "pacman -S postgresql", "pacman -S postgresql # %s is in the archive"},
	} {
		if !slices.Contains(ids, system.id) {
			continue
		}
		if major == "" {
			return system.preferred
		}
		return fmt.Sprintf(system.version, major)
	}
	return strings.TrimSpace("install the PostgreSQL server " + major)
}
