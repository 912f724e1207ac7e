package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/keys/pkcs11"
	"github.com/brandidp/idp/op/password"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/certificate"
)

// drainLimit is how long requests under way may take once the end has begun.
const drainLimit = 10 * time.Second

func newServeCommand(a *app) *cobra.Command {
	var acceptIssuer bool

	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the provider",
		Long: "Run the provider until SIGTERM or Ctrl-C. The first start makes the data directory, the\n" +
			"database, the master key and the signing key. From then on the database belongs to the issuer.",
		Example: "  idp serve\n  idp serve --issuer https://id.brand.example --listen 127.0.0.1:8080",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, log, err := a.load(cmd)
			if err != nil {
				return err
			}

			return serve(cmd.Context(), cfg, log, acceptIssuer)
		},
	}
	cmd.Flags().BoolVar(&acceptIssuer, "accept-issuer-change", false, "have the database belong to another issuer than before; for one start")

	return cmd
}

// serve runs the provider until ctx ends.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger, acceptIssuer bool) error {
	slog.SetDefault(slog.New(outsideRequests{log.Handler()}))

	checkIssuer := func(ctx context.Context, store *storage.Store) error {
		return claimIssuer(ctx, store, cfg.Issuer, acceptIssuer)
	}

	if os.Geteuid() == 0 {
		log.Warn("running as root; better as a user of its own: useradd --system --home-dir " + cfg.DataDir + " idp, then User=idp in the systemd unit")
	}

	tlsConfig, err := openCertificate(cfg, log)
	if err != nil {
		return err
	}

	listener, err := listen(ctx, "listen", cfg.Listen)
	if err != nil {
		return err
	}
	defer listener.Close() //nolint:errcheck // closed by the server in the normal case

	var internal net.Listener
	if cfg.Internal.Listen != "" {
		if internal, err = listen(ctx, "internal-listen", cfg.Internal.Listen); err != nil {
			return err
		}
		defer internal.Close() //nolint:errcheck // as above
	}

	db, err := openDatabase(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer db.Close(ctx)

	return runServer(ctx, cfg, db, log, checkIssuer, func(ctx context.Context, _ *storage.Store, server *web.Server) error {
		if server.MasterKeyCreated {
			log.Warn("a master key was made; without it nothing sealed in the database can be read: back it up apart from the database",
				"file", cfg.MasterKeyFile())
		}

		warnOfReadableKey(cfg, log)
		log.Info("ready", "issuer", cfg.Issuer, "listen", listener.Addr().String())

		ballast := newBallast()
		defer runtime.KeepAlive(ballast)

		return serveBoth(ctx, listener, internal, tlsConfig, server, log)
	})
}

// listen opens a listener, of the flag that names its address.
func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %s is taken by another program: name another address with --%s", flag, address, flag)
	}

	if err != nil {
		return nil, fmt.Errorf("%s: %w", flag, err)
	}

	return listener, nil
}

// serveBoth serves consumers, and the metrics if there is a listener for them,
// until ctx ends. The metrics stay until the last request has ended.
func serveBoth(ctx context.Context, public, internal net.Listener, tlsConfig *tls.Config, server *web.Server, log *slog.Logger) error {
	if internal == nil {
		return serveHTTP(ctx, public, tlsConfig, server.Handler(), log)
	}

	log.Info("metrics", "listen", internal.Addr().String())

	watched := &http.Server{Handler: server.Internal(), ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute}
	done := make(chan error, 1)

	go func() { done <- watched.Serve(internal) }()

	err := serveHTTP(ctx, public, tlsConfig, server.Handler(), log)
	_ = watched.Close()

	if failed := <-done; !errors.Is(failed, http.ErrServerClosed) {
		log.Error("metrics were not served", "error", failed)
	}

	return err
}

// openCertificate reads the certificate of the listener. Without one there is
// no configuration of TLS.
func openCertificate(cfg *config.Config, log *slog.Logger) (*tls.Config, error) {
	if cfg.TLS.CertificateFile == "" {
		return nil, nil //nolint:nilnil // as net/http has it
	}

	issuer, err := url.Parse(cfg.Issuer)
	if err != nil {
		return nil, fmt.Errorf("issuer: %w", err)
	}

	files, err := certificate.Open(certificate.Options{
		CertificateFile: cfg.TLS.CertificateFile, KeyFile: cfg.TLS.KeyFile, Host: issuer.Hostname(), Now: time.Now, Log: log,
	})
	if err != nil {
		return nil, err
	}

	return files.TLS(), nil
}

// claimIssuer has the database belong to the issuer, or refuses one that it does not
// belong to: consumers' sign-ins, tokens and connectors would break, and nobody would know
// why.
func claimIssuer(ctx context.Context, store *storage.Store, issuer string, accept bool) error {
	owner, err := store.ClaimIssuer(ctx, issuer)
	if err != nil || owner == issuer {
		return err
	}

	if !accept {
		return fmt.Errorf("issuer: this database belongs to %s, not to %s: start with --issuer %s, or name another database or data directory; "+
			"if the issuer is to change, which whoever relies on it has to be told, start once with --accept-issuer-change", owner, issuer, owner)
	}

	event := (&session{command: "serve --accept-issuer-change"}).event("issuer", "")
	if event.Before, err = json.Marshal(map[string]string{"issuer": owner}); err == nil {
		event.After, err = json.Marshal(map[string]string{"issuer": issuer})
	}

	if err != nil {
		return fmt.Errorf("change the issuer: %w", err)
	}

	return store.ChangeIssuer(ctx, issuer, event)
}

// runServer puts the provider together, if check has nothing against it, keeps it and its database going while f
// runs, and ends them in order after it.
func runServer(ctx context.Context, cfg *config.Config, db *database, log *slog.Logger,
	check func(context.Context, *storage.Store) error, f func(context.Context, *storage.Store, *web.Server) error,
) error {
	store, server, err := openServer(ctx, cfg, db, log, check)
	if err != nil {
		return err
	}
	defer store.Close()
	defer server.Leave(context.WithoutCancel(ctx))

	var background sync.WaitGroup
	defer background.Wait()

	ctx, stop := context.WithCancel(ctx)
	defer stop()
	background.Go(func() { db.Supervise(ctx) })
	background.Go(func() { server.Run(ctx) })

	return f(ctx, store, server)
}

// warnOfReadableKey tells of a master key file that others on this machine can
// read. It is no more than a warning, since mounted secrets often are.
func warnOfReadableKey(cfg *config.Config, log *slog.Logger) {
	if cfg.MasterKey != "" || cfg.MasterKeyCommand != nil {
		return
	}

	if info, err := os.Stat(cfg.MasterKeyFile()); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("the master key can be read by others on this machine: chmod 600 "+cfg.MasterKeyFile(), "mode", info.Mode().Perm().String())
	}
}

// openServer migrates the database and puts the provider together.
func openServer(ctx context.Context, cfg *config.Config, db *database, log *slog.Logger,
	check func(context.Context, *storage.Store) error,
) (*storage.Store, *web.Server, error) {
	if err := storage.Migrate(ctx, db.DirectURL); err != nil {
		return nil, nil, fmt.Errorf("bring up the schema: %w", err)
	}

	signers, err := newSigners(cfg)
	if err != nil {
		return nil, nil, err
	}

	by, why := signers.RSA()
	log.Info("signing with RSA keys of the database", "by", by, "why", why)

	if token, _ := signers.Token(); token != "" {
		log.Info("signing with the keys of a token", "token", token, "new_keys", cfg.Signer == keys.SignerPKCS11)
	}

	store, err := storage.Open(ctx, storage.Options{
		URL: db.URL, DirectURL: db.DirectURL, MaxConnections: int32(cfg.Database.MaxConnections), //nolint:gosec // checked by its option
	})
	if err != nil {
		return nil, nil, err
	}

	if check != nil {
		if err := check(ctx, store); err != nil {
			store.Close()

			return nil, nil, err
		}
	}

	server, err := web.New(ctx, web.Options{
		Issuer: cfg.Issuer, Store: store, MasterKey: masterKeySource(cfg), Signers: signers,
		Brand: web.Brand{
			Name: cfg.Brand.Name, Logo: cfg.Brand.Logo,
			Website: cfg.Brand.Website, PrimaryColor: cfg.Brand.PrimaryColor, BackgroundColor: cfg.Brand.BackgroundColor,
		},
		Hashing:     hashingOptions(cfg),
		SessionIdle: cfg.Session.IdleLifetime, SessionLifetime: cfg.Session.Lifetime, RefreshGrace: cfg.RefreshGrace,
		TrustedProxies: cfg.TrustedProxies, OutboundNetworks: cfg.Outbound.AllowedNetworks, HandOver: op.HandOver(cfg.HandOver), Keys: keySettings(cfg), Version: version, Now: time.Now, Rand: rand.Reader, Log: log,
	})
	if err != nil {
		store.Close()

		return nil, nil, err
	}

	return store, server, nil
}

// newSigners prepares who signs.
func newSigners(cfg *config.Config) (*keys.Signers, error) {
	return keys.NewSigners(keys.SignerOptions{
		Name: cfg.Signer, PKCS11: pkcs11.Options{Module: cfg.PKCS11.Module, Token: cfg.PKCS11.Token, PIN: string(cfg.PKCS11.PIN)},
	})
}

// masterKeySource says where the master key is.
func masterKeySource(cfg *config.Config) seal.MasterKeySource {
	if cfg.MasterKey != "" {
		return seal.MasterKeyValue(base64.StdEncoding.EncodeToString([]byte(cfg.MasterKey)))
	}

	if cfg.MasterKeyCommand != nil {
		return seal.MasterKeyCommand(cfg.MasterKeyCommand)
	}

	return seal.MasterKeyFile(cfg.MasterKeyFile())
}

// hashingOptions are the cost and limits of password hashing.
func hashingOptions(cfg *config.Config) password.Options {
	return password.Options{
		Memory: cfg.PasswordHashing.MemoryKiB, Iterations: cfg.PasswordHashing.Iterations,
		Concurrency: cfg.PasswordHashing.Concurrency, Queue: cfg.PasswordHashing.Queue, Random: rand.Reader,
	}
}

// serveHTTP serves until ctx ends, then lets requests under way finish. With a
// configuration of TLS it speaks HTTP/2 as well as HTTP/1.1, by TLS alone.
func serveHTTP(ctx context.Context, listener net.Listener, tlsConfig *tls.Config, handler http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: handler, TLSConfig: tlsConfig, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 96 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}

	done := make(chan error, 1)

	go func() {
		if tlsConfig == nil {
			done <- server.Serve(listener)
		} else {
			done <- server.ServeTLS(listener, "", "")
		}
	}()

	select {
	case err := <-done:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}

	log.Info("ending: letting requests under way finish")

	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainLimit)
	defer cancel()

	if err := server.Shutdown(bounded); err != nil {
		_ = server.Close()
	}

	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve: %w", err)
	}

	return nil
}
