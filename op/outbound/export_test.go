package outbound

import (
	"crypto/x509"
	"net/http"
	"net/netip"
)

// Trust has a client trust the certificates of a test.
func (c *Client) Trust(roots *x509.CertPool) {
	c.http.Transport.(*http.Transport).TLSClientConfig.RootCAs = roots
}

// Allows is allows.
func (c *Client) Allows(addr netip.Addr) bool { return c.allows(addr) }
