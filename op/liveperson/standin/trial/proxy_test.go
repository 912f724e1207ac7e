package trial_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/liveperson/inspect"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
)

// tried names the issuer that a process of this test tries, and nothing else.
const tried = "TRIAL_TEST_ISSUER"

// TestTry is the process: net/http reads the environment of one once.
func TestTry(t *testing.T) {
	t.Parallel()
	issuer := os.Getenv(tried)
	if issuer == "" {
		t.Skip("not the process")
	}
	opts := options(issuer)
	opts.Now = time.Now
	if _, err := trial.Run(t.Context(), opts); !errors.Is(err, trial.ErrUnreachable) {
		t.Errorf("%v", err)
	}
	if _, err := inspect.FetchKeys(t.Context(), issuer, ""); err == nil {
		t.Error("keys came from somewhere")
	}
}

// The password that is typed and the keys that are trusted go over no proxy that
// reads or writes them: to an http issuer there is none.
func TestNothingIsSentToAProxy(t *testing.T) {
	t.Parallel()
	for issuer, want := range map[string]string{
		"http://idp.localhost:1": "", "https://id.brand.example": "CONNECT id.brand.example:443",
	} {
		var seen []string
		proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Method+" "+r.Host)
			w.WriteHeader(http.StatusBadGateway)
		}))
		process := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestTry$")
		process.Env = append(os.Environ(), tried+"="+issuer, "HTTP_PROXY="+proxy.URL, "HTTPS_PROXY="+proxy.URL, "NO_PROXY=")
		output, err := process.CombinedOutput()
		proxy.Close() // and with it whoever writes seen
		if got := strings.Join(slices.Compact(seen), ", "); err != nil || got != want {
			t.Errorf("%s: the proxy was sent %q, want %q: %v\n%s", issuer, got, want, err, output)
		}
	}
}
