package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/storage/storagetest"
)

// readme is the README with its fenced blocks.
func readme(t *testing.T) (text string, blocks map[string][]string) {
	t.Helper()
	raw, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks = map[string][]string{}
	for _, m := range regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```").FindAllStringSubmatch(string(raw), -1) {
		blocks[m[1]] = append(blocks[m[1]], m[2])
	}
	return string(raw), blocks
}

// The shell commands of the README, from the first to the last, end with the
// payload of a token.
func TestReadmeLeadsToAToken(t *testing.T) {
	t.Parallel()
	_, blocks := readme(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	repository, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}

	script := strings.ReplaceAll(strings.Join(blocks["sh"], "\n"), "localhost:8080", fmt.Sprintf("localhost:%d", port))
	script = `set -euo pipefail
make() { go build -C "$REPOSITORY" -o "$PWD/bin/idp" ./cmd/idp; }
wait_for_it() { until curl -sf -o /dev/null "http://localhost:$PORT/health/ready"; do kill -0 $!; done; }
end() { kill $! && wait $!; }
trap end EXIT
` + strings.Replace(script, "bin/idp serve &", "bin/idp serve &\nwait_for_it", 1) + "\n# until apply has been seen\n"
	// idp serve acts on the file within a second; the first request may be earlier.
	script = strings.Replace(script, "cookies=$(mktemp)", `until curl -sf -o /dev/null "http://localhost:$PORT/token-source.js?client_id=messaging"; do :; done
cookies=$(mktemp)`, 1)
	// So it is with keys.
	script = strings.Replace(script, "curl -s -X PUT", `until curl -sf -o /dev/null -H "Authorization: Bearer $key" "http://localhost:$PORT/api/v1/consumers?limit=1"; do :; done
curl -s -X PUT`, 1)
	script = strings.Replace(script, "curl -s http://localhost:"+fmt.Sprint(port)+"/api/v1/engagements/token", `asks() { curl -s -o /dev/null -w '%{http_code}' "http://localhost:$PORT/api/v1/engagements/token" -H "Authorization: Bearer $chat" -H "Content-Type: application/json" -d '{}'; }
until [ "$(asks)" != 401 ]; do :; done
curl -s "http://localhost:$PORT/api/v1/engagements/token"`, 1)

	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Dir = t.TempDir()
	cmd.Env = append(os.Environ(), "REPOSITORY="+repository, fmt.Sprintf("PORT=%d", port),
		fmt.Sprintf("IDP_LISTEN=127.0.0.1:%d", port), "IDP_DATA_DIR="+storagetest.DataDir(t))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s\n%s", err, out, stderr.String())
	}
	payload := string(out)[strings.LastIndex(string(out), `{"iss"`):]
	var claims struct {
		Issuer    string            `json:"iss"`
		GivenName string            `json:"given_name"`
		SDEs      []json.RawMessage `json:"lp_sdes"`
	}
	if err := json.NewDecoder(strings.NewReader(payload)).Decode(&claims); err != nil {
		t.Fatalf("%v in %q", err, payload)
	}
	if claims.GivenName != "Amelia" || len(claims.SDEs) != 2 {
		t.Errorf("payload: %s", payload)
	}
	if !strings.Contains(payload, `"external_id":"crm-17"`) {
		t.Errorf("no consumer was made: %s", payload)
	}
	var answer bytes.Buffer
	for _, block := range blocks["json"] {
		if strings.HasPrefix(block, `{"results"`) && json.Compact(&answer, []byte(block)) != nil {
			t.Errorf("no JSON: %s", block)
		}
	}
	if answer.Len() == 0 || !strings.Contains(payload, answer.String()) {
		t.Errorf("a batch is not answered with %s: %s", answer.String(), payload)
	}
	if !strings.Contains(payload, `{"id_token":"eyJ`) {
		t.Errorf("no token for somebody signed in at the brand: %s", payload)
	}
}

// The page method of the README is that of the examples, which are run.
func TestReadmeShowsThePageOfTheExamples(t *testing.T) {
	t.Parallel()
	_, blocks := readme(t)
	page, err := os.ReadFile("../../deploy/examples/page.html")
	if err != nil || len(blocks["js"]) != 1 || !strings.Contains(string(page), blocks["js"][0]) {
		t.Errorf("%v: %q is not in %s", err, blocks["js"], page)
	}
}

// Every command of idp that the README names exists, with its flags.
func TestReadmeNamesCommandsThatExist(t *testing.T) {
	t.Parallel()
	text, _ := readme(t)
	named := regexp.MustCompile("`(?:bin/)?idp ([^`]+)`").FindAllStringSubmatch(text, -1)
	if len(named) < 10 {
		t.Fatalf("only %d commands found", len(named))
	}
	for _, m := range named {
		args := strings.Fields(m[1])
		root := newRoot(config.Inputs{})
		cmd, rest, err := root.Find(args)
		if err != nil || cmd == root {
			t.Errorf("idp %s: %v", m[1], err)
			continue
		}
		for _, arg := range rest {
			if name, isFlag := strings.CutPrefix(arg, "--"); isFlag && cmd.Flags().Lookup(name) == nil && cmd.InheritedFlags().Lookup(name) == nil {
				t.Errorf("idp %s: no flag --%s", m[1], name)
			}
		}
	}
}

// Every make target that the README names exists.
func TestReadmeNamesTargetsThatExist(t *testing.T) {
	t.Parallel()
	text, _ := readme(t)
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("(?m)(?:^|`)make ([a-z-]+)").FindAllStringSubmatch(text, -1)
	if len(named) < 5 {
		t.Fatalf("only %d targets found", len(named))
	}
	for _, m := range named {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("make %s: no such target", m[1])
		}
	}
}

// The configuration file of the README is accepted.
func TestReadmeConfiguration(t *testing.T) {
	t.Parallel()
	_, blocks := readme(t)
	dir := t.TempDir()
	secret, logo := filepath.Join(dir, "database-url"), filepath.Join(dir, "logo.svg")
	text := strings.NewReplacer("/run/secrets/database-url", secret, "/etc/idp/logo.svg", logo).Replace(blocks["yaml"][0])
	for name, content := range map[string]string{
		"idp.yaml": text, "database-url": "postgres://localhost/idp\n", "logo.svg": `<svg xmlns="http://www.w3.org/2000/svg"/>`,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := config.Load(config.Inputs{Files: []string{filepath.Join(dir, "idp.yaml")}}); err != nil {
		t.Error(err)
	}
}

// Every file that the README shows or links to is there.
func TestReadmeLinksToFilesThatExist(t *testing.T) {
	t.Parallel()
	text, _ := readme(t)
	links := regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1)
	if len(links) < 5 {
		t.Fatalf("only %d links found", len(links))
	}
	for _, m := range links {
		if _, err := os.Stat(filepath.Join("../..", m[1])); err != nil {
			t.Error(err)
		}
	}
}
