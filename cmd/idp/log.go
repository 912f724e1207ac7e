package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/brandidp/idp/cmd/idp/config"
	"github.com/brandidp/idp/op"
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

// outsideRequests is for what libraries log: nothing within a request, of which the
// provider itself tells, once and with its id.
type outsideRequests struct{ slog.Handler }

// Enabled tells whether something is told.
func (h outsideRequests) Enabled(ctx context.Context, level slog.Level) bool {
	return op.RequestID(ctx) == "" && h.Handler.Enabled(ctx, level)
}

// WithAttrs is the same with attributes.
func (h outsideRequests) WithAttrs(attrs []slog.Attr) slog.Handler {
	return outsideRequests{h.Handler.WithAttrs(attrs)}
}

// WithGroup is the same with a group.
func (h outsideRequests) WithGroup(name string) slog.Handler {
	return outsideRequests{h.Handler.WithGroup(name)}
}
