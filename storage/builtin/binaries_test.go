package builtin

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestMissingBinaries(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{DataDir: dataDir(t), searchDirs: []string{"/nowhere"}})
	wantError(t, err, "no PostgreSQL server (version 15 or newer) is installed", "install it (", "database.url")
}

func TestJoiningNeedsNoBinaries(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	start(t, Options{DataDir: dir, Disposable: true})
	start(t, Options{DataDir: dir, searchDirs: []string{}})
}

func TestDataOfAnotherMajorVersion(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	s := start(t, Options{DataDir: dir, Disposable: true})
	stop(t, s)
	version := filepath.Join(s.folder.data(), "PG_VERSION")
	if err := os.WriteFile(version, []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Start(t.Context(), Options{DataDir: dir})
	wantError(t, err, "was made by PostgreSQL 9", "this system has only ", "pg_upgrade")

	if err := os.WriteFile(version, []byte("nine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), Options{DataDir: dir})
	wantError(t, err, "PG_VERSION holds no major version")
}

// fakes makes folders whose postgres only says its version.
func fakes(t *testing.T, majors ...int) []string {
	t.Helper()
	root := dataDir(t)
	dirs := make([]string, 0, len(majors))
	for _, major := range majors {
		dir := filepath.Join(root, strconv.Itoa(major))
		if err := os.Mkdir(dir, 0o711); err != nil {
			t.Fatal(err)
		}
		script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %d.4 (Debian)'\n", major)
		for _, name := range []string{"initdb", "postgres"} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		dirs = append(dirs, dir)
	}
	return dirs
}

func TestChoiceOfBinaries(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		installed []int
		made      string
		want      int
		err       string
	}{
		"the newest":                     {installed: []int{15, 18, 9}, want: 18},
		"the one that made the data":     {installed: []int{15, 18}, made: "15", want: 15},
		"all too old":                    {installed: []int{9, 12}, err: "no PostgreSQL server"},
		"the one that made it is gone":   {installed: []int{18}, made: "15", err: "has only 18"},
		"data, and nothing is installed": {made: "15", err: "has none"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, err := open(Options{DataDir: dataDir(t), searchDirs: append([]string{}, fakes(t, test.installed...)...)})
			if err != nil {
				t.Fatal(err)
			}
			if test.made != "" {
				if err := firstError(os.Mkdir(s.folder.data(), 0o700),
					os.WriteFile(filepath.Join(s.folder.data(), "PG_VERSION"), []byte(test.made+"\n"), 0o600)); err != nil {
					t.Fatal(err)
				}
			}
			got, err := s.chooseBinaries(t.Context())
			if test.err != "" {
				wantError(t, err, test.err)
				return
			}
			if err != nil || got.major != test.want {
				t.Errorf("chose %d, %v, want %d", got.major, err, test.want)
			}
		})
	}
}

func TestInstallCommand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ release, major, want string }{
		"Debian":      {"NAME=\"Debian\"\nID=debian\n", "", "apt-get install postgresql"},
		"Debian, old": {"ID=debian\n", "15", "apt-get install postgresql-15"},
		"Mint":        {"ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", "", "apt-get install postgresql"},
		"Rocky":       {"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", "", "dnf install postgresql-server"},
		"Rocky, old":  {"ID_LIKE=\"rhel centos fedora\"\n", "15", "dnf install postgresql15-server"},
		"Ubuntu":      {"ID=ubuntu\nID_LIKE=debian\n", "16", "apt-get install postgresql-16"},
		"Alpine":      {"ID=alpine\n", "16", "apk add postgresql16"},
		"Arch":        {"ID=arch\n", "", "pacman -S postgresql"},
		"openSUSE":    {"ID=\"opensuse-leap\"\nID_LIKE=\"suse opensuse\"\n", "16", "zypper install postgresql16-server"},
		"unknown":     {"", "", "install the PostgreSQL server"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := installCommandOn(test.release, test.major); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
