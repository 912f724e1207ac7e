package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"syscall"
)

// The reasons that the libraries give with names and addresses in them.
var (
	errName    = errors.New("the name does not resolve")
	errHost    = errors.New("the certificate is for other names")
	errTrust   = errors.New("the certificate is by an authority that is not trusted")
	errInvalid = errors.New("the certificate is not valid, or not now")
	errTLS     = errors.New("the answer is not TLS")
	errHTTP    = errors.New("the answer is not HTTP, or did not arrive whole")
)

// reason is why a call failed, by kind: the libraries' errors repeat names,
// addresses and pieces of answers.
func reason(err error) error {
	for _, known := range []error{ErrAddress, context.Canceled, context.DeadlineExceeded, io.EOF, io.ErrUnexpectedEOF} {
		if errors.Is(err, known) {
			return known
		}
	}
	if e, ok := errors.AsType[net.Error](err); ok && e.Timeout() {
		return context.DeadlineExceeded
	}
	if number, ok := errors.AsType[syscall.Errno](err); ok {
		return number // such as: connection refused
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return alert
	}
	switch {
	case is[*net.DNSError](err):
		return errName
	case is[x509.HostnameError](err):
		return errHost
	case is[x509.UnknownAuthorityError](err):
		return errTrust
	case is[*tls.CertificateVerificationError](err):
		return errInvalid
	case is[tls.RecordHeaderError](err):
		return errTLS
	default:
		return errHTTP
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}
