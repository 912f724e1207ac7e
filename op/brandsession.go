package op

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/brandidp/idp/storage"
)

// errNoSession is for a session that has ended, or that the caller does not reach.
var errNoSession = &Error{Code: "not_found", Status: http.StatusNotFound, Description: "there is no such session that lives"}

// errOwnSession is for a session whose life is for the provider's settings to decide.
var errOwnSession = &Error{
	Code: "conflict", Status: http.StatusConflict, Description: "the session was not begun by the brand's own login, so it cannot be extended",
}

// reachID is the row of the client that a credential is narrowed to, 0 for none.
func (p *Provider) reachID(reach string) (int64, error) {
	if reach == "" {
		return 0, nil
	}
	v, err := p.current()
	if err != nil {
		return 0, err
	}
	client := v.clients[reach]
	if client == nil {
		return 0, errNoSession
	}
	return client.ID, nil
}

func sessionError(err error) error {
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return errNoSession
	case errors.Is(err, storage.ErrNotHandedOver):
		return errOwnSession
	}
	return err
}

// ReadSession tells of a session that lives, by its sid. One that reach, the client_id
// that the caller's credential is narrowed to, does not reach is an Error with status
// 404.
func (p *Provider) ReadSession(ctx context.Context, sid, reach string) (*storage.SessionState, error) {
	id, err := p.reachID(reach)
	if err != nil {
		return nil, err
	}
	state, err := p.opts.Store.SessionBySid(ctx, sid, id)
	return state, sessionError(err)
}

// ExtendSession has a session that the brand's login has begun last until lifetime
// from now, and no longer than session_lifetime after that sign-in; and it counts as
// used now. A lifetime of 0 does that alone. Errors are those of ReadSession, and an
// Error with status 409 for a session of a sign-in here. keep gives the idempotency key
// that what becomes of state is kept under; nil for none.
func (p *Provider) ExtendSession(
	ctx context.Context, sid, reach string, lifetime time.Duration, audit storage.AuditEvent, keep func(*storage.SessionState) *storage.Claim,
) (*storage.SessionState, error) {
	id, err := p.reachID(reach)
	if err != nil {
		return nil, err
	}
	state := &storage.SessionState{}
	extension := storage.Extension{Sid: sid, ClientID: id, Idle: p.opts.SessionIdle, Lifetime: lifetime, Audit: audit}
	if keep != nil {
		extension.Claim = keep(state)
	}
	return state, sessionError(p.opts.Store.ExtendSession(ctx, extension, state))
}

// RevokeSession ends a session as its sign-out would. Errors are those of ReadSession.
func (p *Provider) RevokeSession(ctx context.Context, sid, reach string, audit storage.AuditEvent) error {
	id, err := p.reachID(reach)
	if err != nil {
		return err
	}
	if err := p.opts.Store.RevokeSession(ctx, sid, id, audit); err != nil {
		return sessionError(err)
	}
	p.logouts.wake()
	p.webhook.wake()
	return nil
}
