package inspect

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/brandidp/idp/op/loopback"
)

// The bounds of what is asked of a provider.
const (
	fetchLimit = 5 * time.Second
	fetchSize  = 64 << 10 // bytes
)

// ErrUnreachable means that the provider did not answer: trying again may help.
var ErrUnreachable = errors.New("the provider does not answer")

// errNotFound is that of an answer with status 404.
var errNotFound = errors.New("the answer has status 404")

// FetchKeys reads the keys of a provider that is running, found from its
// discovery document (OpenID Connect Discovery 4): those that sign for one client
// (/jwks/{client_id}.json, as this provider publishes them), or without a client
// all of jwks_uri. Addresses are https, or http on loopback; there are 5 seconds
// and 64 KB for each answer, and no redirects. An error wraps ErrUnreachable if there
// was no answer.
func FetchKeys(ctx context.Context, issuer, clientID string) (*Keys, error) {
	transport := &http.Transport{Proxy: loopback.Proxy, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{
		Transport:     transport,
		Timeout:       fetchLimit,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if strings.ContainsAny(issuer, "?#") {
		return nil, errors.New("the issuer must not have a query or a fragment (OpenID Connect Discovery 3)")
	}
	document, err := fetch(ctx, client, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration")
	if err != nil {
		return nil, fmt.Errorf("discovery: %w", err)
	}
	var discovery struct {
		Issuer  string `json:"issuer"`
		JWKSURI string `json:"jwks_uri"`
	}
	if json.Unmarshal(document, &discovery) != nil {
		return nil, errors.New("discovery: the answer is no discovery document")
	}
	if discovery.Issuer != issuer {
		return nil, fmt.Errorf("discovery: the provider calls itself %s, not %s, letter by letter", quoted(discovery.Issuer), quoted(issuer))
	}
	address := discovery.JWKSURI
	if clientID != "" {
		address = strings.TrimSuffix(issuer, "/") + "/jwks/" + url.PathEscape(clientID) + ".json"
	}
	document, err = fetch(ctx, client, address)
	if errors.Is(err, errNotFound) && clientID != "" {
		return nil, fmt.Errorf("keys: the issuer has no connector of that name: %w", err)
	}
	if err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	keys, err := parseJWK(document)
	if err != nil {
		return nil, fmt.Errorf("keys: %s: %w", address, err)
	}
	if !keys.set {
		return nil, fmt.Errorf("keys: %s: the answer is no key set", address)
	}
	return keys, nil
}

// fetch reads one document. Nothing of an answer that is none is repeated.
func fetch(ctx context.Context, client *http.Client, address string) ([]byte, error) {
	if err := checkAddress(address); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address, err)
	}
	request.Header.Set("Accept", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreachable, err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%s: %w", address, errNotFound)
	}
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: the answer has status %d", address, response.StatusCode)
	}
	document, err := io.ReadAll(io.LimitReader(response.Body, fetchSize+1))
	if err != nil {
		return nil, fmt.Errorf("%w: read %s: %w", ErrUnreachable, address, err)
	}
	if len(document) > fetchSize {
		return nil, fmt.Errorf("%s: the answer is longer than 64 KB", address)
	}
	return document, nil
}

// checkAddress keeps to https, and http on this machine.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return errors.New("the address must be https://host/path, without credentials or fragment")
	}
	if u.Scheme == "https" || u.Scheme == "http" && loopback.Host(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%s: must be https, or http on loopback", address)
}
