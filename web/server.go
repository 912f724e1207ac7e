package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/loopback"
	"github.com/brandidp/idp/op/outbound"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/api"
)

// Options are what a provider with its pages is made of.
type Options struct {
	// Issuer is the issuer identifier, without a trailing slash.
	Issuer string
	Store  *storage.Store
	// MasterKey says where the key is that opens the database's keys.
	MasterKey seal.MasterKeySource
	// Signers say who computes signatures; nil for Go's own code.
	Signers *keys.Signers
	Brand   Brand
	Hashing password.Options
	// SessionIdle and SessionLifetime bound the sessions of browsers.
	SessionIdle     time.Duration
	SessionLifetime time.Duration
	// RefreshGrace is how long a used refresh token is answered again; 0 for never.
	RefreshGrace time.Duration
	// TrustedProxies are those whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix
	// OutboundNetworks may be called at addresses that clients have registered,
	// although they are not of the public internet.
	OutboundNetworks []netip.Prefix
	// HandOver has the brand sign people in and out itself.
	HandOver op.HandOver
	// Keys are the times of signing keys and of their publication.
	Keys keys.Settings
	// Version is that of the program, for the other instances.
	Version string
	Now     func() time.Time
	Rand    io.Reader
	Log     *slog.Logger
}

// Server is a provider with its pages, ready to be served.
type Server struct {
	// Provider is the protocol behind it.
	Provider *op.Provider
	// MasterKeyCreated is set when this start has made the master key.
	MasterKeyCreated bool

	handler http.Handler
}

// New opens the database's keys, makes what is missing at a first start, and
// reads clients and keys. The schema has to be there.
func New(ctx context.Context, opts Options) (*Server, error) {
	opened, err := seal.Open(ctx, opts.Store, opts.MasterKey, opts.Rand)
	if err != nil {
		return nil, err
	}
	hasher, err := password.New(opts.Hashing)
	if err != nil {
		return nil, fmt.Errorf("password hashing: %w", err)
	}
	s := &Server{MasterKeyCreated: opened.Created}
	base, err := op.BasePath(opts.Issuer)
	if err != nil {
		return nil, err
	}
	pages, err := NewPages(opts.Brand, base)
	if err != nil {
		return nil, err
	}
	s.Provider, err = op.New(op.Options{
		Issuer: opts.Issuer, Store: opts.Store, Keyring: opened.Keyring, Signers: opts.Signers, Pages: pages, Hasher: hasher,
		SessionIdle: opts.SessionIdle, SessionLifetime: opts.SessionLifetime, RefreshGrace: opts.RefreshGrace,
		ClientAddress: clientAddress(opts.TrustedProxies),
		Outbound:      outbound.New(outbound.Options{Loopback: loopback.URL(opts.Issuer), Networks: opts.OutboundNetworks}),
		HandOver:      opts.HandOver, Keys: opts.Keys, Version: opts.Version,
		Now: opts.Now, Rand: opts.Rand, Log: opts.Log,
	})
	if err != nil {
		return nil, err
	}
	if err := s.Provider.Load(ctx); err != nil {
		return nil, err
	}
	management, err := api.New(s.Provider, opts.Now, opts.Log) //nolint:contextcheck // requests have contexts of their own
	if err != nil {
		return nil, err
	}
	s.handler = handler(s.Provider, pages, management.Handler(), opts)
	return s, nil
}

// Handler answers everything below the issuer's path, and health checks.
func (s *Server) Handler() http.Handler { return s.handler }

// Run keeps the provider up to date until ctx ends.
func (s *Server) Run(ctx context.Context) { s.Provider.Run(ctx) }

// Leave tells the other instances that this one has ended, after its last answer.
func (s *Server) Leave(ctx context.Context) { s.Provider.Leave(ctx) }
