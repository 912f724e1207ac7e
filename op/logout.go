package op

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/brandidp/idp/op/outbound"
	"github.com/brandidp/idp/storage"
)

// Back-channel sign-out (Back-Channel Logout 1.0). The first use of a session by a
// client that has an address for it is noted; whatever ends the session leaves a
// notice for each such client in the database, in the same transaction; and every
// instance delivers notices, each by itself. What is delivered twice does no harm.
const (
	logoutPoll = time.Second // how often notices of other instances and commands are looked for
	// logoutsAtOnce is how many notices one client gets at a time. A client that does
	// not answer keeps nobody else's waiting.
	logoutsAtOnce = 8
	// The waits between attempts grow from the first to the longest. The schema
	// bounds how long a notice is tried: a day.
	logoutFirstWait   = 2 * outbound.Timeout
	logoutLongestWait = time.Hour
)

// noteClient notes that a client is about to know of a session, unless that is noted
// already, the client has no address to be told at, or there is no session here. One
// that has ended meanwhile is storage.ErrNotFound.
func (p *Provider) noteClient(ctx context.Context, client *storage.Client, in *storage.SignedIn) error {
	if client.BackchannelLogoutURI == "" || in.Session.ID == 0 || slices.Contains(in.Noted, client.ID) {
		return nil
	}
	return p.opts.Store.NoteClient(ctx, in.Session.ID, client.ID)
}

// logouts is what an instance knows of the deliveries under way.
type logouts struct {
	woken chan struct{}

	mu   sync.Mutex
	busy map[int64]bool // clients that are being told, by row
}

func newLogouts() *logouts {
	return &logouts{woken: make(chan struct{}, 1), busy: map[int64]bool{}}
}

// wake has notices looked for now.
func (l *logouts) wake() {
	select {
	case l.woken <- struct{}{}:
	default:
	}
}

// take gives those of the clients that are not being told, and marks them.
func (l *logouts) take(clients map[int64]*storage.Client) []int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	var free []int64
	for id, client := range clients {
		if client.BackchannelLogoutURI != "" && !l.busy[id] {
			l.busy[id] = true
			free = append(free, id)
		}
	}
	return free
}

func (l *logouts) give(id int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.busy, id)
}

// runLogouts delivers notices until ctx ends. What is under way then is tried again
// by whoever comes next.
func (p *Provider) runLogouts(ctx context.Context) {
	ticker := time.NewTicker(logoutPoll)
	defer ticker.Stop()
	var delivering sync.WaitGroup
	defer delivering.Wait()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.logouts.woken:
		case <-ticker.C:
		}
		err := p.deliverLogouts(ctx, &delivering)
		if err != nil && !failing && ctx.Err() == nil {
			p.opts.Log.WarnContext(ctx, "sign-outs wait to be delivered", "error", err)
		}
		failing = err != nil
	}
}

// deliverLogouts begins to deliver what is due, for each client that is not being
// told already.
func (p *Provider) deliverLogouts(ctx context.Context, delivering *sync.WaitGroup) error {
	v, err := p.current()
	if err != nil {
		return err
	}
	clients := p.logouts.take(v.byID)
	if len(clients) == 0 {
		return nil
	}
	notices, err := p.opts.Store.ClaimLogoutNotices(ctx, storage.LogoutClaim{
		ClientIDs: clients, Limit: logoutsAtOnce, Wait: logoutFirstWait, MaxWait: logoutLongestWait,
	})
	byClient := map[int64][]storage.LogoutNotice{}
	for _, notice := range notices {
		byClient[notice.ClientID] = append(byClient[notice.ClientID], notice)
	}
	for _, id := range clients {
		if len(byClient[id]) == 0 {
			p.logouts.give(id)
			continue
		}
		delivering.Go(func() {
			var each sync.WaitGroup
			for _, notice := range byClient[id] {
				each.Go(func() { p.deliverLogout(ctx, v, notice) })
			}
			each.Wait()
			p.logouts.give(id)
			p.logouts.wake() // there may be more
		})
	}
	return err
}

// deliverLogout makes one attempt. A failure leaves the notice to the next.
func (p *Provider) deliverLogout(ctx context.Context, v *view, notice storage.LogoutNotice) {
	client := v.byID[notice.ClientID]
	err := p.tellLogout(ctx, v, client, notice)
	if err == nil {
		err = p.opts.Store.DeleteLogoutNotice(ctx, notice.ID)
	}
	switch {
	case err == nil:
		p.opts.Log.DebugContext(ctx, "sign-out delivered", "client_id", client.ClientID, "attempt", notice.Attempt)
	case ctx.Err() != nil: // we are ending, and it is not the client's fault
	case notice.Last:
		p.opts.Log.ErrorContext(ctx, "a sign-out was not delivered, and is not tried again",
			"client_id", client.ClientID, "attempt", notice.Attempt, "error", err)
	default:
		p.opts.Log.WarnContext(ctx, "a sign-out was not delivered, and is tried again",
			"client_id", client.ClientID, "attempt", notice.Attempt, "error", err)
	}
}

// tellLogout posts the logout token (Back-Channel Logout 1.0, 2.5, 2.8).
func (p *Provider) tellLogout(ctx context.Context, v *view, client *storage.Client, notice storage.LogoutNotice) error {
	token, err := p.logoutToken(v, client, notice)
	if err != nil {
		return err
	}
	body := url.Values{"logout_token": {token}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, client.BackchannelLogoutURI, strings.NewReader(body))
	if err != nil {
		return errors.New("backchannel_logout_uri: not an address")
	}
	request.Header.Set("Content-Type", mediaForm)
	status, err := p.opts.Outbound.Do(request)
	if err != nil {
		return fmt.Errorf("backchannel_logout_uri: %w", err)
	}
	if status != http.StatusOK && status != http.StatusNoContent {
		return fmt.Errorf("backchannel_logout_uri: answered with status %d", status)
	}
	return nil
}
