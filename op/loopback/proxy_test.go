package loopback_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/loopback"
)

// asked names the address that a process of this test asks for, and nothing else.
const asked = "LOOPBACK_TEST_ADDRESS"

// TestAsk is the process: net/http reads the environment of one once.
func TestAsk(t *testing.T) {
	t.Parallel()
	address := os.Getenv(asked)
	if address == "" {
		t.Skip("not the process")
	}
	client := &http.Client{Transport: &http.Transport{Proxy: loopback.Proxy}}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	if response, err := client.Do(request); err == nil {
		_ = response.Body.Close()
		t.Error("something else than the proxy answers, or the proxy did what it was not asked to")
	}
}

// A proxy passes on https, unread, and is sent nothing that is said over http.
func TestProxy(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://id.brand.example": "CONNECT id.brand.example:443",
		"http://id.brand.test":     "", "http://idp.localhost:1": "", "http://localhost:1": "", "http://127.0.0.1:1": "", "http://[::1]:1": "",
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			var seen []string
			proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen = append(seen, r.Method+" "+r.Host)
				w.WriteHeader(http.StatusBadGateway)
			}))
			process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAsk$")
			process.Env = append(os.Environ(), asked+"="+address, "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
			output, err := process.CombinedOutput()
			proxy.Close() // and with it whoever writes seen
			if got := strings.Join(seen, ", "); err != nil || got != want {
				t.Errorf("the proxy was sent %q, want %q: %v\n%s", got, want, err, output)
			}
		})
	}
}
