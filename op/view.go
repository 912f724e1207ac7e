package op

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/brandidp/idp/op/customclaims"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

const (
	sweepInterval = 30 * time.Second // how often expired rows are deleted
	warnInterval  = 24 * time.Hour   // how often what ends soon is logged again
	listenRetry   = time.Second
)

// view is what an instance holds in memory: clients, keys and what is made of
// them, as of one moment. It is immutable but for confirmed.
type view struct {
	counter int64
	// agreed is a change counter that every other instance has confirmed. What was
	// published by then, all publish.
	agreed  int64
	clients map[string]*storage.Client
	byID    map[int64]*storage.Client
	origins map[string]bool // union of all web_origins
	keys    *keys.Set
	// outOfReach are the keys that this instance has no way to.
	outOfReach []string
	// encrypters are those of the clients whose ID tokens are encrypted, by ID.
	encrypters map[int64]*keys.Encrypter
	// custom are the mappings of the clients that have claims of their own, by ID.
	custom map[int64]customclaims.Set
	// verifiers are the keys of the clients that may sign requests, by ID, and
	// assertions of those that sign who they are.
	verifiers, assertions map[int64]*keys.Verifier
	// subjectIssuers are those whose word clients may bring, by ID and iss.
	subjectIssuers map[int64]map[string]subjectIssuer
	discovery      []byte
	// life is what the schedules of keys are planned by.
	life      *keys.Life
	schedules []*storage.KeySchedule
	apiKeys   map[string]*storage.APIKey // by SHA-256
}

// stamped is a view with the moment at which it was last known to be current.
type stamped struct {
	*view
	confirmed time.Time
}

// errStale means that this instance has not seen the database for too long to
// know its clients and keys.
var errStale = fmt.Errorf("%w: clients and keys were not confirmed for too long", storage.ErrUnavailable)

// current gives the view, or errStale.
func (p *Provider) current() (*view, error) {
	v := p.view.Load()
	if v == nil || p.opts.Now().Sub(v.confirmed) > p.opts.Keys.ViewLifetime {
		return nil, errStale
	}
	return v.view, nil
}

// notReadyError names the part of an instance that is not ready.
type notReadyError struct {
	part  string
	cause error
}

func (e *notReadyError) Error() string { return e.part + ": " + e.cause.Error() }
func (e *notReadyError) Unwrap() error { return e.cause }

// NotReadyPart names the part that an error of Ready is about.
func NotReadyPart(err error) string {
	if e, ok := errors.AsType[*notReadyError](err); ok {
		return e.part
	}
	return "provider"
}

// Ready tells whether this instance can sign people in: the database answers and
// clients and keys are up to date. The error says which part is not ready.
func (p *Provider) Ready(ctx context.Context) error {
	if err := p.opts.Store.Ping(ctx); err != nil {
		return &notReadyError{"database", err}
	}
	v, err := p.current()
	if err != nil {
		return &notReadyError{"clients and keys", err}
	}
	// A key that not every instance publishes yet is no reason to be sent no requests: most
	// need no signature, and in a moment it signs. Neither is one that cannot sign: the other
	// instances have the same, and the connectors keys of their own.
	if _, err := v.signerOf(0, keys.RS256); errors.Is(err, keys.ErrNoKey) {
		return &notReadyError{"signing keys", err}
	}
	return nil
}

// Load reads clients and keys now, and makes the provider's key at the first
// start.
func (p *Provider) Load(ctx context.Context) error {
	if err := p.ensureKey(ctx); err != nil {
		return err
	}
	p.learnPasswordForms(ctx)
	return p.refreshView(ctx)
}

// learnPasswordForms tells the hasher which forms of hashes are stored, so that
// a failure costs the same for everybody.
func (p *Provider) learnPasswordForms(ctx context.Context) {
	forms, err := p.opts.Store.PasswordForms(ctx)
	if err != nil {
		p.opts.Log.WarnContext(ctx, "the forms of password hashes were not read", "error", err)
		return
	}
	p.opts.Hasher.UseForms(forms)
}

// ensureKey makes the provider's own key when there is none. Those of algorithms
// that few ask for come with the first client that registers one.
func (p *Provider) ensureKey(ctx context.Context) error {
	err := p.opts.Store.Administer(ctx, func(tx *storage.Tx) error {
		rows, err := tx.SigningKeys(ctx)
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.ClientID == 0 && row.Alg == keys.RS256 && row.State == keys.Active {
				return nil
			}
		}
		key, err := p.opts.Signers.Generate(p.opts.Keyring, p.opts.Rand, keys.RS256)
		if err != nil {
			return err
		}
		return tx.InsertSigningKey(ctx, key)
	})
	if err != nil {
		return fmt.Errorf("provider's signing key: %w", err)
	}
	return nil
}

// refreshView reads the view if the change counter has moved, tells the other
// instances of it, and confirms it.
func (p *Provider) refreshView(ctx context.Context) error {
	p.refreshing.Lock() // an older view must not take a newer one's place
	defer p.refreshing.Unlock()
	err := p.readView(ctx)
	if errors.Is(err, storage.ErrNotFound) { // forgotten by the others: it joins anew, and then reads
		err = p.readView(ctx)
	}
	if err != nil {
		return fmt.Errorf("refresh clients and keys: %w", err)
	}
	return nil
}

func (p *Provider) readView(ctx context.Context) error {
	asked := p.opts.Now()
	if err := p.join(ctx, asked); err != nil {
		return err
	}
	old := p.view.Load()
	counter, agreed, err := p.opts.Store.ChangeCounter(ctx, p.instance.id)
	if err != nil {
		return err
	}
	p.opts.Keyring.Advance(asked)
	var v *view
	if old != nil && counter == old.counter {
		same := *old.view
		v = &same
	} else if v, err = p.readSnapshot(ctx, old, asked); err != nil {
		return err
	}
	v.agreed = agreed
	answered := stamped{view: v}
	if old != nil {
		answered.confirmed = old.confirmed
	}
	p.view.Store(&answered) // before the others hear that it is so
	if err := p.tell(ctx, v, asked); err != nil {
		return err
	}
	p.view.Store(&stamped{view: v, confirmed: asked})
	return nil
}

// readSnapshot makes the view anew.
func (p *Provider) readSnapshot(ctx context.Context, old *stamped, asked time.Time) (*view, error) {
	snapshot, err := p.opts.Store.ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.opts.Keyring.Update(snapshot.DataKeys, asked); err != nil {
		return nil, err
	}
	v, err := p.newView(snapshot, old)
	if err != nil {
		return nil, err
	}
	p.warnOfEncryptionKeys(ctx, v)
	if unknown := v.keys.Unknown(); len(unknown) > 0 && (old == nil || !slices.Equal(unknown, old.keys.Unknown())) {
		p.opts.Log.WarnContext(ctx, "signing keys of algorithms that this release does not know are passed over: a later release has made them", "kids", unknown)
	}
	p.tellFaults(ctx, v, old)
	v.outOfReach = p.opts.Signers.OutOfReach(snapshot.Keys)
	if len(v.outOfReach) > 0 && (old == nil || !slices.Equal(v.outOfReach, old.outOfReach)) {
		p.opts.Log.WarnContext(ctx, "signing keys lie in a token that is not configured: whoever needs them to sign gets an error; set pkcs11.module, pkcs11.token and pkcs11.pin_file",
			"keys", v.outOfReach)
	}
	return v, nil
}

func (p *Provider) newView(snapshot *storage.Snapshot, old *stamped) (*view, error) {
	v := &view{
		counter: snapshot.Counter,
		clients: make(map[string]*storage.Client, len(snapshot.Clients)),
		byID:    make(map[int64]*storage.Client, len(snapshot.Clients)),
		origins: map[string]bool{},
		custom:  map[int64]customclaims.Set{},
		apiKeys: keysByHash(snapshot.APIKeys),
		life:    LifeOf(snapshot, p.opts.Keys), schedules: snapshot.Schedules,
	}
	for _, client := range snapshot.Clients {
		v.clients[client.ClientID], v.byID[client.ID] = client, client
		for _, origin := range client.WebOrigins {
			v.origins[origin] = true
		}
		if len(client.CustomClaims) > 0 {
			v.custom[client.ID] = customclaims.Compile(client.CustomClaims)
		}
	}
	var previous *keys.Set
	if old != nil {
		previous = old.keys
	}
	var err error
	v.keys = keys.NewSet(snapshot.Keys, p.opts.Keyring, previous, p.opts.Signers)
	if v.encrypters, err = newEncrypters(snapshot.Clients); err != nil {
		return nil, err
	}
	if v.verifiers, v.assertions, err = newVerifiers(snapshot.Clients); err != nil {
		return nil, err
	}
	if v.subjectIssuers, err = newSubjectIssuers(snapshot.Clients); err != nil {
		return nil, err
	}
	v.discovery, err = p.discoveryDocument(snapshot.Clients)
	return v, err
}

// Run keeps the view up to date, moves idle expiries on, tells clients and the brand of
// sessions that have ended and deletes expired rows, until ctx ends.
func (p *Provider) Run(ctx context.Context) {
	changed := make(chan struct{}, 1)
	var wait sync.WaitGroup
	wait.Go(func() { p.listen(ctx, changed) })
	wait.Go(func() { p.runTouches(ctx) })
	wait.Go(func() { p.runLogouts(ctx) })
	wait.Go(func() { p.runWebhook(ctx) })
	wait.Go(func() { p.runSweeps(ctx) })
	wait.Go(func() { p.runRecords(ctx) })
	wait.Go(func() { p.runKeySchedules(ctx) })
	wait.Go(func() { p.runAuditSeals(ctx) })
	p.runRefresh(ctx, changed)
	wait.Wait()
}

// pollInterval is how often the change counter is read: each second by the default of
// Keys.ViewLifetime.
func (p *Provider) pollInterval() time.Duration { return p.opts.Keys.ViewLifetime / 60 }

func (p *Provider) runRefresh(ctx context.Context, changed <-chan struct{}) {
	ticker := time.NewTicker(p.pollInterval())
	defer ticker.Stop()
	failing := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-changed:
		case <-ticker.C:
		}
		bounded, cancel := context.WithTimeout(ctx, 5*time.Second)
		var err error
		if p.view.Load() == nil {
			err = p.Load(bounded)
		} else {
			err = p.refreshView(bounded)
		}
		cancel()
		if err != nil && !failing && ctx.Err() == nil {
			p.opts.Log.ErrorContext(ctx, "clients and keys cannot be read; trying again each second", "error", err)
		}
		if err == nil && failing {
			p.opts.Log.InfoContext(ctx, "clients and keys are up to date again")
		}
		failing = err != nil
	}
}

func (p *Provider) listen(ctx context.Context, changed chan<- struct{}) {
	notify := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	for ctx.Err() == nil {
		err := p.opts.Store.Listen(ctx, notify)
		if err != nil && !errors.Is(err, storage.ErrUnavailable) && ctx.Err() == nil {
			p.opts.Log.WarnContext(ctx, "no notifications of changes; reading the change counter instead", "error", err)
		}
		pause(ctx, listenRetry)
	}
}

func (p *Provider) runSweeps(ctx context.Context) {
	warned := p.opts.Now()
	for {
		pause(ctx, sweepInterval)
		if ctx.Err() != nil {
			return
		}
		if v := p.view.Load(); v != nil && p.opts.Now().Sub(warned) >= warnInterval {
			warned = p.opts.Now()
			p.warnOfEncryptionKeys(ctx, v.view)
		}
		p.learnPasswordForms(ctx)
		deleted, err := p.opts.Store.Sweep(ctx)
		p.swept.Add(deleted)
		if err != nil && ctx.Err() == nil {
			p.opts.Log.WarnContext(ctx, "expired rows were not all deleted", "error", err)
		} else if deleted > 0 {
			p.opts.Log.DebugContext(ctx, "deleted expired rows", "rows", deleted)
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
