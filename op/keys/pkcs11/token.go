//go:build cgo

package pkcs11

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	ck "github.com/miekg/pkcs11"
)

// maxSessions bounds the sessions with a token, and so the signatures that it is asked
// for at once, those included that nobody waits for any more.
const maxSessions = 32

// defaultLimit is what a Limit of 0 means. To make a key a token may take keyTimes that
// long: a small device needs seconds for one of RSA.
const (
	defaultLimit = 5 * time.Second
	keyTimes     = 12
)

// Token is a token. It is safe for concurrent use.
type Token struct {
	opts    Options
	module  *module
	slots   chan struct{} // one for each session in use
	current atomic.Pointer[connection]
	// connecting is held while the token is connected to; refused is why that is not
	// tried any more.
	connecting sync.Mutex
	refused    error
}

// module is a vendor's library, of which a process has one copy. calls is held for
// reading by each call, and for writing while the library begins or ends.
type module struct {
	ctx   *ck.Ctx
	calls sync.RWMutex
}

var modules struct {
	sync.Mutex

	byPath map[string]*module
}

func load(path string) (*module, error) {
	modules.Lock()
	defer modules.Unlock()
	if m := modules.byPath[path]; m != nil {
		return m, nil
	}
	ctx := ck.New(path)
	if ctx == nil {
		return nil, fmt.Errorf("%s is not a PKCS #11 library that can be loaded here", path)
	}
	if modules.byPath == nil {
		modules.byPath = map[string]*module{}
	}
	modules.byPath[path] = &module{ctx: ctx}
	return modules.byPath[path], nil
}

// connection is the sessions with a token while it is there. They share one login.
type connection struct {
	slot    uint
	idle    chan ck.SessionHandle
	objects sync.Map // of private keys, by CKA_ID
}

// Open loads the library and logs in.
func Open(opts Options) (*Token, error) {
	m, err := load(opts.Module)
	if err != nil {
		return nil, err
	}
	opts.Limit = cmp.Or(opts.Limit, defaultLimit)
	t := &Token{opts: opts, module: m, slots: make(chan struct{}, maxSessions)}
	_, err = within(t, opts.Limit, func() (*connection, error) { return t.connect(nil) })
	return t, err
}

// String names the token.
func (t *Token) String() string { return "PKCS #11 token " + t.opts.Token }

// Check asks the token for an answer.
func (t *Token) Check() error {
	_, err := with(t, t.opts.Limit, func(_ *connection, session ck.SessionHandle) (ck.SessionInfo, error) {
		return t.module.ctx.GetSessionInfo(session)
	})
	return err
}

// with lends a session to f, and waits no longer than a limit for what it gives. If the
// token was lost, it is connected to once more and f runs again.
func with[T any](t *Token, limit time.Duration, f func(*connection, ck.SessionHandle) (T, error)) (T, error) {
	given, err := within(t, limit, func() (T, error) {
		c := t.current.Load()
		given, err := lend(t, c, f)
		if lost(err) {
			if c, err = t.connect(c); err == nil {
				given, err = lend(t, c, f)
			}
		}
		return given, err
	})
	if err != nil {
		return given, fmt.Errorf("%s: %w", t, err)
	}
	return given, nil
}

// within waits no longer than a limit for a slot and for what f gives. A call of a
// vendor's library cannot be called off: one that hangs goes on by itself and keeps its
// slot until it returns, so that there are never more of them than slots.
func within[T any](t *Token, limit time.Duration, f func() (T, error)) (T, error) {
	type answer struct {
		given T
		err   error
	}
	answered := make(chan answer, 1)
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case t.slots <- struct{}{}:
		go func() {
			defer func() { <-t.slots }()
			given, err := f()
			answered <- answer{given, err}
		}()
	case <-timer.C:
		return *new(T), ErrNoAnswer
	}
	select {
	case a := <-answered:
		return a.given, a.err
	case <-timer.C:
		return *new(T), ErrNoAnswer
	}
}

var errNotConnected = errors.New("not connected")

// lend runs f with a session of one connection. A session that an error has come from
// is not used again.
func lend[T any](t *Token, c *connection, f func(*connection, ck.SessionHandle) (T, error)) (given T, err error) {
	t.module.calls.RLock()
	defer t.module.calls.RUnlock()
	if c == nil {
		return given, errNotConnected
	}
	var session ck.SessionHandle
	select {
	case session = <-c.idle:
	default:
		if session, err = t.module.ctx.OpenSession(c.slot, ck.CKF_SERIAL_SESSION|ck.CKF_RW_SESSION); err != nil {
			return given, err //nolint:wrapcheck // with wraps it
		}
	}
	if given, err = f(c, session); err != nil {
		_ = t.module.ctx.CloseSession(session) // what it is about is err
		return given, err
	}
	c.idle <- session // never waits: it has room for all
	return given, nil
}

// lost tells that the token, or what we know of it, is gone. Any other fault lies with
// the key or with what was asked.
func lost(err error) bool {
	code, ok := errors.AsType[ck.Error](err)
	return errors.Is(err, errNotConnected) || ok && slices.Contains([]ck.Error{
		ck.CKR_CRYPTOKI_NOT_INITIALIZED, ck.CKR_SESSION_HANDLE_INVALID, ck.CKR_SESSION_CLOSED, ck.CKR_USER_NOT_LOGGED_IN, ck.CKR_SLOT_ID_INVALID,
		ck.CKR_DEVICE_REMOVED, ck.CKR_DEVICE_ERROR, ck.CKR_DEVICE_MEMORY, ck.CKR_TOKEN_NOT_PRESENT, ck.CKR_TOKEN_NOT_RECOGNIZED,
		ck.CKR_OBJECT_HANDLE_INVALID, ck.CKR_KEY_HANDLE_INVALID, ck.CKR_GENERAL_ERROR, ck.CKR_FUNCTION_FAILED,
	}, code)
}

// connect takes the place of a connection that was lost, once for all who ask. If the
// library is at a loss, it begins anew.
func (t *Token) connect(gone *connection) (*connection, error) {
	t.connecting.Lock()
	defer t.connecting.Unlock()
	if c := t.current.Load(); c != gone {
		return c, nil
	}
	if t.refused != nil {
		return nil, t.refused
	}
	t.module.calls.Lock()
	defer t.module.calls.Unlock()
	c, err := t.login()
	if lost(err) || errors.Is(err, errNoToken) {
		_ = t.module.ctx.Finalize() // it may have ended already
		c, err = t.login()
	}
	if err != nil {
		return nil, err
	}
	t.current.Store(c)
	return c, nil
}

var errNoToken = errors.New("there is no such token")

func (t *Token) login() (*connection, error) {
	ctx := t.module.ctx
	if err := ctx.Initialize(); err != nil && !errors.Is(err, ck.Error(ck.CKR_CRYPTOKI_ALREADY_INITIALIZED)) {
		return nil, fmt.Errorf("begin: %w", err)
	}
	slot, err := t.slot()
	if err != nil {
		return nil, err
	}
	session, err := ctx.OpenSession(slot, ck.CKF_SERIAL_SESSION|ck.CKF_RW_SESSION)
	if err != nil {
		return nil, fmt.Errorf("open a session: %w", err)
	}
	err = ctx.Login(session, ck.CKU_USER, t.opts.PIN)
	switch {
	case errors.Is(err, ck.Error(ck.CKR_PIN_INCORRECT)), errors.Is(err, ck.Error(ck.CKR_PIN_LOCKED)):
		t.refused = fmt.Errorf("log in: %w; not tried again before the next start, since a token locks itself after a few wrong PINs", err)
		return nil, t.refused
	case err != nil && !errors.Is(err, ck.Error(ck.CKR_USER_ALREADY_LOGGED_IN)):
		return nil, fmt.Errorf("log in: %w", err)
	}
	c := &connection{slot: slot, idle: make(chan ck.SessionHandle, maxSessions+1)}
	c.idle <- session
	return c, nil
}

// slot finds the token by its label.
func (t *Token) slot() (uint, error) {
	slots, err := t.module.ctx.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("list slots: %w", err)
	}
	for _, slot := range slots {
		if info, err := t.module.ctx.GetTokenInfo(slot); err == nil && info.Label == t.opts.Token {
			return slot, nil
		}
	}
	return 0, errNoToken
}
