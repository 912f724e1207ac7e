package e2e_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Whatever was acknowledged outlives the death of the program, of PostgreSQL and
// of both, and everybody can sign in again afterwards without anybody's help.
func TestNothingAcknowledgedIsLost(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]func(*testing.T, *idp){
		"idp is killed": func(_ *testing.T, s *idp) {
			s.Kill()
			s.Start()
		},
		"PostgreSQL is killed": func(t *testing.T, s *idp) {
			killPostgreSQL(t, s)
			s.WaitReady()
		},
		"both are killed": func(t *testing.T, s *idp) {
			killPostgreSQL(t, s)
			s.Kill()
			s.Start()
		},
		"idp is told to end": func(t *testing.T, s *idp) {
			s.Stop()
			stopped(t, s.DataDir)
			s.Start()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const browsers, between, times = 6, 12, 2
			s := serveBuiltin(t, cheapHashing...)
			s.Apply(clients + crowd(browsers))
			l := &ledger{acknowledged: make(chan struct{}, 1<<16)}
			ctx, cancel := context.WithCancel(t.Context())
			var running sync.WaitGroup
			for i := range browsers {
				running.Go(func() { l.signInAgainAndAgain(ctx, t, s.Issuer, i) })
			}
			for range times {
				l.wait(t, between)
				interrupt(t, s)
			}
			l.wait(t, between)
			cancel()
			running.Wait()
			l.verify(t, s.Issuer)
		})
	}
}

func killPostgreSQL(t *testing.T, s *idp) {
	t.Helper()
	if err := syscall.Kill(postmaster(t, s.DataDir), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// ledger is what browsers and relying parties were told.
type ledger struct {
	acknowledged chan struct{} // one for each token

	mu       sync.Mutex
	sessions []session
	tokens   []accessToken
}

// session is a browser that has got its cookie, with whom it belongs to.
type session struct {
	browser *person
	sub     string
}

type accessToken struct{ token, sub string }

// wait until n more access tokens were handed out.
func (l *ledger) wait(t *testing.T, n int) {
	t.Helper()
	limit := time.After(startLimit)
	for range n {
		select {
		case <-l.acknowledged:
		case <-limit:
			t.Fatal("nobody gets a token any more")
		}
	}
}

// signInAgainAndAgain signs one consumer in with ever new browsers.
func (l *ledger) signInAgainAndAgain(ctx context.Context, t *testing.T, issuer string, i int) {
	for ctx.Err() == nil {
		err := l.signIn(ctx, member(issuer, i), subOf(i))
		if err != nil && ctx.Err() == nil {
			t.Error(err)
			return
		}
	}
}

// signIn gives an error for an answer that nobody must get, whatever dies.
func (l *ledger) signIn(ctx context.Context, p *person, sub string) error {
	page, err := p.Authorize(ctx, params("client_id", "basic", "response_type", "code", "scope", "openid", "redirect_uri", callback))
	if away(page, err) {
		pause(ctx)
		return nil
	}
	answer, err := p.SignIn(ctx, page)
	if away(answer, err) {
		pause(ctx)
		return nil
	}
	target, err := answer.Target()
	if err != nil {
		return fmt.Errorf("sign-in: %w", err)
	}
	got := response(target)
	if got.Get("error") == "temporarily_unavailable" {
		pause(ctx)
		return nil
	}
	if got.Get("code") == "" {
		return fmt.Errorf("sign-in: %v", got)
	}
	l.mu.Lock()
	l.sessions = append(l.sessions, session{p, sub})
	l.mu.Unlock()

	tokens, err := redeem(ctx, p.Issuer, got.Get("code"))
	if away(tokens, err) {
		pause(ctx)
		return nil
	}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	if err := tokens.JSON(&granted); err != nil || granted.AccessToken == "" {
		return fmt.Errorf("a fresh code: status %d: %s", tokens.Status, tokens.Body)
	}
	l.mu.Lock()
	l.tokens = append(l.tokens, accessToken{granted.AccessToken, sub})
	l.mu.Unlock()
	l.acknowledged <- struct{}{}
	return nil
}

// away tells that there was no answer, or that it was to come back later.
func away(answer *reply, err error) bool {
	return err != nil || answer.Status == http.StatusServiceUnavailable && answer.RetryAfter() > 0
}

// pause is what a person does before trying again.
func pause(ctx context.Context) {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
	}
}

// verify asks for everything that was acknowledged.
func (l *ledger) verify(t *testing.T, issuer string) {
	t.Helper()
	for _, s := range l.sessions {
		answer, err := s.browser.Authorize(t.Context(), params("client_id", "basic", "response_type", "id_token", "scope", "openid",
			"redirect_uri", callback, "prompt", "none", "nonce", "a nonce"))
		if err != nil {
			t.Fatal(err)
		}
		target, err := answer.Target()
		if err != nil {
			t.Fatal(err)
		}
		if got := subClaim(response(target).Get("id_token")); got != s.sub {
			t.Errorf("a session of %s: %q, %v", s.sub, got, response(target))
		}
	}
	for _, token := range l.tokens {
		if sub, err := userinfo(t.Context(), issuer, token.token); err != nil || sub != token.sub {
			t.Errorf("an access token of %s: %q, %v", token.sub, sub, err)
		}
	}
	t.Logf("%d sessions and %d access tokens are still good", len(l.sessions), len(l.tokens))
}

// subClaim reads a token without checking it.
func subClaim(token string) string {
	var claims struct {
		Sub string `json:"sub"`
	}
	if parts := strings.Split(token, "."); len(parts) == 3 {
		payload, _ := base64.RawURLEncoding.DecodeString(parts[1])
		_ = json.Unmarshal(payload, &claims) // "" is what the test sees then
	}
	return claims.Sub
}
