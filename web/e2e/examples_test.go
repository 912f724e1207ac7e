package e2e_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/liveperson/standin"
)

const exampleClients = `
clients:
  - client_id: messaging
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    conversational_cloud: {variant: rfc, account_id: "12345678"}
consumers:
  - external_id: "1042"
    claims: {given_name: Clara}
    customer_info: {ctype: vip}
`

var apiKey = regexp.MustCompile(`idp_k_\S+`)

// TestExamples runs the programs of deploy/examples: whoever has signed in there gets a
// token that Conversational Cloud's stand-in takes, and nobody else does.
func TestExamples(t *testing.T) {
	t.Parallel()
	s := serve(t, cheapHashing...)
	s.Apply(exampleClients)
	out, err := s.Run("", "api-key", "create", "page", "--scope", "idp:engagements:write", "--client", "messaging")
	key := apiKey.FindString(out)
	if err != nil || key == "" {
		t.Fatalf("%v\n%s", err, out)
	}
	cloud := exampleCloud(t, s.Issuer)
	for name, program := range map[string][]string{
		"node": {"node", "server.mjs"}, "java": {"java", "Main.java"}, "php": {"php", "-S", "ADDRESS", "index.php"}, "go": {"PROGRAM"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin := startExample(t, name, program, s.Issuer, key)
			jar, err := cookiejar.New(nil)
			if err != nil {
				t.Fatal(err)
			}
			person := &http.Client{Jar: jar}
			post := func(path, from string) (int, http.Header, string) {
				return postTo(t, person, origin+path, from, url.Values{"customer": {"1042"}})
			}
			if status, _, _ := post("/chat-token", origin); status != http.StatusUnauthorized {
				t.Errorf("nobody is signed in: status %d", status)
			}
			if status, _, body := post("/login", origin); status != http.StatusOK || !strings.Contains(body, "lpGetAuthenticationToken") {
				t.Fatalf("sign-in: status %d\n%s", status, body)
			}
			for _, from := range []string{"null", "https://evil.example", origin + ".evil.example"} {
				if status, _, _ := post("/chat-token", from); status != http.StatusForbidden {
					t.Errorf("a page of %q: status %d", from, status)
				}
			}
			status, header, body := post("/chat-token", origin)
			var answer struct {
				IDToken string `json:"id_token"`
			}
			if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK || !strings.Contains(header.Get("Cache-Control"), "no-store") {
				t.Fatalf("status %d, Cache-Control %q: %v\n%s", status, header.Get("Cache-Control"), err, body)
			}
			request := strings.NewReader(`{"id_token":"` + answer.IDToken + `"}`)
			response, err := http.Post(cloud+"/api/account/12345678/app/messaging/authenticate?v=3.0", "application/json", request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close() //nolint:errcheck // read whole
			taken, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(taken), `"token"`) {
				t.Errorf("the cloud: status %d %v\n%s", response.StatusCode, err, taken)
			}
		})
	}
}

// exampleCloud starts a stand-in with the connector, and gives its address.
func exampleCloud(t *testing.T, issuer string) string {
	t.Helper()
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	cloud, err := standin.New(standin.Options{
		Address: server.URL, AccountID: "12345678", Client: http.DefaultClient, Now: time.Now, Rand: rand.Reader,
		Connectors: []standin.Connector{{ID: "messaging", ClientID: "messaging", Issuer: issuer, JWKSEndpoint: issuer + "/jwks/messaging.json"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud.Routes(mux)
	return server.URL
}

// startExample starts a program in its folder and gives its origin once it answers.
func startExample(t *testing.T, name string, program []string, issuer, key string) string {
	t.Helper()
	address := fmt.Sprintf("localhost:%d", freePort(t))
	for i := range program {
		program[i] = strings.ReplaceAll(program[i], "ADDRESS", address)
	}
	if name == "go" { // go run would leave the program behind
		program[0] = filepath.Join(t.TempDir(), "example")
		if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program[0], "../../deploy/examples/go").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	command := exec.CommandContext(t.Context(), program[0], program[1:]...)
	command.Dir = filepath.Join("../../deploy/examples", name)
	command.Env = append(os.Environ(), "ORIGIN=http://"+address, "IDP="+issuer, "IDP_CLIENT=messaging", "IDP_API_KEY="+key)
	log := &strings.Builder{}
	command.Stdout, command.Stderr = log, log
	if err := command.Start(); err != nil {
		t.Fatalf("%v: deploy/dev/prerequisites.sh %s says what is missing", err, name)
	}
	t.Cleanup(func() {
		_ = command.Wait() // it was killed when the test's context ended
		if t.Failed() {
			t.Logf("%s says:\n%s", name, log)
		}
	})
	eventually(t, name+" answers", func() error {
		response, err := http.Get("http://" + address + "/")
		if err != nil {
			return err
		}
		return response.Body.Close()
	})
	return "http://" + address
}

// postTo sends a form as a page of an origin does.
func postTo(t *testing.T, client *http.Client, address, origin string, form url.Values) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", origin)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}
