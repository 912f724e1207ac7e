package outbound_test

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/outbound"
)

// addresses are what a registered name might resolve to.
var addresses = map[string]bool{
	"93.184.216.34": true, "8.8.8.8": true, "2606:2800:220:1:248:1893:25c8:1946": true, "2a00:1450:4001::5": true,

	"127.0.0.1": false, "127.9.9.9": false, "0.0.0.0": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.1.1": false,
	"169.254.169.254": false, "100.64.0.1": false, "192.0.0.1": false, "198.18.0.1": false, "192.0.2.1": false, "224.0.0.1": false,
	"255.255.255.255": false, "240.0.0.1": false,
	"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "fec0::1": false, "ff02::1": false,
	"::ffff:8.8.8.8": false, "::ffff:127.0.0.1": false, "::127.0.0.1": false, "64:ff9b::a9fe:a9fe": false, "64:ff9b::808:808": false,
	"64:ff9b:1::1": false, "2002:7f00:1::": false, "2001::1": false, "2001:db8::1": false, "100::1": false,
}

func TestAddressesThatAreDialled(t *testing.T) {
	t.Parallel()
	client := outbound.New(outbound.Options{})
	for text, want := range addresses {
		if got := client.Allows(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestNamedNetworksAreDialled(t *testing.T) {
	t.Parallel()
	client := outbound.New(outbound.Options{Networks: []netip.Prefix{
		netip.MustParsePrefix("10.1.0.0/16"), netip.MustParsePrefix("fd12::/64"), netip.MustParsePrefix("64:ff9b::/96"),
	}})
	for text, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "fd12::7": true, "64:ff9b::808:808": true, "8.8.8.8": true,
		"10.2.0.1": false, "127.0.0.1": false, "fd13::7": false, "::ffff:10.2.0.1": false,
	} {
		if got := client.Allows(netip.MustParseAddr(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	local := outbound.New(outbound.Options{Loopback: true})
	for text, want := range map[string]bool{"127.0.0.1": true, "::1": true, "::ffff:127.0.0.1": false, "10.1.2.3": false, "169.254.169.254": false} {
		if got := local.Allows(netip.MustParseAddr(text)); got != want {
			t.Errorf("on loopback, %s: %v", text, got)
		}
	}
}

// get calls an address, and gives the status of its answer.
func get(t *testing.T, client *outbound.Client, address string) (int, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	return client.Do(request)
}

// The names resolve, and only then is the address refused: nothing is sent.
func TestRefusedWhenDialled(t *testing.T) {
	t.Parallel()
	called := false
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called = true }))
	t.Cleanup(server.Close)
	client := outbound.New(outbound.Options{})
	_, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "https://"), ":")
	for _, host := range []string{
		"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "169.254.169.254", "10.0.0.1", "[fe80::1]", "[64:ff9b::7f00:1]", "0.0.0.0",
		"2130706433", "0177.0.0.1",
	} {
		_, err := get(t, client, "https://"+host+":"+port+"/secret?of=theirs")
		if host == "2130706433" || host == "0177.0.0.1" { // no addresses for Go, so names: refused or not found
			if err == nil {
				t.Errorf("%s was called", host)
			}
			continue
		}
		if !errors.Is(err, outbound.ErrAddress) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", host, err)
		}
	}
	if called {
		t.Error("the server was reached")
	}
}

func TestOnlyHTTPS(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	t.Cleanup(server.Close)
	public, local := outbound.New(outbound.Options{}), outbound.New(outbound.Options{Loopback: true})
	for _, address := range []string{server.URL, "http://brand.example/", "ftp://brand.example/", "file:///etc/passwd", "gopher://brand.example"} {
		if _, err := get(t, public, address); !errors.Is(err, outbound.ErrScheme) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := get(t, local, "http://brand.example/"); !errors.Is(err, outbound.ErrScheme) {
		t.Errorf("http beyond loopback: %v", err)
	}
	if status, err := get(t, local, server.URL); err != nil || status != http.StatusNoContent {
		t.Errorf("http on loopback, for an issuer there: %d, %v", status, err)
	}
}

func TestCertificateIsChecked(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(server.Close)
	client := outbound.New(outbound.Options{Loopback: true})
	if _, err := get(t, client, server.URL); err == nil {
		t.Error("a certificate of nobody was accepted")
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	trusting := outbound.New(outbound.Options{Loopback: true})
	trusting.Trust(roots)
	if status, err := get(t, trusting, server.URL); err != nil || status != http.StatusOK {
		t.Errorf("%d, %v", status, err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	t.Cleanup(inner.Close)
	server := httptest.NewServer(http.RedirectHandler(inner.URL, http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	status, err := get(t, outbound.New(outbound.Options{Loopback: true}), server.URL)
	if err != nil || status != http.StatusTemporaryRedirect {
		t.Errorf("%d, %v", status, err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	size := outbound.MaxAnswer
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", size))
	}))
	t.Cleanup(server.Close)
	client := outbound.New(outbound.Options{Loopback: true})
	if _, err := get(t, client, server.URL); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	size++
	if _, err := get(t, client, server.URL); !errors.Is(err, outbound.ErrTooLarge) {
		t.Errorf("beyond the limit: %v", err)
	}
}

// A server that never ends holds a call no longer than its time.
func TestCallsAreBoundedInTime(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-ended:
		}
	}))
	t.Cleanup(server.Close)
	t.Cleanup(func() { close(ended) })
	client := outbound.New(outbound.Options{Loopback: true})
	if _, err := get(t, client, server.URL); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
}

// Proxies of the environment would dial unchecked.
func TestProxiesAreNotUsed(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a proxy was asked") }))
	defer proxy.Close()
	t.Setenv("HTTPS_PROXY", proxy.URL)
	t.Setenv("HTTP_PROXY", proxy.URL)
	if _, err := get(t, outbound.New(outbound.Options{}), "https://10.0.0.1/"); !errors.Is(err, outbound.ErrAddress) {
		t.Errorf("%v", err)
	}
}

// What an error says is the kind of what is wrong: neither the address, which may
// hold a secret of its owner's, nor anything that was answered.
func TestErrorsRepeatNothing(t *testing.T) {
	t.Parallel()
	raw := func(answer string) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = listener.Close() })
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				_, _ = conn.Read(make([]byte, 4<<10))
				_, _ = io.WriteString(conn, answer)
				_ = conn.Close()
			}
		}()
		return listener.Addr().String()
	}
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	_, port, _ := strings.Cut(server.Listener.Addr().String(), ":")
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()
	for address, want := range map[string]string{
		"https://hidden-service.invalid/secret":                         "call: the name does not resolve",
		"https://10.0.0.1:8443/secret":                                  "call: the address is not a public one",
		closed.URL + "/secret":                                          "call: connection refused",
		"https://localhost:" + port + "/secret":                         "call: the certificate is for other names",
		"https://" + raw("secret") + "/":                                "call: the answer is not TLS",
		"http://" + raw("secret\r\n\r\n") + "/":                         "call: the answer is not HTTP, or did not arrive whole",
		"http://" + raw("") + "/secret":                                 "call: EOF",
		"http://" + raw("HTTP/1.1 302 F\r\nLocation: :secret\r\n\r\n"):  "call: the answer is not HTTP, or did not arrive whole",
		"http://" + raw("HTTP/1.1 200 O\r\nContent-Length: 9\r\n\r\nx"): "read answer: unexpected EOF",
	} {
		client := outbound.New(outbound.Options{Loopback: true})
		client.Trust(roots)
		if _, err := get(t, client, address); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
	if _, err := get(t, outbound.New(outbound.Options{Loopback: true}), server.URL+"/secret"); err == nil || !strings.HasSuffix(err.Error(), "that is not trusted") {
		t.Errorf("a certificate of nobody: %v", err)
	}
}
