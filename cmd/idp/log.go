package main

import (
	"io"
	"log/slog"

	"github.com/brandidp/idp/cmd/idp/config"
)

// newLog makes the log of a command; it goes to standard error, since
// standard output is for results.
func newLog(w io.Writer, cfg config.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: cfg.Level}
	if cfg.Format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}

	return slog.New(slog.NewTextHandler(w, options))
}
