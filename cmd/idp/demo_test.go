package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demoReady is what the demonstration prints: three addresses, two consumers with
// their passwords, and its folder.
var demoReady = regexp.MustCompile(`(?s)(http://localhost:\d+) .*(http://localhost:\d+) .*(http://localhost:\d+) .*` +
	`Open (http://localhost:\d+),.* amelia +(\S{14})\n +rory +(\S{14})\n.* lies in (\S+)\. Ctrl-C`)

// The binary, as people run it: started, looked at, and ended by Ctrl-C.
func TestDemo(t *testing.T) {
	t.Parallel()

	if testing.Short() {
		t.Skip("builds and runs the binary")
	}

	program := filepath.Join(t.TempDir(), "idp")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}

	for _, end := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP} {
		t.Run(end.String(), func(t *testing.T) {
			t.Parallel()
			runDemo(t, program, end)
		})
	}
}

func runDemo(t *testing.T, program string, end syscall.Signal) {
	t.Helper()

	var stderr bytes.Buffer

	cmd := exec.Command(program, "demo", "--port", "0", "--token-lifetime", "1m") // ended by a signal below
	cmd.Dir, cmd.Stderr = t.TempDir(), &stderr
	// What the machine has configured for idp is not the demonstration's.
	cmd.Env = append(os.Environ(), "IDP_ISSUER=https://id.brand.example", "IDP_DATABASE_URL=postgres://nowhere.invalid/idp")

	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}

	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}

	ended := false

	t.Cleanup(func() {
		if !ended {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}
	})

	begun := time.Now()
	text := readUntil(t, stdout, "Ctrl-C", &stderr)
	t.Logf("ready after %v", time.Since(begun).Round(time.Millisecond))

	found := demoReady.FindStringSubmatch(text)
	if found == nil {
		t.Fatalf("it prints:\n%s", text)
	}

	brand, provider, cloud, dir := found[1], found[2], found[3], found[7]
	if found[4] != brand || found[5] == found[6] {
		t.Errorf("it prints:\n%s", text)
	}

	if !strings.Contains(text, "Tokens live for 1m0s;") || !strings.Contains(text, brand+"/?pop-up ") {
		t.Errorf("it prints:\n%s", text)
	}

	checkDemo(t, brand, provider, cloud)

	if !serverRuns(t, dir) {
		t.Errorf("no PostgreSQL runs in %s", dir)
	}

	// Twice, as timeout(1) does: the second must not end it amid its clearing up.
	for range 2 {
		if err := cmd.Process.Signal(end); err != nil {
			t.Fatal(err)
		}
	}

	rest, _ := io.ReadAll(stdout)
	err = cmd.Wait()
	ended = true

	if err != nil || stderr.Len() > 0 {
		t.Errorf("it ends with %v and says\n%s", err, &stderr)
	}

	if !strings.Contains(string(rest), "nothing is left behind") {
		t.Errorf("at the end it says %q", rest)
	}

	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("its folder %s is left behind: %v", dir, err)
	}

	if serverRuns(t, dir) {
		t.Errorf("its PostgreSQL in %s is left behind", dir)
	}
}

// checkDemo looks at the three parties, and that each answers on loopback, to its
// own name alone.
func checkDemo(t *testing.T, brand, provider, cloud string) {
	t.Helper()

	for address, want := range map[string]string{
		brand:                                  "Mobile plans that grow on you",
		provider + "/health/ready":             `"ok"`,
		cloud:                                  "The agent's desk",
		provider + "/jwks/messaging.json":      `"kty"`,
		provider + "/jwks/messaging-code.json": `"kty"`,
		cloud + "/tag.js":                      "lpGetAuthenticationToken",
	} {
		response, err := http.Get(address)
		if err != nil {
			t.Fatal(err)
		}

		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()

		if response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: status %d, no %q in\n%s", address, response.StatusCode, want, body)
		}
	}

	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}

	for _, address := range []string{brand, provider, cloud} {
		_, port, _ := strings.Cut(strings.TrimPrefix(address, "http://"), ":")

		for _, local := range addresses {
			network, ok := local.(*net.IPNet)
			if !ok || network.IP.IsLoopback() || network.IP.To4() == nil {
				continue
			}

			if conn, err := net.Dial("tcp", net.JoinHostPort(network.IP.String(), port)); err == nil {
				_ = conn.Close()

				t.Errorf("%s answers on %s, too", address, network.IP)
			}
		}
	}
}

// readUntil reads what a program prints up to a line that has the text.
func readUntil(t *testing.T, from io.Reader, text string, stderr fmt.Stringer) string {
	t.Helper()

	var all strings.Builder

	for reader := bufio.NewReader(from); ; {
		line, err := reader.ReadString('\n')
		all.WriteString(line)

		if strings.Contains(line, text) {
			return all.String()
		}

		if err != nil {
			t.Fatalf("it ends too early: %v\n%s%s", err, &all, stderr)
		}
	}
}

// serverRuns tells whether some process has the folder in its command line.
func serverRuns(t *testing.T, dir string) bool {
	t.Helper()

	out, err := exec.CommandContext(t.Context(), "ps", "-eo", "args").Output()
	if err != nil {
		t.Fatal(err)
	}

	return strings.Contains(string(out), dir)
}

func TestDemoRefuses(t *testing.T) {
	t.Parallel()

	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = taken.Close() })

	port := taken.Addr().(*net.TCPAddr).Port
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--port", fmt.Sprint(port)}, fmt.Sprintf("Error: port %d on this machine cannot be used", port)},
		{[]string{"--port", fmt.Sprint(port - 2)}, "choose three free ports in a row with --port, or --port 0 for any"},
		{[]string{"--port", "65534"}, "Error: port 65534 has no two others behind it"},
		{[]string{"--port", "-1"}, "Error: port -1 has no two others behind it"},
		{[]string{"--database-url", "postgres://db.brand.example/idp"}, "idp demo keeps everything to itself: --database-url cannot be given"},
		{[]string{"--issuer", "https://id.brand.example"}, "--issuer cannot be given"},
		{[]string{"--token-lifetime", "4s"}, "--token-lifetime must be in whole seconds from 5s to 24h, not 4s"},
		{[]string{"--token-lifetime", "25h"}, "from 5s to 24h, not 25h0m0s"},
		{[]string{"--token-lifetime", "5500ms"}, "in whole seconds"},
		{[]string{"now"}, `takes flags alone, not "now"`},
	} {
		got := execute(t, nil, append([]string{"demo"}, test.args...)...)
		if got.code != exitRefused || !strings.Contains(got.stderr, test.want) || got.stdout != "" {
			t.Errorf("%v: code %d\n%s%s", test.args, got.code, got.stdout, got.stderr)
		}
	}
}
