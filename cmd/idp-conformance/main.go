// Command idp-conformance prepares and runs what OpenID's conformance suite is
// pointed at: a provider on https with the suite's clients and a consumer who has
// every standard claim, and the suite's configuration for it, with the steps that its
// browser takes on our pages.
//
// It is for developers (make conformance-target, make conformance-config). Its
// secrets are made once for a folder, so that the two agree; nothing of it belongs
// near a provider with people in it.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	issuer string // of the provider, https
	suite  string // base address of the suite
	alias  string // of the suite's test plans; a part of the clients' addresses
	folder string // for what is prepared
	target bool   // run the provider, too
	binary string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

// run prepares the folder and, if it is asked to, runs the provider until ctx ends.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	opts, err := parse(args, stderr)
	if err != nil {
		return err
	}
	f, err := prepare(opts, rand.Reader, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "The suite's configuration is %s, for a provider at %s.\n", f.path(configFile), opts.issuer)
	if !opts.target {
		return nil
	}
	return runTarget(ctx, opts, f, stdout, stderr)
}

func parse(args []string, stderr io.Writer) (options, error) {
	var opts options
	flags := flag.NewFlagSet("idp-conformance", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.issuer, "issuer", "https://localhost:9443", "issuer of the provider, as the suite reaches it")
	flags.StringVar(&opts.suite, "suite", "https://localhost.emobix.co.uk:8443", "base address of the suite")
	flags.StringVar(&opts.alias, "alias", "idp", "alias of the suite's test plans")
	flags.StringVar(&opts.folder, "folder", "bin/conformance", "folder for secrets, certificate, brand file and configuration")
	flags.BoolVar(&opts.target, "target", false, "run the provider until Ctrl-C")
	flags.StringVar(&opts.binary, "idp", "bin/idp", "the binary to run")
	if err := flags.Parse(args); err != nil {
		return opts, fmt.Errorf("flags: %w", err)
	}
	if flags.NArg() > 0 {
		return opts, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	return opts, opts.check()
}

var aliasPattern = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

func (o options) check() error {
	for name, address := range map[string]string{"issuer": o.issuer, "suite": o.suite} {
		u, err := url.Parse(address)
		if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(address, "/") {
			return fmt.Errorf("-%s: must be an https address without a trailing slash", name)
		}
	}
	if !aliasPattern.MatchString(o.alias) {
		return errors.New("-alias: must be of letters, digits, _ and -")
	}
	return nil
}

// at is an address below the suite's for this alias.
func (o options) at(path string) string { return o.suite + "/test/a/" + o.alias + "/" + path }

// hosts are the names of provider and suite.
func (o options) hosts() []string {
	var hosts []string
	for _, address := range []string{o.issuer, o.suite} {
		if u, err := url.Parse(address); err == nil { // checked
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}
