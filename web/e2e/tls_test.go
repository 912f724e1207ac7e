package e2e_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/storage/storagetest"
)

// The program serves by TLS from files, takes new ones without a restart, and
// does not start with broken ones.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certificate, key := filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem")
	port := freePort(t)
	args := []string{
		"--listen", fmt.Sprintf("127.0.0.1:%d", port), "--data-dir", dir, "--database-url", storagetest.New(t),
		"--tls-certificate-file", certificate, "--tls-key-file", key,
	}

	refuses(t, "Error: tls.certificate_file: open "+certificate+": no such file or directory", append([]string{"serve"}, args...)...)
	writeCertificate(t, certificate, key, "localhost")
	if err := os.WriteFile(key, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProcess(t, append([]string{"serve"}, args...)...)
	if code := p.Wait(); code != 1 || !strings.Contains(p.Log(), "Error: tls.certificate_file and tls.key_file: ") {
		t.Errorf("with a broken key: exit code %d\n%s", code, p.Log())
	}

	first := writeCertificate(t, certificate, key, "localhost")
	s := &idp{Issuer: fmt.Sprintf("https://localhost:%d", port), DataDir: dir, Args: args, tb: t}
	s.Start()
	roots := x509.NewCertPool()
	roots.AddCert(first)
	get := func() (*http.Response, error) {
		client := &http.Client{Transport: &http.Transport{ // each with a handshake of its own
			ForceAttemptHTTP2: true, DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: roots},
		}}
		response, err := client.Get(s.Issuer + "/.well-known/openid-configuration")
		if err == nil {
			_ = response.Body.Close()
		}
		return response, err
	}
	response, err := get()
	if err != nil {
		t.Fatal(err)
	}
	if response.ProtoMajor != 2 || response.TLS.Version < tls.VersionTLS12 || response.StatusCode != http.StatusOK {
		t.Errorf("%s, %x, %s", response.Proto, response.TLS.Version, response.Status)
	}
	if plain, err := http.Get(strings.Replace(s.Issuer, "https", "http", 1)); err == nil {
		_ = plain.Body.Close()
		if plain.StatusCode != http.StatusBadRequest {
			t.Errorf("without TLS: %s", plain.Status)
		}
	}

	second := writeCertificate(t, certificate, key, "localhost")
	roots.AddCert(second)
	eventually(t, "served with the new certificate", func() error {
		response, err := get()
		if err == nil && !response.TLS.PeerCertificates[0].Equal(second) {
			err = fmt.Errorf("serial %d", response.TLS.PeerCertificates[0].SerialNumber)
		}
		return err
	})
}

// writeCertificate makes a self-signed certificate for a host.
func writeCertificate(t *testing.T, certificate, key, host string) *x509.Certificate {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()), DNSNames: []string{host}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(30 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{
		certificate: {Type: "CERTIFICATE", Bytes: der}, key: {Type: "PRIVATE KEY", Bytes: pkcs8},
	} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return leaf
}
