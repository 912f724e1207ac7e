// Package standin is a relying party that stands in for Conversational Cloud in
// tests and in the demonstration: it takes the brand's ID token or code as the
// cloud's clients bring it, examines it as strictly as the published contract
// can be read, and issues a consumer token of its own.
//
// It owns the relying party's half of the contract, and nothing that it says
// about a token is shared with the provider that made it: of this module it
// imports package liveperson alone, for plain types. It must never import the
// provider, and never serve a real brand: its consumers and conversations are
// kept in memory, and who knows a conversation's id may read it.
package standin

import (
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// Options are what a stand-in is made of.
type Options struct {
	// Address is where it answers, such as http://localhost:8082, without a
	// trailing slash. It is the issuer of its own tokens.
	Address string
	// AccountID is the one account it has.
	AccountID string
	// Connectors are how the account's identity providers are configured.
	Connectors []Connector
	// PageOrigins are the origins of the brand's pages, whose scripts may call it.
	PageOrigins []string
	// Client fetches keys and redeems codes. Redirects are not followed.
	Client *http.Client
	Now    func() time.Time
	Rand   io.Reader
}

// Cloud is a stand-in. Its methods may be called from several goroutines.
type Cloud struct {
	opts Options
	key  *rsa.PrivateKey
	seal []byte // the key that lp_sdes is encrypted with in consumer tokens

	visits        shelf[*visit]
	conversations shelf[*Conversation]
}

// rsaBits is the size of the key that signs consumer tokens.
const rsaBits = 2048

// New makes a stand-in with a key of its own.
func New(opts Options) (*Cloud, error) {
	key, err := rsa.GenerateKey(opts.Rand, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("stand-in: make a signing key: %w", err)
	}
	c := &Cloud{opts: opts, key: key, seal: make([]byte, sealKeySize)}
	if _, err := io.ReadFull(opts.Rand, c.seal); err != nil {
		return nil, fmt.Errorf("stand-in: make a key for lp_sdes: %w", err)
	}
	client := *opts.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.opts.Client = &client
	return c, nil
}

// AccountID is the account it has.
func (c *Cloud) AccountID() string { return c.opts.AccountID }

// PublicKey verifies its consumer tokens.
func (c *Cloud) PublicKey() *rsa.PublicKey { return &c.key.PublicKey }

// Connector finds a connector by its id.
func (c *Cloud) Connector(id string) (Connector, bool) {
	i := slices.IndexFunc(c.opts.Connectors, func(connector Connector) bool { return connector.ID == id })
	if i < 0 {
		return Connector{}, false
	}
	return c.opts.Connectors[i], true
}

// Routes hangs its endpoints into mux:
//
//	POST /api/account/{account}/app/{app}/engagement        who a page says is there
//	POST /api/account/{account}/app/{connector}/authenticate  the brand's token or code for a consumer token
//	POST /api/account/{account}/anonymous/authorize         an anonymous consumer
func (c *Cloud) Routes(mux *http.ServeMux) {
	const account = "/api/account/{account}"
	for path, handler := range map[string]http.HandlerFunc{
		account + "/app/{app}/engagement":         c.engage,
		account + "/app/{connector}/authenticate": c.authenticate,
		account + "/anonymous/authorize":          c.authorizeAnonymous,
	} {
		mux.Handle("POST "+path, c.forPages(c.forAccount(handler)))
		mux.Handle("OPTIONS "+path, c.forPages(http.HandlerFunc(preflight)))
	}
}

// forAccount refuses other accounts than the one there is.
func (c *Cloud) forAccount(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.PathValue("account") != c.opts.AccountID {
			refuse(w, &RefusalError{Status: http.StatusNotFound, InternalErrorCode: codeUnknownAccount, Message: "there is no such account"})
			return
		}
		next(w, r)
	})
}

// forPages lets scripts of the brand's pages read the answer.
func (c *Cloud) forPages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Add("Vary", "Origin")
		if origin := r.Header.Get("Origin"); slices.Contains(c.opts.PageOrigins, origin) {
			header.Set("Access-Control-Allow-Origin", origin)
			header.Set("Access-Control-Expose-Headers", "Content-Location")
		}
		next.ServeHTTP(w, r)
	})
}

func preflight(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Methods", "POST")
	w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
	w.WriteHeader(http.StatusNoContent)
}

// WindowPath is where the page of the external conversation window lies.
const WindowPath = "/le_unified_window/index.html"

// WindowAddress is the address of the external window's page, and the redirect
// address that it names at the brand.
func (c *Cloud) WindowAddress() string { return c.opts.Address + WindowPath }

// origin is the scheme and host of an address, "" if it cannot be read.
func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
