package trial

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/brandidp/idp/op/loopback"
)

// ErrUnreachable means that the provider did not answer.
var ErrUnreachable = errors.New("the provider does not answer")

// wire carries requests to the provider and to nobody else, and takes down, with
// masks, what went over it. It is used by one request at a time.
type wire struct {
	issuer *url.URL
	// address is where the provider is reached, if not at its issuer's host.
	address *url.URL
	next    http.RoundTripper

	taken []Exchange
	lost  error // why the first request got no answer
}

// CheckAddress says what is wrong with an address at which the provider is to be
// reached: it must be https, or http on loopback, without a path.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("must be a scheme, a host and a port, such as http://127.0.0.1:8080")
	case u.Scheme == "https" || u.Scheme == "http" && loopback.Host(u.Hostname()):
		return nil
	default: // a password goes there
		return errors.New("must be https, or http on loopback")
	}
}

// newWire makes the way to a provider. The certificate is always held against the
// issuer's name.
func newWire(issuer, address string, trust *tls.Config) (*wire, error) {
	w := &wire{}
	var err error
	if w.issuer, err = url.Parse(issuer); err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}
	transport := &http.Transport{Proxy: loopback.Proxy, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	if trust != nil {
		transport.TLSClientConfig = trust.Clone()
	}
	if address != "" {
		if err := CheckAddress(address); err != nil {
			return nil, err
		}
		if w.address, err = url.Parse(address); err != nil {
			return nil, err //nolint:wrapcheck // was parsed before
		}
		transport.TLSClientConfig.ServerName = w.issuer.Hostname()
	}
	w.next = transport
	return w, nil
}

// take gives the exchanges since the last time.
func (w *wire) take() []Exchange {
	taken := w.taken
	w.taken = nil
	return taken
}

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.URL.Scheme != w.issuer.Scheme || request.URL.Host != w.issuer.Host {
		return nil, fmt.Errorf("%s is not the provider's: nothing is sent there", printable(request.URL.Host))
	}
	exchange := Exchange{Method: request.Method, Address: printable(request.URL.Scheme + "://" + request.URL.Host + request.URL.Path)}
	exchange.Request = maskedRequest(request)
	sent := request
	if w.address != nil {
		sent = request.Clone(request.Context())
		sent.Host = request.URL.Host
		sent.URL.Scheme, sent.URL.Host = w.address.Scheme, w.address.Host
	}
	response, err := w.next.RoundTrip(sent)
	var body []byte
	if err == nil {
		defer response.Body.Close() //nolint:errcheck // only read
		body, err = readAll(response.Body)
	}
	if err != nil {
		w.taken = append(w.taken, exchange)
		if w.lost == nil {
			w.lost = err
		}
		return nil, err
	}
	response.Request, response.Body = request, io.NopCloser(bytes.NewReader(body))
	exchange.Status, exchange.Response = response.StatusCode, maskedResponse(response, body)
	w.taken = append(w.taken, exchange)
	return response, nil
}

// maskedRequest is what a request says beyond its address.
func maskedRequest(request *http.Request) []Detail {
	details := maskedForm(request.URL.RawQuery)
	for _, name := range []string{"Origin", "Access-Control-Request-Method"} {
		if value := request.Header.Get(name); value != "" {
			details = append(details, Detail{name, printable(value)})
		}
	}
	if scheme, _, found := strings.Cut(request.Header.Get("Authorization"), " "); found {
		details = append(details, Detail{"Authorization", printable(scheme) + ", hidden"})
	}
	var cookies []string
	for _, cookie := range request.Cookies() {
		cookies = append(cookies, printable(cookie.Name))
	}
	if cookies != nil {
		details = append(details, Detail{"Cookie", strings.Join(cookies, ", ")})
	}
	if request.GetBody == nil {
		return details
	}
	body, err := request.GetBody()
	if err != nil {
		return details
	}
	text, err := readAll(body)
	if err != nil || len(text) == 0 {
		return details
	}
	if isJSON(request.Header) {
		return append(details, maskedMembers(text, nil)...)
	}
	return append(details, maskedForm(string(text))...)
}

// told are the members of answers that are worth a line, in their order.
var told = []string{
	"issuer", "authorization_endpoint", "token_endpoint", "end_session_endpoint", "keys", "id_token", "code", "redirect_uri", "access_token",
	"refresh_token", "token_type", "expires_in", "scope", "iss", "sub", "error", "error_description",
}

// maskedResponse is what an answer says.
func maskedResponse(response *http.Response, body []byte) []Detail {
	var details []Detail
	for _, name := range []string{"Content-Type", "Cache-Control", "Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Retry-After"} {
		if value := response.Header.Get(name); value != "" {
			details = append(details, Detail{name, printable(value)})
		}
	}
	for _, cookie := range response.Cookies() {
		details = append(details, Detail{"Set-Cookie", printable(cookie.Name)})
	}
	if isJSON(response.Header) {
		return append(details, maskedMembers(body, told)...)
	}
	if location := response.Header.Get("Location"); location != "" {
		return append(details, maskedAddress("Location", location)...)
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	p, err := readPage(response)
	response.Body = io.NopCloser(bytes.NewReader(body))
	if err != nil {
		return details
	}
	details = append(details, p.shows()...)
	if leads := p.leads(); leads != "" {
		details = append(details, maskedAddress("leads to", leads)...)
	}
	return details
}

func isJSON(header http.Header) bool {
	mediaType, _, err := mime.ParseMediaType(header.Get("Content-Type"))
	return err == nil && mediaType == "application/json"
}

// maskedMembers are those of a JSON object: the named ones, or all if names is nil.
func maskedMembers(body []byte, names []string) []Detail {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return nil
	}
	if names == nil {
		names = slices.Sorted(maps.Keys(members))
	}
	var details []Detail
	for _, name := range names {
		value, there := members[name]
		var text string
		var list []json.RawMessage
		switch {
		case !there:
		case json.Unmarshal(value, &text) == nil:
			details = append(details, masked(name, text))
		case json.Unmarshal(value, &list) == nil:
			details = append(details, Detail{name, fmt.Sprintf("%d entries", len(list))})
		default:
			details = append(details, masked(name, string(value)))
		}
	}
	return details
}
