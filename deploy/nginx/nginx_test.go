// Package nginx_test runs the reverse-proxy example as it stands, with nothing
// changed in it but addresses and file names.
package nginx_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/brandidp/idp/storage/storagetest"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

func TestMain(m *testing.M) { storagetest.Main(m) }

const brand = `
clients:
  - client_id: messaging
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    grant_types: [implicit]
    conversational_cloud: {variant: rfc}
consumers:
  - {username: amelia, password: correct horse battery staple}
`

// A window's 8 KB of state come back byte for byte through the proxy, by a
// page, by a form and by a Location header, and no query is logged.
//
//contract:2.2-state-proxy
//security:11-proxy
func TestLargeStateThroughTheProxy(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	issuer := fmt.Sprintf("https://localhost:%d", port)
	p := webtest.Start(t, func(opts *web.Options) {
		opts.Issuer = issuer
		opts.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}
	}, brand)
	dir, pool := startNginx(t, port, p.Address)

	b := p.Browser(t)
	b.Address = issuer
	b.Client.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	state := `{"lpUnifiedWindowConfig":{"accountId":"1","x":"` + strings.Repeat(`ä€"+%2B &`, 8192/13) + `"}}`
	state = strings.ReplaceAll(state, `"+`, `'+`)
	request := url.Values{
		"client_id": {"messaging"}, "response_type": {"id_token"}, "scope": {"openid"}, "state": {state},
		"redirect_uri": {"https://lpcdn.lpsnmedia.net/le_unified_window/index.html"},
	}
	if got := b.Authorize(request).SignIn("amelia", "correct horse battery staple").Answer(); got.Get("state") != state || got.Get("id_token") == "" {
		t.Errorf("after the form: state of %d bytes, want %d", len(got.Get("state")), len(state))
	}
	silent := b.Authorize(request)
	if silent.Status != http.StatusFound || silent.Answer().Get("state") != state {
		t.Errorf("with a session: status %d", silent.Status)
	}
	if page := b.Post("/authorize", request); page.Answer().Get("state") != state {
		t.Errorf("by POST: status %d", page.Status)
	}
	log, err := os.ReadFile(filepath.Join(dir, "idp.log"))
	if err != nil || !strings.Contains(string(log), `"GET /authorize"`) || strings.Contains(string(log), "client_id") {
		t.Errorf("access log: %v\n%s", err, log)
	}
}

// While idp is away, as at each of its restarts, no log holds a query either.
//
//security:11-proxy
func TestNoQueryIsLoggedWithoutBackend(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	dir, pool := startNginx(t, port, fmt.Sprintf("http://127.0.0.1:%d", freePort(t)))
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	response, err := client.Get(fmt.Sprintf("https://localhost:%d/authorize?state=SECRETSTATE", port))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusBadGateway {
		t.Errorf("status %d", response.StatusCode)
	}
	for _, name := range []string{"idp.log", "idp-error.log"} {
		log, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || strings.Contains(string(log), "SECRETSTATE") {
			t.Errorf("%s: %v\n%s", name, err, log)
		}
	}
}

// startNginx runs the example on the port, in front of upstream.
func startNginx(t *testing.T, port int, upstream string) (dir string, pool *x509.CertPool) {
	t.Helper()
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx" // not in every user's PATH
	}
	if _, err := os.Stat(nginx); err != nil {
		t.Fatal("nginx is needed for this test: apt-get install nginx-light, or run make test, which does it")
	}
	dir = t.TempDir()
	certificate, key, pool := selfSigned(t)
	example, err := os.ReadFile("idp.conf")
	if err != nil {
		t.Fatal(err)
	}
	replaced := strings.NewReplacer(
		"listen 443 ssl;", fmt.Sprintf("listen 127.0.0.1:%d ssl;", port),
		"/etc/ssl/id.brand.example.pem", filepath.Join(dir, "cert.pem"),
		"/etc/ssl/private/id.brand.example.key", filepath.Join(dir, "key.pem"),
		"/var/log/nginx/idp.log", filepath.Join(dir, "idp.log"),
		"/var/log/nginx/idp-error.log", filepath.Join(dir, "idp-error.log"),
		"http://127.0.0.1:8080", upstream,
	).Replace(string(example))
	write := func(name string, content []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("cert.pem", certificate)
	write("key.pem", key)
	write("idp.conf", []byte(replaced))
	write("nginx.conf", fmt.Appendf(nil, `daemon off; master_process off; pid %[1]s/pid; error_log stderr;
events {}
http {
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	include %[1]s/idp.conf;
}`, dir))
	cmd := exec.Command(nginx, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"))
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Log(stderr.String())
		}
	})
	waitForPort(t, port, ended)
	return dir, pool
}

func waitForPort(t *testing.T, port int, ended <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-ended:
			t.Fatal("nginx did not start")
		case <-ctx.Done():
			t.Fatal("nginx does not listen")
		case <-ticker.C:
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().(*net.TCPAddr).Port
}

// selfSigned makes a certificate for localhost.
func selfSigned(t *testing.T) (certificate, key []byte, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	certificate = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certificate)
	return certificate, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), pool
}
