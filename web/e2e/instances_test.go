package e2e_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/brandidp/idp/storage/storagetest"
)

// Two instances make one database's first start at the same moment, and are one
// provider from then on.
func TestTwoInstances(t *testing.T) {
	t.Parallel()
	dir, port, otherPort := t.TempDir(), freePort(t), freePort(t)
	issuer, other := fmt.Sprintf("http://localhost:%d", port), fmt.Sprintf("http://localhost:%d", otherPort)
	common := append([]string{"--issuer", issuer, "--data-dir", dir, "--database-url", storagetest.NewEmpty(t)}, cheapHashing...)
	first := startProcess(t, append([]string{"serve", "--listen", fmt.Sprintf("127.0.0.1:%d", port)}, common...)...)
	second := startProcess(t, append([]string{"serve", "--listen", fmt.Sprintf("127.0.0.1:%d", otherPort)}, common...)...)
	if err := errors.Join(first.Ready(), second.Ready()); err != nil {
		t.Fatal(err)
	}
	s := &idp{Issuer: issuer, Args: common, tb: t}

	if a, b := keyIDs(t, issuer), keyIDs(t, other); len(a) != 1 || len(b) != 1 || a[0] != b[0] {
		t.Errorf("the first start has left the keys %v and %v, want one", a, b)
	}

	applied := time.Now()
	s.Apply(clients + crowd(1))
	request := params("client_id", "basic", "response_type", "code", "scope", "openid", "redirect_uri", callback)
	for _, instance := range []string{issuer, other} {
		eventually(t, "aware of the new client", func() error { return knows(t.Context(), instance, "basic", callback) })
	}
	if took := time.Since(applied); took > 5*time.Second { // a second, the command itself, and what the machine adds
		t.Errorf("the change was seen after %v", took)
	}

	// The page comes from one, the form goes to the other, and so on.
	p := member(issuer, 0)
	page, err := p.Authorize(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	p.Issuer = other
	answer, err := p.SignIn(t.Context(), page)
	if err != nil {
		t.Fatal(err)
	}
	if err := redeemAndCheck(t.Context(), issuer, answer, subOf(0)); err != nil {
		t.Error(err)
	}
	p.Issuer = issuer
	if target, err := p.Return(t.Context(), request); err != nil || response(target).Get("code") == "" {
		t.Errorf("the session of the other instance: %v, %v", target, err)
	}

	first.kill()
	p.Issuer = other
	if target, err := p.Return(t.Context(), request); err != nil || response(target).Get("code") == "" {
		t.Errorf("alone: %v, %v", target, err)
	}
}

// keyIDs are the keys that an instance publishes.
func keyIDs(t *testing.T, instance string) []string {
	t.Helper()
	answer, err := newPerson(instance, "", "").get(t.Context(), instance+"/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	var set struct {
		Keys []struct {
			Kid string `json:"kid"`
		} `json:"keys"`
	}
	if err := json.Unmarshal([]byte(answer.Body), &set); err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, key := range set.Keys {
		ids = append(ids, key.Kid)
	}
	return ids
}

// Whoever comes second joins the PostgreSQL that runs; the last stops it.
func TestInstancesShareTheBuiltinPostgreSQL(t *testing.T) {
	t.Parallel()
	first := serveBuiltin(t, cheapHashing...)
	pid := postmaster(t, first.DataDir)
	second := serveAt(t, first.DataDir, append([]string{"--issuer", first.Issuer}, cheapHashing...)...)
	if got := postmaster(t, first.DataDir); got != pid {
		t.Errorf("there is another PostgreSQL: process %d, want %d", got, pid)
	}
	second.Apply(clients + crowd(1))
	first.Stop()
	if _, err := second.Run("", "client", "list"); err != nil {
		t.Errorf("beside the one that is left: %v", err)
	}
	if o := signInOnce(t.Context(), member(second.Issuer, 0), subOf(0)); o.err != nil {
		t.Error(o.err)
	}
	second.Stop()
	stopped(t, second.DataDir)
}
