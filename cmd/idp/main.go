// Command idp is the OpenID Connect provider that a brand runs so that
// LivePerson's Conversational Cloud knows who its consumers are.
//
// Each file holds one command: it reads the configuration, wires the parts and
// prints. Decisions are made in the packages below.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/brandidp/idp/cmd/idp/config"
)

// sameSignal is how long after the first signal another counts as the same.
const sameSignal = time.Second

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// The first signal ends the command in order. A moment later signals do what
	// they do by default: a second Ctrl-C ends the program at once. Not before,
	// since some send theirs twice, as timeout(1) does to a process and its group.
	context.AfterFunc(ctx, func() { time.AfterFunc(sameSignal, stop) })

	in := config.Inputs{Environ: os.Environ(), Files: config.DefaultFiles(), UserID: os.Geteuid()}
	os.Exit(run(ctx, in, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run runs one command line and returns the exit code.
func run(ctx context.Context, in config.Inputs, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	root := newRoot(in) //nolint:contextcheck // the commands take it from ExecuteContext
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	tameDefaultCommands(root)

	err := explainInterrupt(ctx, root.ExecuteContext(ctx))
	if err != nil {
		root.PrintErrln("Error:", err)
	}

	return exitCode(err)
}
