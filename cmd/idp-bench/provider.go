package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startLimit = time.Minute      // initdb, schema and keys included
	stopLimit  = 30 * time.Second // then it is killed
)

// provider is an idp with a PostgreSQL of its own.
type provider struct {
	issuer     string
	postmaster int // process id of PostgreSQL's parent process

	binary string
	folder string
	serve  *exec.Cmd
	log    bytes.Buffer // to be read once serve has ended
	ended  chan struct{}
}

// startProvider starts idp in a new folder and makes so many consumers.
func startProvider(ctx context.Context, binary string, consumers int) (*provider, error) {
	binary, err := filepath.Abs(binary) // idp runs in another folder
	if err != nil {
		return nil, fmt.Errorf("find idp: %w", err)
	}
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "idp-bench-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	p := &provider{issuer: "http://" + address, binary: binary, folder: folder, ended: make(chan struct{})}
	if err := p.start(ctx, address, consumers); err != nil {
		p.stop()
		return nil, p.explain(err)
	}
	return p, nil
}

func (p *provider) start(ctx context.Context, address string, consumers int) error {
	// As root, PostgreSQL runs as another user, who passes through the folder.
	if err := os.Chmod(p.folder, 0o711); err != nil { //nolint:gosec // see above
		return fmt.Errorf("open the folder: %w", err)
	}
	p.serve = p.command(context.WithoutCancel(ctx), "serve", "--listen", address)
	p.serve.Stderr = &p.log
	// Ctrl-C is for us; we end it in order.
	p.serve.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := p.serve.Start(); err != nil {
		p.serve = nil
		return fmt.Errorf("start idp: %w", err)
	}
	go func() {
		_ = p.serve.Wait() // how it ended is in its log
		close(p.ended)
	}()
	if err := p.waitFor(ctx, "/health/ready"); err != nil {
		return err
	}
	if err := p.apply(ctx, brandFile(consumers)); err != nil {
		return err
	}
	return p.findPostmaster()
}

// command is idp with this provider's configuration, and nothing of the
// developer's environment that would change it.
func (p *provider) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, p.binary, append(args, "--data-dir", p.dataDir(), "--issuer", p.issuer)...) //nolint:gosec // the developer names it
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "IDP_") {
			command.Env = append(command.Env, variable)
		}
	}
	command.Dir = p.folder
	return command
}

func (p *provider) dataDir() string { return filepath.Join(p.folder, "data") }

func (p *provider) pid() int { return p.serve.Process.Pid }

// waitFor asks for a path until it is there.
func (p *provider) waitFor(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.issuer+path, nil)
		if err != nil {
			return fmt.Errorf("wait for %s: %w", path, err)
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", path, ctx.Err())
		case <-p.ended:
			return fmt.Errorf("wait for %s: idp has ended", path)
		case <-tick.C:
		}
	}
}

// apply applies a brand file and waits until serve has seen it.
func (p *provider) apply(ctx context.Context, brand string) error {
	file := filepath.Join(p.folder, "brand.yaml")
	if err := os.WriteFile(file, []byte(brand), 0o600); err != nil {
		return fmt.Errorf("write the brand file: %w", err)
	}
	if output, err := p.command(ctx, "apply", "-f", file).CombinedOutput(); err != nil {
		return fmt.Errorf("idp apply: %w\n%s", err, output)
	}
	return p.waitFor(ctx, "/jwks/messaging.json")
}

// findPostmaster reads the process id that PostgreSQL leaves in its folder.
func (p *provider) findPostmaster() error {
	raw, err := os.ReadFile(filepath.Join(p.dataDir(), "postgres", "data", "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	if p.postmaster, err = strconv.Atoi(first); err != nil {
		return fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	return nil
}

// stop ends idp, and with it its PostgreSQL, and removes the folder.
func (p *provider) stop() {
	if p.serve != nil {
		_ = p.serve.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(stopLimit):
			_ = p.serve.Process.Kill()
			<-p.ended
		}
	}
	_ = os.RemoveAll(p.folder)
}

// explain ends the provider and puts the end of its log behind an error.
func (p *provider) explain(err error) error {
	p.stop()
	if p.log.Len() == 0 {
		return err
	}
	lines := strings.Split(strings.TrimSpace(p.log.String()), "\n")
	return fmt.Errorf("%w\nthe last of idp's log:\n%s", err, strings.Join(lines[max(0, len(lines)-10):], "\n"))
}

func freeAddress(ctx context.Context) (string, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close() //nolint:errcheck // it was only asked for its port
	return listener.Addr().String(), nil
}
