// Package certificate owns the TLS certificate of a listener of ours: it reads
// the two files, reads them again when they change, and tells of the end of the
// certificate. It makes no certificate and fetches none, and of the key it tells
// nobody anything.
package certificate

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// between is how long nothing is read after the files were read.
	between = time.Second
	// endWarning is how long before its end a certificate is told of at the
	// most, and endShare the share of its life that is: one that is renewed each
	// week need not be told of each day.
	endWarning = 14 * 24 * time.Hour
	endShare   = 5
	// again is how long the log says nothing more of an end that it has told.
	again = 24 * time.Hour
)

// Options say where a certificate is, and whose it has to be.
type Options struct {
	// CertificateFile holds the certificate, and those between it and the root,
	// in PEM.
	CertificateFile string
	// KeyFile holds its private key in PEM.
	KeyFile string
	// Host is the name under which browsers come. A certificate for others is
	// taken, with a warning.
	Host string
	Now  func() time.Time
	Log  *slog.Logger
}

// Files is a certificate that follows its files. Its methods may be called at
// the same time.
type Files struct {
	opts    Options
	current atomic.Pointer[tls.Certificate]

	// What follows belongs to whoever reads the files.
	reading  sync.Mutex
	looked   time.Time
	pair     pair
	fault    string    // of the latest reading, "" for none
	toldEnds time.Time // when the log told of the end
}

// pair is what the files hold.
type pair struct{ certificate, key []byte }

func (p pair) equal(other pair) bool {
	return bytes.Equal(p.certificate, other.certificate) && bytes.Equal(p.key, other.key)
}

// Open reads the files. The error names the option whose file is at fault.
func Open(opts Options) (*Files, error) {
	f := &Files{opts: opts, looked: opts.Now()}

	p, err := f.read()
	if err != nil {
		return nil, err
	}

	certificate, err := parse(p)
	if err != nil {
		return nil, err
	}

	f.use(p, certificate)

	return f, nil
}

// TLS is the configuration of a listener with the certificate: TLS 1.2 or
// later, by Go's defaults.
func (f *Files) TLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			f.look()

			return f.current.Load(), nil
		},
	}
}

// look reads the files again if some time has gone by. It is called by
// handshakes; while one of them reads, the others do not wait.
func (f *Files) look() {
	if !f.reading.TryLock() {
		return
	}
	defer f.reading.Unlock()

	now := f.opts.Now()
	if now.Sub(f.looked) < between {
		return
	}

	f.looked = now

	if err := f.renew(); err == nil {
		f.fault = ""
	} else if err.Error() != f.fault {
		f.fault = err.Error()
		f.opts.Log.Error("the TLS certificate could not be read again; the one before stays in use", "error", err)
	}

	f.tellEnd(now)
}

// renew takes over what is new in the files.
func (f *Files) renew() error {
	p, err := f.read()
	if err != nil || p.equal(f.pair) {
		return err
	}

	certificate, err := parse(p)
	if err != nil {
		return err
	}

	f.use(p, certificate)
	f.opts.Log.Info("the TLS certificate was replaced", "ends", certificate.Leaf.NotAfter)

	return nil
}

func (f *Files) read() (pair, error) {
	certificate, err := os.ReadFile(f.opts.CertificateFile)
	if err != nil {
		return pair{}, fmt.Errorf("tls.certificate_file: %w", err)
	}

	key, err := os.ReadFile(f.opts.KeyFile)
	if err != nil {
		return pair{}, fmt.Errorf("tls.key_file: %w", err)
	}

	return pair{certificate, key}, nil
}

// parse checks that the two belong together. The library's errors quote
// nothing of the key.
func parse(p pair) (*tls.Certificate, error) {
	certificate, err := tls.X509KeyPair(p.certificate, p.key)
	if err != nil {
		return nil, fmt.Errorf("tls.certificate_file and tls.key_file: %w", err)
	}

	return &certificate, nil
}

// use puts a certificate in use, and tells what is to be said of it.
func (f *Files) use(p pair, certificate *tls.Certificate) {
	f.pair, f.toldEnds = p, time.Time{}
	f.current.Store(certificate)

	if err := certificate.Leaf.VerifyHostname(f.opts.Host); err != nil {
		f.opts.Log.Warn("the TLS certificate is not for the host of the issuer", "file", f.opts.CertificateFile, "error", err)
	}

	// No more than a warning, since mounted secrets often are.
	if info, err := os.Stat(f.opts.KeyFile); err == nil && info.Mode().Perm()&0o077 != 0 {
		f.opts.Log.Warn("the key of the TLS certificate can be read by others on this machine: chmod 600 "+f.opts.KeyFile, "mode", info.Mode().Perm().String())
	}

	f.tellEnd(f.looked)
}

// tellEnd warns of a certificate that ends soon, once a day.
func (f *Files) tellEnd(now time.Time) {
	leaf := f.current.Load().Leaf
	if leaf.NotAfter.Sub(now) > min(endWarning, leaf.NotAfter.Sub(leaf.NotBefore)/endShare) ||
		now.Sub(f.toldEnds) < again {
		return
	}

	f.toldEnds = now

	if now.After(leaf.NotAfter) {
		f.opts.Log.Error("the TLS certificate has ended: browsers and relying parties refuse it", "file", f.opts.CertificateFile, "ended", leaf.NotAfter)
	} else {
		f.opts.Log.Warn("the TLS certificate ends soon: renew the file, which is read again by itself", "file", f.opts.CertificateFile, "ends", leaf.NotAfter)
	}
}
