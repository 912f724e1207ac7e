package main

import (
	"context"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Preparing twice gives the same, since the suite and the provider must agree; a
// certificate is replaced when it does not fit any more.
func TestPrepareKeepsWhatFits(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	opts, err := parse([]string{"-folder", t.TempDir()}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	contents := func(at time.Time) map[string]string {
		t.Helper()
		f, err := prepare(opts, rand.Reader, at)
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]string{}
		for _, name := range []string{secretsFile, certificateFile, keyFile, brandFile, configFile} {
			content, err := os.ReadFile(f.path(name))
			if err != nil {
				t.Fatal(err)
			}
			all[name] = string(content)
			if info, err := os.Stat(f.path(name)); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", name, info.Mode(), err)
			}
		}
		return all
	}
	first := contents(now)
	for name, content := range contents(now.Add(300 * 24 * time.Hour)) {
		if content != first[name] {
			t.Errorf("%s was made anew", name)
		}
	}
	later := contents(now.Add(340 * 24 * time.Hour))
	if later[certificateFile] == first[certificateFile] || later[secretsFile] != first[secretsFile] {
		t.Error("a certificate that ends soon was kept, or secrets were not")
	}
	opts.issuer = "https://host.docker.internal:9443"
	if moved := contents(now); moved[certificateFile] == later[certificateFile] || !strings.Contains(moved[configFile], opts.issuer) {
		t.Error("what is for another host was kept")
	}
}

func TestSecretsFile(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, secretsFile)
	for content, want := range map[string]string{`{"client": "kept"}`: "", "{": "read " + path + ": "} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := prepare(options{folder: folder, suite: "https://s.example", issuer: "https://i.example"}, rand.Reader, time.Now())
		switch {
		case want != "":
			if err == nil || !strings.HasPrefix(err.Error(), want) {
				t.Errorf("%s: %v", content, err)
			}
		case err != nil:
			t.Error(err)
		case f.secrets.Client != "kept" || len(f.secrets.ClientSecretPost) < 32:
			t.Error("a secret was made anew, or one is missing")
		}
	}
}

func TestRefusedFlags(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"-issuer: must be an https address": {"-issuer", "http://localhost:9443"},
		"-suite: must be an https address":  {"-suite", "https://suite.example/"},
		"-alias: must be of letters":        {"-alias", "a/b"},
		`unexpected argument "x"`:           {"x"},
		"not defined: -port":                {"-port", "1"},
	} {
		folder := filepath.Join(t.TempDir(), "none")
		err := run(t.Context(), append([]string{"-folder", folder}, args...), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", args, err, want)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("%v: a folder was made", args)
		}
	}
}

func TestTargetThatCannotBe(t *testing.T) {
	t.Parallel()
	args := []string{"-folder", t.TempDir(), "-target", "-idp", filepath.Join(t.TempDir(), "idp")}
	if err := run(t.Context(), args, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "idp apply: ") {
		t.Errorf("without the binary: %v", err)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := run(ended, args, io.Discard, io.Discard); err != nil {
		t.Errorf("ended before it began: %v", err)
	}
}

func TestListenAddress(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]string{
		"https://localhost:9443": "127.0.0.1:9443", "https://host.docker.internal:9443": ":9443", "https://id.brand.example": ":443",
	} {
		if got, err := listenAddress(issuer); err != nil || got != want {
			t.Errorf("%s: %s, %v", issuer, got, err)
		}
	}
}
