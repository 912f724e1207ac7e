package certificate_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web/certificate"
)

const day = 24 * time.Hour

// files are a certificate and a key that a test writes, with a clock.
type files struct {
	certificate, key string
	now              time.Time
	log              bytes.Buffer // written and read by one goroutine: handshakes are made one by one
}

func newFiles(t *testing.T) *files {
	t.Helper()
	dir := t.TempDir()

	return &files{
		certificate: filepath.Join(dir, "fullchain.pem"), key: filepath.Join(dir, "privkey.pem"),
		now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC),
	}
}

// pair is what the two files hold.
type pair struct{ certificate, key []byte }

// issue makes a certificate with a life that has just begun.
func (f *files) issue(t *testing.T, name string, life time.Duration) pair {
	t.Helper()

	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}

	template := &x509.Certificate{
		SerialNumber: big.NewInt(f.now.UnixNano()), DNSNames: []string{name}, NotBefore: f.now, NotAfter: f.now.Add(life),
	}

	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}

	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}

	return pair{
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
}

func (f *files) write(t *testing.T, p pair) {
	t.Helper()

	for path, content := range map[string][]byte{f.certificate: p.certificate, f.key: p.key} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (f *files) open() (*certificate.Files, error) {
	return certificate.Open(certificate.Options{
		CertificateFile: f.certificate, KeyFile: f.key, Host: "id.brand.example",
		Now: func() time.Time { return f.now }, Log: slog.New(slog.NewTextHandler(&f.log, nil)),
	})
}

// handshake gives the name on the certificate that a new connection sees.
func handshake(t *testing.T, config *tls.Config) string {
	t.Helper()

	leaf, err := config.GetCertificate(&tls.ClientHelloInfo{})
	if err != nil {
		t.Fatal(err)
	}

	return leaf.Leaf.DNSNames[0]
}

// The next handshakes after the files were replaced get the new certificate; what is broken in
// between changes nothing, and is told once.
func TestFollowsItsFiles(t *testing.T) {
	t.Parallel()

	f := newFiles(t)
	first := f.issue(t, "id.brand.example", 90*day)
	f.write(t, first)

	opened, err := f.open()
	if err != nil {
		t.Fatal(err)
	}

	config := opened.TLS()
	if got := handshake(t, config); got != "id.brand.example" || f.log.Len() > 0 {
		t.Fatalf("%s, log:\n%s", got, &f.log)
	}

	renewed := f.issue(t, "new.brand.example", 90*day)

	// A renewal that writes one file after the other, and one that went wrong.
	for name, broken := range map[string]pair{
		"half replaced":  {renewed.certificate, nil},
		"not PEM":        {[]byte("hello"), renewed.key},
		"another's key":  {first.certificate, renewed.key},
		"emptied":        {[]byte{}, []byte{}},
		"no certificate": {renewed.key, renewed.key},
	} {
		f.log.Reset()

		if broken.key == nil {
			if err := os.Remove(f.key); err != nil {
				t.Fatal(err)
			}
		} else {
			f.write(t, broken)
		}

		for range 3 {
			f.now = f.now.Add(time.Second)
			if got := handshake(t, config); got != "id.brand.example" {
				t.Errorf("%s: got %s", name, got)
			}
		}

		if told := f.log.String(); strings.Count(told, "\n") != 1 || !strings.Contains(told, "stays in use") {
			t.Errorf("%s: want one line, got:\n%s", name, told)
		}
	}

	f.log.Reset()
	f.write(t, renewed)

	if got := handshake(t, config); got != "id.brand.example" {
		t.Errorf("%s: the files were read twice within a second", got)
	}

	f.now = f.now.Add(time.Second)
	if got := handshake(t, config); got != "new.brand.example" {
		t.Errorf("after the files were replaced: %s", got)
	}

	for _, want := range []string{"the TLS certificate was replaced", "not for the host of the issuer"} {
		if !strings.Contains(f.log.String(), want) {
			t.Errorf("not told: %s\n%s", want, &f.log)
		}
	}

	if strings.Contains(f.log.String(), "PRIVATE") {
		t.Errorf("the log tells of the key:\n%s", &f.log)
	}
}

// The end of a certificate is told once a day from 14 days before it on, or a
// fifth of its life.
func TestTellsOfTheEnd(t *testing.T) {
	t.Parallel()

	for name, test := range map[string]struct{ life, quiet time.Duration }{
		"a year":   {365 * day, 350 * day},
		"six days": {6 * day, 4 * day},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			f := newFiles(t)
			f.write(t, f.issue(t, "id.brand.example", test.life))

			opened, err := f.open()
			if err != nil {
				t.Fatal(err)
			}

			config, begin := opened.TLS(), f.now
			told := func(at time.Duration) string {
				f.log.Reset()
				f.now = begin.Add(at)
				handshake(t, config)

				return f.log.String()
			}

			if got := told(test.quiet); got != "" {
				t.Errorf("too early: %s", got)
			}

			if got := told(test.quiet + day); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "ends soon") {
				t.Errorf("before the end: %s", got)
			}

			if got := told(test.quiet + day + time.Hour); got != "" {
				t.Errorf("twice a day: %s", got)
			}

			if got := told(test.life + day); !strings.Contains(got, "level=ERROR") || !strings.Contains(got, "has ended") {
				t.Errorf("after the end: %s", got)
			}
		})
	}
}

func TestRefusesFilesThatAreNone(t *testing.T) {
	t.Parallel()

	f := newFiles(t)
	good, other := f.issue(t, "id.brand.example", day), f.issue(t, "id.brand.example", day)

	if _, err := f.open(); err == nil || !strings.Contains(err.Error(), "tls.certificate_file: open "+f.certificate+": no such file") {
		t.Errorf("no file: %v", err)
	}

	for name, test := range map[string]struct {
		pair pair
		want string
	}{
		"empty":          {pair{}, "failed to find any PEM data in certificate input"},
		"no key":         {pair{good.certificate, []byte("x")}, "failed to find any PEM data in key input"},
		"swapped":        {pair{good.key, good.certificate}, "PEM inputs may have been switched"},
		"another's key":  {pair{good.certificate, other.key}, "private key does not match public key"},
		"a broken block": {pair{bytes.Replace(good.certificate, []byte("MI"), []byte("AA"), 1), good.key}, "x509: malformed certificate"},
	} {
		f.write(t, test.pair)

		_, err := f.open()
		if err == nil || !strings.HasPrefix(err.Error(), "tls.certificate_file and tls.key_file: ") || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

// Connections that are open live on when the certificate is replaced, over
// HTTP/2, and nothing older than TLS 1.2 is spoken.
func TestServes(t *testing.T) {
	t.Parallel()

	f := newFiles(t)
	f.write(t, f.issue(t, "id.brand.example", day))

	opened, err := f.open()
	if err != nil {
		t.Fatal(err)
	}

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	server := &http.Server{
		TLSConfig: opened.TLS(), ReadHeaderTimeout: time.Minute, ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.Proto) }),
	}
	defer server.Close() //nolint:errcheck // all answers were read

	go func() { _ = server.ServeTLS(listener, "", "") }()

	names := []string{}
	client := &http.Client{Transport: &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			names = append(names, state.PeerCertificates[0].DNSNames[0])

			return nil
		},
	}}}
	get := func() {
		response, err := client.Get("https://" + listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close() //nolint:errcheck // read whole

		if body, err := io.ReadAll(response.Body); err != nil || string(body) != "HTTP/2.0" {
			t.Errorf("%s, %v", body, err)
		}
	}

	get()
	f.write(t, f.issue(t, "new.brand.example", day))
	f.now = f.now.Add(time.Second)
	get()
	client.CloseIdleConnections()
	get()

	if want := "id.brand.example new.brand.example"; strings.Join(names, " ") != want {
		t.Errorf("handshakes showed %q, want %s", names, want)
	}

	old := &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	if conn, err := tls.Dial("tcp", listener.Addr().String(), old); err == nil {
		_ = conn.Close()
		t.Error("TLS 1.1 is spoken")
	}
}

// A key that others can read is told of, at the start and with each certificate
// that comes after it.
func TestTellsOfAReadableKey(t *testing.T) {
	t.Parallel()

	f := newFiles(t)
	f.write(t, f.issue(t, "id.brand.example", 90*day))

	if err := os.Chmod(f.key, 0o640); err != nil {
		t.Fatal(err)
	}

	told := func() bool {
		defer f.log.Reset()

		return strings.Contains(f.log.String(), "can be read by others on this machine: chmod 600 "+f.key) && strings.Contains(f.log.String(), "mode=-rw-r-----")
	}

	opened, err := f.open()
	if err != nil {
		t.Fatal(err)
	}

	if !told() {
		t.Error("not told at the start")
	}

	f.write(t, f.issue(t, "id.brand.example", 90*day)) // which leaves the mode as it is
	f.now = f.now.Add(time.Second)
	handshake(t, opened.TLS())

	if !told() {
		t.Error("not told of the certificate that came after")
	}
}
