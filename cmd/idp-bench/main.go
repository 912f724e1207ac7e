// Command idp-bench measures a running provider. It starts idp with its own
// PostgreSQL in a folder that is thrown away, drives it as browsers and relying
// parties would, and prints what an operation costs: operations a second, how
// long one takes, and the CPU time of the provider and of the database, from the
// operating system's accounting, which is what survives a busy machine.
//
// The yardstick is one bare RSA-2048 signature of Go's crypto/rsa, measured in
// the same run: a provider cannot issue an ID token for less.
//
// With -consumers it compares what is done for one consumer among so many with the same
// among a thousand.
//
// It is for developers (make bench, make bench-scale). It sees the provider from outside alone.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	binary   string
	duration time.Duration
	workers  int
	only     string
	json     bool
	// consumers is how many the scale is measured with, 0 for all else.
	consumers int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "interrupted")
		os.Exit(130)
	default:
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// run measures and prints. Figures are never a failure; a provider that does not
// answer as it should is.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parse(args, stderr)
	if err != nil {
		return err
	}
	progress := func(format string, a ...any) { fmt.Fprintf(stderr, format+"\n", a...) }

	if opts.consumers > 0 {
		return runScale(ctx, opts, stdout, progress)
	}
	progress("starting a provider with a database of its own")
	p, err := startProvider(ctx, opts.binary, opts.workers)
	if err != nil {
		return err
	}
	defer p.stop()

	result, err := measureAll(ctx, p, opts, progress)
	if err != nil {
		return p.explain(err)
	}
	if opts.json {
		encoder := json.NewEncoder(stdout)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(result)
	} else {
		err = result.print(stdout)
	}
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func parse(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("idp-bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.binary, "idp", "bin/idp", "the binary to measure")
	flags.DurationVar(&opts.duration, "duration", 5*time.Second, "how long each scenario runs")
	flags.IntVar(&opts.workers, "workers", 16, "browsers at once, each with a connection and a consumer of its own")
	flags.StringVar(&opts.only, "only", "", "measure only scenarios whose name contains this")
	flags.IntVar(&opts.consumers, "consumers", 0, "compare what is done for one among so many consumers with 1,000, and measure nothing else")
	flags.BoolVar(&opts.json, "json", false, "print JSON instead of a table")
	if err := flags.Parse(args); err != nil {
		return opts, fmt.Errorf("flags: %w", err)
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	if opts.workers < 1 || opts.workers > 1000 {
		return opts, errors.New("-workers: must be between 1 and 1000")
	}
	if opts.consumers != 0 && opts.consumers <= fewConsumers || opts.consumers > 100_000_000 {
		return opts, fmt.Errorf("-consumers: must be more than %d and at most 100,000,000", fewConsumers)
	}
	if opts.duration <= 0 {
		return opts, errors.New("-duration: must be positive")
	}
	return opts, nil
}

// measureAll signs everybody in and runs every scenario.
func measureAll(ctx context.Context, p *provider, opts options, progress func(string, ...any)) (*report, error) {
	browsers := make([]*browser, opts.workers)
	for i := range browsers {
		browsers[i] = newBrowser(p, i)
	}
	progress("signing in %d consumers", len(browsers))
	if err := signInAll(ctx, browsers); err != nil {
		return nil, err
	}

	yard, err := newYardstick()
	if err != nil {
		return nil, err
	}
	result := newReport(opts)
	for _, s := range scenarios {
		if !strings.Contains(s.name, opts.only) {
			continue
		}
		progress("measuring %s", s.name)
		row, err := measure(ctx, p, s, browsers, opts.duration, yard)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.name, err)
		}
		result.add(row)
	}
	return result, nil
}
