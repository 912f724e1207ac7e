// Package op is the OpenID Provider: the protocol. Requests come in, decisions
// are made, responses go out. It has no HTML, which Pages draws, and no SQL,
// which storage owns. There is one file per endpoint, named after it.
//
// Clients and keys are held in memory as one immutable view. An authorization
// request is not stored: it travels sealed (package ticket) until somebody has
// proved who they are; but where people sign in at the brand (HandOver), it is.
//
// github.com/zitadel/oidc/v3 parses and routes the endpoints that clients
// authenticate at: token, introspection and revocation. Everything else is a plain
// http.Handler of ours, since it needs cookies, pages or prepared bytes. Its Crypto,
// Storage and LegacyServer are not used.
package op

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/outbound"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/op/session"
	"github.com/brandidp/idp/op/ticket"
	"github.com/brandidp/idp/storage"
)

// Options are what a Provider is made of. All of them are needed but Signers.
type Options struct {
	// Issuer is the issuer identifier, without a trailing slash.
	Issuer  string
	Store   *storage.Store
	Keyring *seal.Keyring
	// Signers say who computes signatures; nil for Go's own code.
	Signers *keys.Signers
	Pages   Pages
	Hasher  *password.Hasher
	// SessionIdle and SessionLifetime bound the sessions of browsers.
	SessionIdle     time.Duration
	SessionLifetime time.Duration
	// RefreshGrace is how long a used refresh token is answered again; 0 for never.
	RefreshGrace time.Duration
	// ClientAddress tells from which network address a request comes, proxies
	// considered.
	ClientAddress func(*http.Request) netip.Addr
	// Outbound calls the addresses that clients have registered.
	Outbound *outbound.Client
	// HandOver has the brand sign people in and out itself.
	HandOver HandOver
	// Keys are the times of signing keys and of their publication.
	Keys keys.Settings
	// Version is that of the program, for the other instances.
	Version string
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger
}

// Provider is an OpenID Provider for one issuer.
type Provider struct {
	opts     Options
	basePath string // path of the issuer, "" for none
	sessions *session.Store
	tickets  *ticket.Sealer
	throttle *password.Throttle
	refresh  refreshTokens
	view     atomic.Pointer[stamped]

	refreshing sync.Mutex // held while the view is read anew
	library    http.Handler
	touches    chan *storage.SignedIn
	logouts    *logouts
	webhook    *webhook
	// tokenLimit is how often one session's pages may ask for a token.
	tokenLimit sessionLimit
	records    records
	instance   *instance // guarded by refreshing
	requestKey []byte    // of the MACs by which repeated requests are known
}

// New prepares a provider. Load must succeed, or Run be running, before it can
// answer.
func New(opts Options) (*Provider, error) {
	base, err := BasePath(opts.Issuer)
	if err != nil {
		return nil, err
	}
	secure := strings.HasPrefix(opts.Issuer, "https:")
	tickets, err := ticket.NewSealer(opts.Keyring, opts.Issuer, secure, opts.Now, opts.Rand)
	if err != nil {
		return nil, fmt.Errorf("new provider: %w", err)
	}
	throttleKey, err := opts.Keyring.Derive(seal.Throttle, "sign-in buckets")
	if err != nil {
		return nil, fmt.Errorf("new provider: %w", err)
	}
	throttle, err := password.NewThrottle(throttleKey)
	if err != nil {
		return nil, fmt.Errorf("new provider: %w", err)
	}
	refresh, err := newRefreshTokens(opts.Keyring, opts.Rand)
	if err != nil {
		return nil, fmt.Errorf("new provider: %w", err)
	}
	requestKey, err := opts.Keyring.Derive(seal.Idempotency, "requests")
	if err != nil {
		return nil, fmt.Errorf("new provider: %w", err)
	}
	instance, err := newInstance(opts.Rand)
	if err != nil {
		return nil, fmt.Errorf("new provider: %w", err)
	}
	p := &Provider{
		requestKey: requestKey,
		instance:   instance,

		opts:     opts,
		basePath: base,
		tickets:  tickets,
		throttle: throttle,
		refresh:  refresh,
		sessions: session.NewStore(opts.Store, opts.Rand, session.Options{
			Secure: secure, Idle: opts.SessionIdle, Absolute: opts.SessionLifetime,
		}),
		touches: make(chan *storage.SignedIn, 256),
		logouts: newLogouts(),
		webhook: newWebhook(),
	}
	p.library = p.libraryServer()
	return p, nil
}

// Issuer is the issuer identifier.
func (p *Provider) Issuer() string { return p.opts.Issuer }

// BasePath gives the path of an issuer, below which every route hangs: "" or a
// path without a trailing slash.
func BasePath(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil || u.Host == "" || strings.HasSuffix(issuer, "/") {
		return "", errors.New("issuer: must be an absolute URL without a trailing slash")
	}
	return u.Path, nil
}

// Store is where the provider keeps everything.
func (p *Provider) Store() *storage.Store { return p.opts.Store }

// HashPassword hashes a new password behind the limit that sign-ins have, too.
func (p *Provider) HashPassword(ctx context.Context, typed string) (string, error) {
	return p.opts.Hasher.Hash(ctx, typed)
}

// BasePath is the path of the issuer, below which every route hangs.
func (p *Provider) BasePath() string { return p.basePath }

// touch has the idle expiry of a session moved on after the request, if due.
func (p *Provider) touch(in *storage.SignedIn) {
	if in == nil || !p.sessions.Stale(in) {
		return
	}
	select {
	case p.touches <- in:
	default: // the next request will ask again
	}
}

func (p *Provider) runTouches(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case in := <-p.touches:
			if err := p.sessions.Touch(ctx, in); err != nil {
				p.opts.Log.WarnContext(ctx, "idle expiry of a session was not moved on", "error", err)
			}
		}
	}
}
