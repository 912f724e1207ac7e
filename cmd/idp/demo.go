package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/sync/errgroup"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/builtin"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/demo"
)

// demoPort is the first of the three ports that are tried when none is named.
const demoPort = 8080

// What --token-lifetime may be.
const (
	shortestDemoLifetime = 5 * time.Second
	longestDemoLifetime  = 24 * time.Hour
)

func newDemoCommand(a *app) *cobra.Command {
	var (
		port          int
		tokenLifetime time.Duration
	)

	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the main job on this machine: a brand, its provider and a conversation window",
		Long: "Show the main job on this machine: the provider, a brand's small site and a stand-in for\n" +
			"Conversational Cloud, each on a port of its own and for this machine alone. Everything lies in\n" +
			"a temporary folder, with a PostgreSQL of its own, and is gone after Ctrl-C.",
		Example: "  idp demo\n  idp demo --port 9000            the ports 9000, 9001 and 9002\n" +
			"  idp demo --token-lifetime 1m    see conversations go on when their token has expired",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := refuseDemoFlags(cmd); err != nil {
				return err
			}

			if tokenLifetime < shortestDemoLifetime || tokenLifetime > longestDemoLifetime || tokenLifetime%time.Second != 0 {
				return fmt.Errorf("--token-lifetime must be in whole seconds from 5s to 24h, not %v", tokenLifetime)
			}

			// Closing the terminal ends it in order, too: else its PostgreSQL would run on.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()

			d := demonstration{flags: a.inputs.Flags, stdout: cmd.OutOrStdout(), stderr: cmd.ErrOrStderr(), tokenLifetime: tokenLifetime}

			err := d.listen(ctx, port, cmd.Flags().Changed("port"))
			if err == nil {
				err = d.run(ctx)
			}

			if ctx.Err() == nil || errors.Is(err, errLeftBehind) {
				return err
			}

			// Somebody ended it, ready or not.
			fmt.Fprintln(d.stdout, "Ended; nothing is left behind.")

			return nil
		},
	}
	cmd.Flags().DurationVar(&tokenLifetime, "token-lifetime", time.Hour, "how long the connectors' ID tokens live, from 5s to 24h")
	cmd.Flags().IntVar(&port, "port", demoPort,
		"the first of three ports in a row; 0 is any that are free, as when the default ones are taken")

	return cmd
}

// errLeftBehind means that the demonstration's folder is still there.
var errLeftBehind = errors.New("the demonstration's folder could not be removed")

// refuseDemoFlags refuses what would lead the demonstration to somebody's data.
func refuseDemoFlags(cmd *cobra.Command) error {
	allowed := map[string]bool{"log-level": true, "log-format": true}

	var err error

	cmd.InheritedFlags().VisitAll(func(flag *pflag.Flag) {
		if flag.Changed && !allowed[flag.Name] {
			err = fmt.Errorf("idp demo keeps everything to itself: --%s cannot be given", flag.Name)
		}
	})

	return err
}

// demonstration is the three parties on this machine.
type demonstration struct {
	flags          *pflag.FlagSet
	stdout, stderr io.Writer

	provider, brand, cloud net.Listener
	addresses              demo.Addresses
	secrets                demo.Secrets
	tokenLifetime          time.Duration
}

// listen takes three ports on loopback: those from port on, or any that are free.
func (d *demonstration) listen(ctx context.Context, port int, asked bool) error {
	listeners, err := listenInARow(ctx, port)
	if err != nil && !asked {
		listeners, err = listenInARow(ctx, 0)
	}

	if err != nil {
		return fmt.Errorf("%w: choose three free ports in a row with --port, or --port 0 for any", err)
	}

	d.provider, d.brand, d.cloud = listeners[0], listeners[1], listeners[2]
	address := func(l net.Listener) string {
		_, port, _ := net.SplitHostPort(l.Addr().String())

		return "http://localhost:" + port
	}
	d.addresses = demo.Addresses{Provider: address(d.provider), Brand: address(d.brand), Cloud: address(d.cloud)}

	return nil
}

func listenInARow(ctx context.Context, port int) ([]net.Listener, error) {
	const parties, lastPort = 3, 65535

	if port < 0 || port > lastPort-parties+1 {
		return nil, fmt.Errorf("port %d has no two others behind it", port)
	}

	var listeners []net.Listener

	for i := range parties {
		number := port
		if port != 0 {
			number += i
		}

		l, err := listenOnLoopback(ctx, number)
		if err != nil {
			for _, l := range listeners {
				_ = l.Close()
			}

			return nil, err
		}

		listeners = append(listeners, l)
	}

	return listeners, nil
}

// listenOnLoopback listens on 127.0.0.1. A browser may try ::1 first when it is
// given localhost, so nobody else may have the port there.
func listenOnLoopback(ctx context.Context, port int) (net.Listener, error) {
	var lc net.ListenConfig

	l, err := lc.Listen(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, fmt.Errorf("port %d on this machine cannot be used (%w)", port, errors.Unwrap(err))
	}

	other, err := lc.Listen(ctx, "tcp", fmt.Sprintf("[::1]:%d", l.Addr().(*net.TCPAddr).Port)) //nolint:forcetypeassert // of a TCP listener
	if errors.Is(err, syscall.EADDRINUSE) {
		_ = l.Close()

		return nil, fmt.Errorf("port %d on this machine is taken on [::1]", port)
	}

	if err == nil {
		_ = other.Close()
	}

	return l, nil
}

// run makes everything in a folder, serves until ctx ends, and removes it.
func (d *demonstration) run(ctx context.Context) (err error) {
	for _, l := range []net.Listener{d.provider, d.brand, d.cloud} {
		defer l.Close() //nolint:errcheck // closed by its server in the normal case
	}

	dir, err := makeDemoDir()
	if err != nil {
		return err
	}

	defer func() {
		if removed := os.RemoveAll(dir); removed != nil {
			err = errors.Join(err, fmt.Errorf("%w: %w", errLeftBehind, removed))
		}
	}()

	cfg, err := d.config(dir)
	if err != nil {
		return err
	}

	log := newLog(d.stderr, cfg.Log)

	db, err := startDisposable(ctx, dir, log)
	if err != nil {
		return err
	}
	defer db.Close(ctx)

	return runServer(ctx, cfg, db, log, nil, func(ctx context.Context, store *storage.Store, server *web.Server) error {
		return d.play(ctx, &session{cfg: cfg, log: log, store: store, command: "demo"}, server, dir)
	})
}

// play applies the brand file, serves the three parties and says where they are.
func (d *demonstration) play(ctx context.Context, s *session, server *web.Server, dir string) error {
	parties, ctx := errgroup.WithContext(ctx)

	parties.Go(func() error { return serveHTTP(ctx, d.provider, nil, server.Handler(), s.log) })
	parties.Go(func() error {
		if err := d.apply(ctx, s); err != nil {
			return err
		}

		if err := server.Provider.Load(ctx); err != nil {
			return err
		}

		brand, cloud, err := d.sites(ctx, s)
		if err != nil {
			return err
		}

		parties.Go(func() error { return serveHTTP(ctx, d.brand, nil, brand, s.log) })
		parties.Go(func() error { return serveHTTP(ctx, d.cloud, nil, cloud, s.log) })
		d.print(dir)

		return nil
	})

	return parties.Wait() //nolint:wrapcheck // of functions here
}

func (d *demonstration) apply(ctx context.Context, s *session) error {
	var err error
	if d.secrets, err = demo.MakeSecrets(rand.Reader); err != nil {
		return err
	}

	file, err := demo.BrandFile(d.addresses, d.secrets, d.tokenLifetime)
	if err != nil {
		return err
	}

	_, err = s.applyFile(ctx, applyFlags{}, "brand.yaml", file)

	return err
}

// sites are the brand's and the stand-in's. The stand-in's connectors are
// configured with what idp connector settings prints.
func (d *demonstration) sites(ctx context.Context, s *session) (brand, cloud http.Handler, err error) {
	const patience = 10 * time.Second

	client := &http.Client{Timeout: patience}

	connectors, err := demo.Connectors(d.secrets, func(clientID string) ([]liveperson.ConnectorField, error) {
		settings, err := s.connectorSettings(ctx, clientID)
		if err != nil {
			return nil, err
		}

		return settings.Fields, nil
	})
	if err != nil {
		return nil, nil, err
	}

	relyingParty, err := standin.New(standin.Options{
		Address: d.addresses.Cloud, AccountID: demo.AccountID, Connectors: connectors, PageOrigins: []string{d.addresses.Brand},
		Client: client, Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		return nil, nil, err
	}

	if cloud, err = demo.NewCloud(relyingParty, d.addresses, connectors); err != nil {
		return nil, nil, err
	}

	brand, err = demo.NewBrand(ctx, demo.BrandOptions{
		Addresses: d.addresses, Secrets: d.secrets, Client: client, Now: time.Now, Rand: rand.Reader,
	})

	return brand, cloud, err
}

// config is the provider's. Files and variables of this machine have no say.
func (d *demonstration) config(dir string) (*config.Config, error) {
	cfg, err := config.Load(config.Inputs{Flags: d.flags, UserID: os.Geteuid(), Environ: []string{
		"IDP_LISTEN=" + d.provider.Addr().String(), "IDP_ISSUER=" + d.addresses.Provider, "IDP_DATA_DIR=" + dir,
		"IDP_BRAND_NAME=Larkspur", "IDP_BRAND_PRIMARY_COLOR=#4b3fa7", "IDP_BRAND_BACKGROUND_COLOR=#f7f6fb", "IDP_LOG_LEVEL=warn",
	}})
	if err != nil {
		return nil, fmt.Errorf("the configuration is refused:\n%w", err)
	}

	return cfg, nil
}

// makeDemoDir makes the folder of one demonstration. As root, PostgreSQL's user
// passes through it.
func makeDemoDir() (string, error) {
	dir, err := os.MkdirTemp("", "idp-demo-")
	if err == nil && os.Geteuid() == 0 {
		err = os.Chmod(dir, 0o711) //nolint:gosec // passable, not readable
	}

	if err != nil {
		return "", fmt.Errorf("make a folder for the demonstration: %w", err)
	}

	return dir, nil
}

// startDisposable starts a PostgreSQL that nobody will miss: it syncs nothing.
func startDisposable(ctx context.Context, dir string, log *slog.Logger) (*database, error) {
	server, err := builtin.Start(ctx, builtin.Options{DataDir: dir, Log: log, Disposable: true})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}

	return &database{URL: server.URL(), DirectURL: server.URL(), server: server, log: log}, nil
}

// print says where the three are and who can sign in.
func (d *demonstration) print(dir string) {
	boxes := [][2]string{
		{"Larkspur, the brand", d.addresses.Brand}, {"idp, its provider", d.addresses.Provider}, {"Conversational Cloud,", d.addresses.Cloud},
	}

	width := 0
	for _, box := range boxes {
		width = max(width, len(box[0]), len(box[1]))
	}

	line := strings.Repeat("─", width+2)
	row := func(a, b, c, between string) string {
		return fmt.Sprintf("  │ %-*s │%s│ %-*s │%s│ %-*s │\n", width, a, between, width, b, strings.ReplaceAll(between, "─▶", "◀─"), width, c)
	}
	edge := func(left, right string) string {
		box := left + line + right

		return "  " + box + "    " + box + "    " + box + "\n"
	}

	var text strings.Builder
	text.WriteString("\nThe demonstration is ready.\n\n")
	text.WriteString(edge("┌", "┐"))
	text.WriteString(row(boxes[0][0], boxes[1][0], boxes[2][0], "    "))
	text.WriteString(row("", "", "a stand-in", " ─▶ "))
	text.WriteString(row(boxes[0][1], boxes[1][1], boxes[2][1], "    "))
	text.WriteString(edge("└", "┘"))
	fmt.Fprintf(&text, "\n  Open %s, sign in, and begin a conversation.\n\n", d.addresses.Brand)

	for i, name := range demo.Usernames {
		fmt.Fprintf(&text, "      %-8s %s\n", name, d.secrets.Passwords[i])
	}

	fmt.Fprintf(&text, "\n  Tokens live for %v; --token-lifetime 1m shows soon how a conversation goes on after that.\n"+
		"  %s/?pop-up is for a browser that keeps the provider's cookie from the page.\n", d.tokenLifetime, d.addresses.Brand)
	fmt.Fprintf(&text, "\n  It is for this machine alone and lies in %s. Ctrl-C ends and removes it.\n\n", dir)
	fmt.Fprint(d.stdout, text.String())
}
