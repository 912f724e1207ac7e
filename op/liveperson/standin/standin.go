// Package standin is a relying party that stands in for Conversational Cloud in
// tests and in the demonstration: it takes the brand's ID token or code as the
// cloud's clients bring it, examines it as strictly as the published contract
// can be read, and issues a consumer token of its own.
//
// It plays each part of the cloud that meets a brand: the services of the account
// (Domain API, the public document of its connectors, authenticate in its three
// versions, anonymous consumers, Get Tokens), the external window (Launch and
// Return), the app's library (AppLibrary), and what an agent sees of a
// conversation. Where the sources disagree about what the cloud does, a Connector
// has a setting for it. Not played are the channels that have no part in a brand's
// sign-in: the Connector API, the older chat, the message service itself, and the
// sign-up that is not for production.
//
// It owns the relying party's half of the contract, and nothing that it says
// about a token is shared with the provider that made it: of this module it
// imports package liveperson alone, for plain types and the table of lp_sdes. It
// must never import the provider, and never serve a real brand: its consumers and
// conversations are kept in memory, and who knows a conversation's id may read it,
// and bring a fresh token for it.
package standin

import (
	"crypto/rsa"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Options are what a stand-in is made of.
type Options struct {
	// Address is where it answers, such as http://localhost:8082, without a
	// trailing slash. It is the issuer of its own tokens.
	Address string
	// AccountID is the one account it has.
	AccountID string
	// Connectors are how the account's identity providers are configured. Configure
	// adds to them.
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
	seal []byte // the key that lp_sdes and code verifiers are sealed with
	// decryption opens encrypted ID tokens; the key is made at the first call.
	decryption func() (*rsa.PrivateKey, error)

	mu         sync.RWMutex
	connectors []Connector

	appToken string

	visits        shelf[*visit]
	conversations shelf[*Conversation]
	tokens        shelf[*brandTokens]   // by the consumer's id
	links         shelf[delegating]     // by state
	delegated     shelf[delegatedToken] // by the conversation's id
}

// rsaBits is the size of the key that signs consumer tokens.
const rsaBits = 2048

// New makes a stand-in with a key of its own.
func New(opts Options) (*Cloud, error) {
	key, err := rsa.GenerateKey(opts.Rand, rsaBits)
	if err != nil {
		return nil, fmt.Errorf("stand-in: make a signing key: %w", err)
	}
	c := &Cloud{opts: opts, key: key, seal: make([]byte, sealKeySize), connectors: slices.Clone(opts.Connectors)}
	if _, err := io.ReadFull(opts.Rand, c.seal); err != nil {
		return nil, fmt.Errorf("stand-in: make a key to seal with: %w", err)
	}
	c.decryption = sync.OnceValues(func() (*rsa.PrivateKey, error) {
		key, err := rsa.GenerateKey(opts.Rand, rsaBits)
		if err != nil {
			return nil, fmt.Errorf("stand-in: make an encryption key: %w", err)
		}
		return key, nil
	})
	c.appToken = c.newID() + c.newID()
	client := *opts.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.opts.Client = &client
	return c, nil
}

// AccountID is the account it has.
func (c *Cloud) AccountID() string { return c.opts.AccountID }

// PublicKey verifies its consumer tokens.
func (c *Cloud) PublicKey() *rsa.PublicKey { return &c.key.PublicKey }

// Configure adds a connector, or puts it in the place of the one with its id.
func (c *Cloud) Configure(connector Connector) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := slices.IndexFunc(c.connectors, func(other Connector) bool { return other.ID == connector.ID }); i >= 0 {
		c.connectors[i] = connector
		return
	}
	c.connectors = append(c.connectors, connector)
}

// Connectors are those of the account.
func (c *Cloud) Connectors() []Connector {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return slices.Clone(c.connectors)
}

// Connector finds a connector by its id; DefaultConnector is the preferred one.
func (c *Cloud) Connector(id string) (Connector, bool) {
	all := c.Connectors()
	i := slices.IndexFunc(all, func(connector Connector) bool { return connector.ID == id })
	if i < 0 && id == DefaultConnector && len(all) > 0 {
		i = max(0, slices.IndexFunc(all, func(connector Connector) bool { return connector.Preferred }))
	}
	if i < 0 {
		return Connector{}, false
	}
	return all[i], true
}

// Routes hangs its endpoints into mux. As the real services have them:
//
//	GET  /api/account/{account}/service/baseURI.json          Domain API: the hosts of all services
//	GET  /api/account/{account}/service/{service}/baseURI.json  Domain API: the host of one
//	GET  /api/account/{account}/configuration/le-connectors/all-connectors  the connectors, without secrets
//	POST /api/account/{account}/app/{app}/engagement          who a page says is there
//	POST /api/account/{account}/authenticate                  {"authCode"} for {"jwt"}
//	POST /api/account/{account}/app/{connector}/authenticate  ?v=2.0 {"code"} for {"jwt"}, ?v=3.0 {"id_token"} or {"code"} for {"token"}
//	POST /api/account/{account}/anonymous/authorize           an anonymous consumer
//	GET  /api/account/{account}/consumer/{consumer}/brand/tokens  Get Tokens API: what was delegated, see AppToken
//	GET  /callback/{account}/redirectCode, …/redirectedCode   the way back from a delegation link
//
// What the real ones do in ways that are not published, in ways of its own:
//
//	POST /api/account/{account}/app/{connector}/pkce          a proof key before a code is asked for, see PKCE
//	GET  /api/account/{account}/conversations/{id}/messages   what was written, for its consumer
//	POST /api/account/{account}/conversations/{id}/messages   {"text"}: its consumer writes
//	POST /api/account/{account}/pusher                        an app registers for push messages
func (c *Cloud) Routes(mux *http.ServeMux) {
	const account = "/api/account/{account}"
	methods := map[string][]string{} // by path
	for _, route := range []struct {
		method, path string
		handler      http.HandlerFunc
	}{
		{http.MethodGet, "/service/baseURI.json", c.domain},
		{http.MethodGet, "/service/{service}/baseURI.json", c.domain},
		{http.MethodGet, "/configuration/le-connectors/all-connectors", c.allConnectors},
		{http.MethodPost, "/app/{app}/engagement", c.engage},
		{http.MethodPost, "/authenticate", c.authenticateLegacy},
		{http.MethodPost, "/app/{connector}/authenticate", c.authenticate},
		{http.MethodPost, "/app/{connector}/pkce", c.proof},
		{http.MethodPost, "/anonymous/authorize", c.authorizeAnonymous},
		{http.MethodGet, "/conversations/{id}/messages", c.readMessages},
		{http.MethodPost, "/conversations/{id}/messages", c.writeMessage},
		{http.MethodPost, "/pusher", c.registerPusher},
	} {
		methods[route.path] = append(methods[route.path], route.method)
		mux.Handle(route.method+" "+account+route.path, c.forPages(c.forAccount(route.handler)))
	}
	mux.Handle("GET "+account+"/consumer/{consumer}/brand/tokens", c.forAccount(c.readTokens)) // for services, not for pages
	for _, spelling := range []string{"redirectCode", "redirectedCode"} {
		mux.Handle("GET /callback/{account}/"+spelling, c.forAccount(c.callback))
	}
	for path, allowed := range methods {
		mux.Handle("OPTIONS "+account+path, c.forPages(preflight(allowed)))
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

func preflight(methods []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
		w.Header().Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		w.WriteHeader(http.StatusNoContent)
	})
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
