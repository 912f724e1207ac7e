// Package outbound is the one way by which the provider calls addresses that others
// have registered. Whoever registers an address must not reach through it what only
// the provider can reach: so it is https, to addresses of the public internet alone,
// checked when they are dialled (a name may resolve to something else by then),
// without redirects, and bounded in time and size.
//
// The package owns where may be called and how long it may take. It must never look
// into what is sent or answered, and nothing of an answer belongs before those who
// registered the address.
package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"

	"github.com/brandidp/idp/op/loopback"
)

const (
	// Timeout is how long a call may take, from the name's resolution to the last
	// byte of the answer.
	Timeout = 5 * time.Second
	// MaxAnswer is the size in bytes of the longest body that is accepted.
	MaxAnswer = 64 << 10
)

// The reasons for which a call is refused, or its answer thrown away.
var (
	// ErrScheme: not an https address, nor http on loopback where that is allowed.
	ErrScheme = errors.New("only https addresses are called")
	// ErrAddress: the name resolves to an address that is not public.
	ErrAddress = errors.New("the address is not a public one")
	// ErrTooLarge: the answer is larger than MaxAnswer.
	ErrTooLarge = errors.New("the answer is too large")
)

// Options say what may be called beyond the public internet.
type Options struct {
	// Loopback allows loopback addresses, and http there: for an issuer that is on
	// loopback itself.
	Loopback bool
	// Networks are allowed although they are not public.
	Networks []netip.Prefix
}

// Client calls registered addresses. It is safe for concurrent use.
type Client struct {
	opts Options
	http http.Client
}

// New makes a Client. Proxies of the environment are not used: they would dial in its
// place, unchecked.
func New(opts Options) *Client {
	c := &Client{opts: opts}
	dialer := &net.Dialer{Timeout: Timeout, ControlContext: c.check}
	c.http = http.Client{
		Timeout:       Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext:            dialer.DialContext,
			TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2:      true,
			TLSHandshakeTimeout:    Timeout,
			MaxIdleConns:           64,
			MaxIdleConnsPerHost:    4,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: 16 << 10,
			DisableCompression:     true,
		},
	}
	return c
}

// Do sends a request, reads the answer whole, and gives its status; a redirect is an
// answer like any other. ErrScheme, ErrAddress and ErrTooLarge are in the chain of
// their errors, and so are the context's. No error repeats anything of the address,
// which may hold a secret of its owner's, nor of the answer.
func (c *Client) Do(r *http.Request) (status int, err error) {
	status, _, err = c.Fetch(r)
	return status, err
}

// Fetch is Do for whoever needs the body. Nothing of it may be shown to who named the
// address.
func (c *Client) Fetch(r *http.Request) (status int, body []byte, err error) {
	if r.URL.Scheme != "https" && (r.URL.Scheme != "http" || !c.opts.Loopback || !loopback.Host(r.URL.Hostname())) {
		return 0, nil, ErrScheme
	}
	response, err := c.http.Do(r) //nolint:gosec // that others name the address is what this package is for
	if err != nil {
		return 0, nil, fmt.Errorf("call: %w", reason(err))
	}
	defer response.Body.Close() //nolint:errcheck // read, or thrown away
	body, err = io.ReadAll(io.LimitReader(response.Body, MaxAnswer+1))
	if err != nil {
		return 0, nil, fmt.Errorf("read answer: %w", reason(err))
	}
	if len(body) > MaxAnswer {
		return 0, nil, ErrTooLarge
	}
	return response.StatusCode, body, nil
}

// check is asked by the dialler with each address that a name has resolved to.
func (c *Client) check(_ context.Context, _, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil || !c.allows(target.Addr()) {
		return ErrAddress
	}
	return nil
}

// allows tells whether an address may be dialled.
func (c *Client) allows(addr netip.Addr) bool {
	for _, network := range c.opts.Networks {
		if network.Contains(addr.Unmap().WithZone("")) {
			return true
		}
	}
	if c.opts.Loopback && addr.IsLoopback() && !addr.Is4In6() {
		return true
	}
	return public(addr)
}
