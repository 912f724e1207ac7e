package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// loadFor is how long the crowd goes on; IDP_TEST_LOAD says otherwise (60s).
const loadFor = 5 * time.Second

// A crowd that signs in at once, against the PostgreSQL that idp brings along
// and nobody has tuned, all behind one network address. The only thing that may
// go wrong is what is announced: 503 with Retry-After while too many wait for
// their password to be hashed.
func TestCrowdSignsIn(t *testing.T) {
	const browsers = 64
	duration := loadFor
	if text := os.Getenv("IDP_TEST_LOAD"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	s := serveBuiltin(t, crowdHashing...)
	s.Apply(clients + crowd(browsers))

	ctx, cancel := context.WithTimeout(t.Context(), duration)
	defer cancel()
	var tally tally
	var running sync.WaitGroup
	for i := range browsers {
		running.Go(func() {
			p := member(s.Issuer, i)
			for round := 0; ctx.Err() == nil; round++ {
				if round%2 == 0 { // every other time with a browser that nobody has seen
					p = member(s.Issuer, i)
				}
				tally.add(signInOnce(ctx, p, subOf(i)))
			}
		})
	}
	running.Wait()
	tally.report(t, duration)
	if log := s.Log(); strings.Contains(log, "level=ERROR") {
		t.Errorf("errors in the log:\n%s", tail(log))
	}
}

// outcome is one sign-in from the first request to userinfo.
type outcome struct {
	took time.Duration
	busy int // 503 with Retry-After on the way
	err  error
	late bool // cut off by the end of the test
}

// signInOnce signs in for the code flow, redeems the code and asks userinfo.
func signInOnce(ctx context.Context, p *person, sub string) (o outcome) {
	start := time.Now()
	defer func() { o.took, o.late = time.Since(start), ctx.Err() != nil }()
	var page, answer *reply
	page, o.err = p.Authorize(ctx, params("client_id", "basic", "response_type", "code", "scope", "openid",
		"redirect_uri", callback, "prompt", "login"))
	for o.err == nil {
		answer, o.err = p.SignIn(ctx, page)
		if o.err != nil || answer.Status != http.StatusServiceUnavailable || answer.RetryAfter() == 0 {
			break
		}
		o.busy++
		page = answer
		select {
		case <-time.After(answer.RetryAfter()): // a person does as the page says
		case <-ctx.Done():
			return o
		}
	}
	if o.err == nil {
		o.err = redeemAndCheck(ctx, p.Issuer, answer, sub)
	}
	return o
}

func redeemAndCheck(ctx context.Context, issuer string, answer *reply, sub string) error {
	target, err := answer.Target()
	if err != nil {
		return err
	}
	tokens, err := redeem(ctx, issuer, response(target).Get("code"))
	if err != nil {
		return err
	}
	var granted struct {
		AccessToken string `json:"access_token"`
	}
	if err := tokens.JSON(&granted); err != nil || granted.AccessToken == "" {
		return fmt.Errorf("token endpoint: status %d, %w: %s", tokens.Status, err, tokens.Body)
	}
	got, err := userinfo(ctx, issuer, granted.AccessToken)
	if err == nil && got != sub {
		err = fmt.Errorf("userinfo is about %q, not %q", got, sub)
	}
	return err
}

// tally counts outcomes.
type tally struct {
	mu           sync.Mutex
	busy, failed int
	first        error
	times        []time.Duration
}

func (c *tally) add(o outcome) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.busy += o.busy
	switch {
	case o.late:
	case o.err != nil:
		c.failed++
		if c.first == nil {
			c.first = o.err
		}
	default:
		c.times = append(c.times, o.took)
	}
}

func (c *tally) report(t *testing.T, duration time.Duration) {
	t.Helper()
	if c.failed > 0 {
		t.Errorf("%d sign-ins failed, the first with: %v", c.failed, c.first)
	}
	if len(c.times) == 0 {
		t.Fatal("nobody has signed in")
	}
	slices.Sort(c.times)
	t.Logf("%d sign-ins in %v (%.1f a second), %d times 503 with Retry-After, p50 %v, p99 %v",
		len(c.times), duration, float64(len(c.times))/duration.Seconds(), c.busy,
		c.times[len(c.times)/2].Round(time.Millisecond), c.times[len(c.times)*99/100].Round(time.Millisecond))
}
