package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/brandidp/idp/op/loopback"
)

// stopLimit is how long the provider may take to end before it is killed.
const stopLimit = time.Minute

// privateNetworks are where the suite may be, on this machine or in a container: the
// provider calls it there with logout tokens.
const privateNetworks = "127.0.0.0/8,::1,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16"

// target is a provider with a database that is thrown away.
type target struct {
	opts   options
	folder *folder
	binary string
	data   string

	stdout, stderr io.Writer
}

// runTarget makes a database, applies the brand file and runs the provider until
// ctx ends.
func runTarget(ctx context.Context, opts options, f *folder, stdout, stderr io.Writer) (err error) {
	binary, err := filepath.Abs(opts.binary) // idp runs in another folder
	if err != nil {
		return fmt.Errorf("find idp: %w", err)
	}
	data, err := os.MkdirTemp("", "idp-conformance-")
	if err != nil {
		return fmt.Errorf("make a folder for the database: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(data)) }()
	// As root, PostgreSQL runs as another user, who passes through the folder.
	if err := os.Chmod(data, 0o711); err != nil { //nolint:gosec // see above
		return fmt.Errorf("open the folder of the database: %w", err)
	}
	t := &target{opts, f, binary, data, stdout, stderr}
	if err := t.writeConfig(); err != nil {
		return err
	}
	if err := t.command(ctx, "apply", "-f", f.path(brandFile)).Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("idp apply: %w", err)
	}
	if ctx.Err() != nil {
		return nil
	}
	fmt.Fprintf(stdout, "The provider is for tests alone, and gone with its database after Ctrl-C.\n")
	err = t.command(ctx, "serve").Run()
	if ctx.Err() != nil { // the end that was asked for
		return nil
	}
	return errors.Join(errors.New("idp serve has ended"), err)
}

// writeConfig writes the provider's configuration: this machine's has no say.
func (t *target) writeConfig() error {
	listen, err := listenAddress(t.opts.issuer)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(`issuer: %q
listen: %q
tls: {certificate_file: %q, key_file: %q}
data_dir: %q
outbound: {allowed_networks: [%s]}
brand: {name: Conformance target}
`, t.opts.issuer, listen, t.folder.path(certificateFile), t.folder.path(keyFile), filepath.Join(t.data, "data"),
		`"`+strings.ReplaceAll(privateNetworks, ",", `", "`)+`"`)
	return wrap("write the configuration", os.WriteFile(t.configFile(), []byte(text), 0o600))
}

func (t *target) configFile() string { return filepath.Join(t.data, "idp.yaml") }

// listenAddress listens on this machine alone if the issuer is there. A suite in a
// container comes from outside.
func listenAddress(issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", fmt.Errorf("-issuer: %w", err)
	}
	host, port := "", u.Port()
	if loopback.Host(u.Hostname()) {
		host = "127.0.0.1"
	}
	if port == "" {
		port = "443"
	}
	return host + ":" + port, nil
}

// command is idp, with nothing of the developer's environment that would change
// it. It trusts the certificate of the folder, which the suite may have as well.
func (t *target) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, t.binary, append(args, "--config", t.configFile())...) //nolint:gosec // the developer names it
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "IDP_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, "SSL_CERT_FILE="+t.folder.path(certificateFile))
	command.Dir, command.Stdout, command.Stderr = t.data, t.stdout, t.stderr
	// Ctrl-C is for us; we end it in order.
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	command.WaitDelay = stopLimit
	return command
}
