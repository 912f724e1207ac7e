package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/builtin"
)

// stopLimit is how long the built-in PostgreSQL may take to stop.
const stopLimit = 30 * time.Second

// database is the PostgreSQL that a command works on. Close it.
type database struct {
	URL       string // connection string
	DirectURL string // the same without a pooler between: for LISTEN and migrations

	server *builtin.Server // nil if the operator named a server
	log    *slog.Logger
}

// openDatabase returns the database that the configuration names, or starts or
// joins the built-in PostgreSQL. A server that was named is not dialled yet.
func openDatabase(ctx context.Context, cfg *config.Config, log *slog.Logger) (*database, error) {
	if cfg.Database.URL != "" {
		return &database{URL: string(cfg.Database.URL), DirectURL: string(cfg.Database.DirectURL), log: log}, nil
	}

	server, err := builtin.Start(ctx, builtin.Options{DataDir: cfg.DataDir, Log: log})
	if errors.Is(err, builtin.ErrDataDir) {
		return nil, fmt.Errorf("data_dir: %w; choose another with --data-dir", err)
	}

	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrUnavailable, err)
	}

	return &database{URL: server.URL(), DirectURL: server.URL(), server: server, log: log}, nil
}

// Supervise restarts the built-in PostgreSQL after a crash until ctx ends. With
// a server that the operator named there is nothing to do.
func (d *database) Supervise(ctx context.Context) {
	if d.server != nil {
		d.server.Supervise(ctx)
	}
}

// Close leaves the built-in PostgreSQL, which stops with the last to leave.
func (d *database) Close(ctx context.Context) {
	if d.server == nil {
		return
	}

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopLimit)
	defer cancel()

	if err := d.server.Stop(ctx); err != nil {
		d.log.Error("stop the built-in PostgreSQL", "error", err)
	}
}
