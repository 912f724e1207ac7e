package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The internal listener tells how old each active key is; the public one does not.
func TestMetrics(t *testing.T) {
	t.Parallel()
	address := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	s := serve(t, "--internal-listen", address)
	s.Apply(clients)

	text := metricsAt(t, address)
	found := regexp.MustCompile(`(?m)^idp_active_signing_key_age_seconds\{alg="RS256",client_id="(.*)",kid="(.*)"\} ([0-9.e+-]+)$`).FindAllStringSubmatch(text, -1)
	var told []string
	for _, match := range found {
		told = append(told, match[1]+" "+match[2])
		if strings.HasPrefix(match[3], "-") {
			t.Errorf("%s: the age is %s", match[2], match[3])
		}
	}
	out, err := s.Run("", "key", "list", "--json")
	if err != nil {
		t.Fatal(err)
	}
	var listed []struct {
		Kid      string `json:"kid"`
		ClientID string `json:"client_id"`
	}
	if err := json.Unmarshal([]byte(out), &listed); err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, key := range listed {
		want = append(want, key.ClientID+" "+key.Kid)
	}
	slices.Sort(told)
	slices.Sort(want)
	if diff := cmp.Diff(want, told); diff != "" || len(want) != 2 {
		t.Errorf("keys (-listed +told):\n%s", diff)
	}
	for _, name := range []string{
		"idp_view_age_seconds", "idp_swept_rows_total", `idp_database_connections{state="in_use"}`,
		"go_goroutines", "process_resident_memory_bytes",
	} {
		if !strings.Contains(text, "\n"+name+" ") {
			t.Errorf("no %s in\n%s", name, text)
		}
	}

	response, err := http.Get(s.Issuer + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("the public listener answers %s", response.Status)
	}
	refuses(t, "internal-listen: "+address+" is taken by another program: name another address with --internal-listen",
		"serve", "--listen", fmt.Sprintf("127.0.0.1:%d", freePort(t)), "--internal-listen", address, "--data-dir", t.TempDir())
	s.Stop()
	if _, err := http.Get("http://" + address + "/metrics"); err == nil {
		t.Error("metrics are served after the end")
	}
}

func metricsAt(tb testing.TB, address string) string {
	tb.Helper()
	response, err := http.Get("http://" + address + "/metrics")
	if err != nil {
		tb.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read only
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		tb.Fatalf("%s, %v", response.Status, err)
	}
	return string(body)
}
