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

// minMajor is the oldest version of PostgreSQL that idp works with.
const minMajor = 13

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
		if real, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(real))
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
		real, err := filepath.EvalSymlinks(dir)
		if err != nil || seen[real] {
			continue
		}
		seen[real] = true
		b := binaries{dir: real}
		if _, err := os.Stat(b.initdb()); err != nil {
			continue
		}
		if b.major, err = s.majorOf(ctx, b); err != nil {
			s.log.DebugContext(ctx, "passing over PostgreSQL's binaries", "dir", real, "error", err)
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
				"install it with `%s`, or name a running server with database.url", minMajor, installCommand("", s.self))
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
		"install that version again (`%s`), or move the data to another with pg_upgrade",
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
	dashed := major
	if major != "" {
		dashed = "-" + major
	}
	is := func(names ...string) bool {
		return slices.ContainsFunc(ids, func(id string) bool { return slices.Contains(names, id) })
	}
	switch {
	case is("alpine"):
		return "apk add postgresql" + major
	case is("fedora", "rhel", "centos"):
		if major != "" {
			return "dnf install postgresql" + major + "-server"
		}
		return "dnf install postgresql-server"
	case is("arch"):
		return "pacman -S postgresql"
	case is("suse", "opensuse"):
		return "zypper install postgresql" + major + "-server"
	default:
		return "apt-get install postgresql" + dashed
	}
}
