package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// startLimit is how long the target may take to be there on a busy machine.
const startLimit = 2 * time.Minute

// suite stands for the conformance suite: it has the addresses that the clients
// have registered, and keeps what comes there.
type suite struct {
	target    *suiteConfig
	transport *http.Transport
	logouts   chan string // logout tokens

	mu       sync.Mutex
	received url.Values // by the latest callback, or return from a sign-out
}

// startSuite starts a target, and the suite that it is for.
func startSuite(t *testing.T) *suite {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "idp")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../idp").CombinedOutput(); err != nil {
		t.Fatalf("build idp: %v\n%s", err, out)
	}
	listener, issuer := listen(t), listen(t)
	_ = issuer.Close() // the target takes the port
	folder := t.TempDir()
	opts := options{issuer: "https://localhost:" + port(issuer), suite: "https://localhost:" + port(listener), alias: "idp"}
	args := []string{"-issuer", opts.issuer, "-suite", opts.suite, "-folder", folder, "-idp", binary}
	// As make conformance-config does it, before the target is there.
	if err := run(t.Context(), args, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, configFile))
	if err != nil {
		t.Fatal(err)
	}
	s := &suite{target: &suiteConfig{}, logouts: make(chan string, 100)}
	if err := json.Unmarshal(content, s.target); err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(filepath.Join(folder, certificateFile), filepath.Join(folder, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Leaf)
	s.transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}
	server := &http.Server{
		Handler: s.handler("/test/a/idp/"), ReadHeaderTimeout: time.Minute,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	go func() { _ = server.ServeTLS(listener, "", "") }()
	t.Cleanup(func() { _ = server.Close() })
	startTarget(t, s, append(args, "-target"))
	return s
}

// startTarget runs the target until the test ends, and waits until it is there.
func startTarget(t *testing.T, s *suite, args []string) {
	t.Helper()
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	var output bytes.Buffer // to be read once it has ended
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, &output, &output) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil || t.Failed() {
			t.Errorf("the target ended with %v:\n%s", err, &output)
		}
	})
	client := &http.Client{Transport: s.transport}
	deadline := time.After(startLimit)
	for {
		if response, err := client.Get(s.target.Server.DiscoveryURL); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("the target ended: %v", err)
		case <-deadline:
			t.Fatal("the target is not there in time")
		case <-time.After(50 * time.Millisecond): // between looks at another process
		}
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

func port(listener net.Listener) string {
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func (s *suite) handler(base string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc(base+"callback", func(w http.ResponseWriter, r *http.Request) {
		s.receive(r)
		_, _ = io.WriteString(w, `<p id="submission_complete">done</p>`)
	})
	mux.HandleFunc(base+"post_logout_redirect", func(w http.ResponseWriter, r *http.Request) {
		s.receive(r)
		_, _ = io.WriteString(w, `<p>done</p>`)
	})
	mux.HandleFunc("POST "+base+"backchannel_logout", func(_ http.ResponseWriter, r *http.Request) { s.logouts <- r.FormValue("logout_token") })
	return mux
}

// receive keeps the parameters of a request.
func (s *suite) receive(r *http.Request) {
	_ = r.ParseForm() // a fault shows in what is received
	s.mu.Lock()
	defer s.mu.Unlock()
	s.received = r.Form
}

// latest gives the parameters of the latest request.
func (s *suite) latest() url.Values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.received)
}

// module gives a browser with the steps for a module.
func (s *suite) module(name string) *player {
	visits := s.target.Browser
	if override, ok := s.target.Override[name]; ok {
		visits = override.Browser
	}
	return newPlayer(s.transport, visits)
}

// endpoint finds an endpoint's address.
func (s *suite) endpoint(path string) string {
	return strings.TrimSuffix(s.target.Server.DiscoveryURL, "/.well-known/openid-configuration") + path
}

func (s *suite) redirectURI(t *testing.T) string {
	t.Helper()
	for _, visit := range s.target.Browser {
		for _, task := range visit.Tasks {
			if address, ok := strings.CutSuffix(task.Match, "callback*"); ok {
				return address + "callback"
			}
		}
	}
	t.Fatal("no callback in the configuration")
	return ""
}

// request is an authorization request's address, with pairs of names and values
// that replace the usual ones, "" for none.
func (s *suite) request(t *testing.T, client suiteClient, pairs ...string) string {
	t.Helper()
	query := url.Values{
		"client_id": {client.ClientID}, "redirect_uri": {s.redirectURI(t)}, "response_type": {"code"},
		"scope": {"openid profile email address phone"}, "state": {"s"}, "nonce": {"n"},
	}
	for i := 0; i < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
		if pairs[i+1] == "" {
			query.Del(pairs[i])
		}
	}
	return s.endpoint("/authorize?") + query.Encode()
}

// authorize plays a whole authorization and gives the parameters of the response.
func (s *suite) authorize(t *testing.T, p *player, address string) url.Values {
	t.Helper()
	if err := p.visit(address); err != nil {
		t.Fatal(err)
	}
	return s.answer(t, p)
}

// answer gives the parameters of the response that a browser has ended with.
func (s *suite) answer(t *testing.T, p *player) url.Values {
	t.Helper()
	answer, err := url.ParseQuery(p.address.Fragment)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(answer, s.latest())
	if answer.Get("state") != "s" {
		t.Fatalf("response %v", slices.Sorted(maps.Keys(answer)))
	}
	return answer
}

// tokens redeems a code.
func (s *suite) tokens(t *testing.T, client suiteClient, code string) map[string]any {
	t.Helper()
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {s.redirectURI(t)}}
	if client == s.target.ClientSecretPost {
		form.Set("client_id", client.ClientID)
		form.Set("client_secret", client.ClientSecret)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.endpoint("/token"), strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != s.target.ClientSecretPost {
		request.SetBasicAuth(client.ClientID, client.ClientSecret)
	}
	return s.json(t, request)
}

func (s *suite) json(t *testing.T, request *http.Request) map[string]any {
	t.Helper()
	response, err := (&http.Client{Transport: s.transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	var all map[string]any
	if err := json.NewDecoder(response.Body).Decode(&all); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v, %v", request.URL.Path, response.Status, all["error"], err)
	}
	return all
}

// The steps that the suite's browser is told to take lead through every kind of
// page that its modules come to, and each of its clients works.
func TestStepsOfTheSuite(t *testing.T) {
	t.Parallel()
	s := startSuite(t)

	for name, client := range map[string]suiteClient{
		"oidcc-server": s.target.Client, "oidcc-server, second client": s.target.Client2, "oidcc-server-client-secret-post": s.target.ClientSecretPost,
	} {
		t.Run(name, func(t *testing.T) {
			got := s.tokens(t, client, s.authorize(t, s.module(name), s.request(t, client)).Get("code"))
			if got["id_token"] == nil || got["access_token"] == nil {
				t.Errorf("token response %v", slices.Sorted(maps.Keys(got)))
			}
		})
	}

	t.Run("oidcc-scope-all", func(t *testing.T) {
		got := s.tokens(t, s.target.Client, s.authorize(t, s.module(t.Name()), s.request(t, s.target.Client)).Get("code"))
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.endpoint("/userinfo"), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", fmt.Sprint("Bearer ", got["access_token"]))
		claims := s.json(t, request)
		for name := range strings.FieldsSeq("sub name family_name given_name middle_name nickname preferred_username profile picture website gender " +
			"birthdate zoneinfo locale updated_at email email_verified address phone_number phone_number_verified") {
			if claims[name] == nil || claims[name] == false {
				t.Errorf("%s: %v", name, claims[name])
			}
		}
	})

	t.Run("oidcc-refresh-token", func(t *testing.T) {
		address := s.request(t, s.target.Client, "scope", "openid offline_access", "prompt", "consent")
		got := s.tokens(t, s.target.Client, s.authorize(t, s.module(t.Name()), address).Get("code"))
		if got["refresh_token"] == nil {
			t.Errorf("token response %v", slices.Sorted(maps.Keys(got)))
		}
	})

	for _, test := range []struct{ responseType, mode string }{{"id_token token", ""}, {"code id_token", ""}, {"code id_token token", "form_post"}} {
		t.Run(test.responseType+" "+test.mode, func(t *testing.T) {
			answer := s.authorize(t, s.module(""), s.request(t, s.target.Client, "response_type", test.responseType, "response_mode", test.mode))
			if answer.Get("id_token") == "" {
				t.Errorf("response %v", slices.Sorted(maps.Keys(answer)))
			}
		})
	}

	for _, module := range []string{"oidcc-prompt-login", "oidcc-max-age-1"} {
		t.Run(module, func(t *testing.T) {
			p := s.module(module)
			s.authorize(t, p, s.request(t, s.target.Client))
			s.authorize(t, p, s.request(t, s.target.Client, "prompt", "none"))
			if p.screenshots != 1 {
				t.Errorf("%d screenshots after one sign-in", p.screenshots)
			}
			s.authorize(t, p, s.request(t, s.target.Client, "prompt", "login"))
			if p.screenshots != 2 {
				t.Errorf("%d screenshots after two", p.screenshots)
			}
		})
	}

	t.Run("a browser that stays on pages", func(t *testing.T) {
		for _, mode := range []string{"query", "form_post"} {
			p := s.module("")
			p.still = true
			for range 2 { // signing in, and with a session
				if s.authorize(t, p, s.request(t, s.target.Client, "response_mode", mode)).Get("code") == "" {
					t.Errorf("%s: no code", mode)
				}
			}
		}
	})

	t.Run("oidcc-ensure-post-request-succeeds", func(t *testing.T) {
		for _, mode := range []string{"query", "form_post"} {
			p := s.module(t.Name())
			for range 2 { // signing in, and with a session
				if err := p.post(s.request(t, s.target.Client, "response_mode", mode)); err != nil {
					t.Fatal(err)
				}
				if s.answer(t, p).Get("code") == "" {
					t.Errorf("%s: no code", mode)
				}
			}
		}
	})

	for module, pair := range map[string][]string{
		"oidcc-ensure-request-object-with-redirect-uri": {"redirect_uri", s.redirectURI(t) + "/other", "request", "eyJhbGciOiJub25lIn0.e30."},
		"oidcc-response-type-missing":                   {"response_type", ""},
		"oidcc-ensure-registered-redirect-uri":          {"redirect_uri", s.redirectURI(t) + "/other"},
	} {
		t.Run(module, func(t *testing.T) {
			p := s.module(module)
			if err := p.visit(s.request(t, s.target.Client, pair...)); err != nil || p.screenshots != 1 {
				t.Errorf("%d screenshots, %v", p.screenshots, err)
			}
		})
	}
	s.skipped(t)
	s.signOuts(t)
}

// The modules that run-test-plan.py is told to expect skipped are those that the suite
// skips where no request object may come unsigned.
func (s *suite) skipped(t *testing.T) {
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.target.Server.DiscoveryURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	algorithms, listed := s.json(t, request)["request_object_signing_alg_values_supported"].([]any)
	if !listed || slices.Contains(algorithms, any("none")) {
		t.Errorf("request_object_signing_alg_values_supported %v: the suite runs them", algorithms)
	}
	var skips []map[string]string
	content, err := os.ReadFile("../../deploy/conformance/expected-skips.json")
	if err == nil {
		err = json.Unmarshal(content, &skips)
	}
	if err != nil || len(skips) != 2 {
		t.Fatalf("%d skips: %v", len(skips), err)
	}
	for _, skip := range skips {
		if !strings.Contains(skip["test-name"], "-request-object-") || !matches(skip["configuration-filename"], "bin/conformance/"+configFile) {
			t.Errorf("%v", skip)
		}
	}
}
