// Package session owns who is signed in in this browser: a Store for
// gorilla/sessions whose cookie holds a handle and whose state is a row of
// PostgreSQL. New reads the row, Save only writes the cookie; the row itself is
// written by the protocol step that signs somebody in or out, in its own
// transaction.
package session

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"github.com/brandidp/idp/storage"
)

// Options of the sessions.
type Options struct {
	// Secure is false only for an http issuer on loopback; otherwise the cookie
	// is Secure and bears the __Host- prefix.
	Secure bool
	// Idle and Absolute bound a session's life.
	Idle     time.Duration
	Absolute time.Duration
}

// Store reads sessions and writes their cookie. It implements sessions.Store and
// is safe for concurrent use.
type Store struct {
	db   *storage.Store
	opts Options
	name string
	rand io.Reader
}

var _ sessions.Store = (*Store)(nil)

// NewStore makes a Store over the database.
func NewStore(db *storage.Store, rand io.Reader, opts Options) *Store {
	name := "idp_session"
	if opts.Secure {
		name = "__Host-idp_session"
	}
	return &Store{db: db, opts: opts, name: name, rand: rand}
}

// signedInKey is where New leaves the row in the session's values.
type signedInKey struct{}

// Get gives the session of this request, read at most once.
func (s *Store) Get(r *http.Request, name string) (*sessions.Session, error) {
	session, err := sessions.GetRegistry(r).Get(s, name)
	if err != nil {
		return session, fmt.Errorf("read session of the browser: %w", err)
	}
	return session, nil
}

// New reads the session that the request's cookie names. It never returns nil;
// IsNew is set when nobody is signed in. The only error is a database that
// cannot be read.
func (s *Store) New(r *http.Request, name string) (*sessions.Session, error) {
	session := s.empty(name)
	cookie, err := r.Cookie(name)
	if err != nil {
		return session, nil //nolint:nilerr // no cookie: nobody is signed in
	}
	handle, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || len(handle) != handleSize {
		return session, nil //nolint:nilerr // not a handle of ours
	}
	in, err := s.db.SessionByHandle(r.Context(), Hash(cookie.Value))
	if errors.Is(err, storage.ErrNotFound) {
		return session, nil
	}
	if err != nil {
		return session, fmt.Errorf("session: %w", err)
	}
	session.ID, session.IsNew = cookie.Value, false
	session.Values[signedInKey{}] = in
	return session, nil
}

// empty is a session in which nobody is signed in.
func (s *Store) empty(name string) *sessions.Session {
	session := sessions.NewSession(s, name)
	session.Options = &sessions.Options{
		Path: "/", MaxAge: int(s.opts.Absolute.Seconds()), Secure: s.opts.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	session.IsNew = true
	return session
}

// Save writes the cookie: the handle in session.ID, or its removal when MaxAge
// is negative.
func (s *Store) Save(_ *http.Request, w http.ResponseWriter, session *sessions.Session) error {
	if session.Options.MaxAge < 0 {
		session.ID = ""
	}
	http.SetCookie(w, sessions.NewCookie(session.Name(), session.ID, session.Options))
	return nil
}

const handleSize = 32 // bytes

// Current tells who is signed in in this browser; nil if nobody is.
func (s *Store) Current(r *http.Request) (*storage.SignedIn, error) {
	session, err := s.Get(r, s.name)
	if err != nil {
		return nil, err
	}
	in, _ := session.Values[signedInKey{}].(*storage.SignedIn)
	return in, nil
}

// Handle gives the hash of the handle in the request's cookie, nil if there is
// none. It does not ask whether the session is alive.
func (s *Store) Handle(r *http.Request) []byte {
	cookie, err := r.Cookie(s.name)
	if err != nil {
		return nil
	}
	return Hash(cookie.Value)
}

// RenewedSid gives the sid of the live session whose handle before the last is in the
// request's cookie: a sign-in has renewed it, and its answer was lost. It is "" if there
// is none.
func (s *Store) RenewedSid(r *http.Request) (string, error) {
	sid, err := s.db.SidByPreviousHandle(r.Context(), s.Handle(r))
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", fmt.Errorf("session: %w", err)
	}
	return sid, nil
}

// Begin stores a sign-in under a new handle and writes the cookie. Handle, sid
// and lifetimes in step are filled in here, but for an absolute one that is shorter
// than that of other sessions; the rest is the caller's.
func (s *Store) Begin(ctx context.Context, w http.ResponseWriter, r *http.Request, step storage.SignIn) (*storage.SignedIn, error) {
	handle, err := s.random()
	if err != nil {
		return nil, err
	}
	if step.Sid, err = s.random(); err != nil {
		return nil, err
	}
	step.OldHandleSHA256, step.HandleSHA256 = s.Handle(r), Hash(handle)
	step.Idle = s.opts.Idle
	if step.Absolute <= 0 || step.Absolute > s.opts.Absolute {
		step.Absolute = s.opts.Absolute
	}
	in, err := s.db.SignIn(ctx, step)
	if err != nil {
		return nil, err
	}
	session := s.empty(s.name)
	session.ID, session.IsNew = handle, false
	if err := s.Save(r, w, session); err != nil {
		return nil, err
	}
	return in, nil
}

// End signs out of this browser: the row and all that hangs on it, then the
// cookie.
func (s *Store) End(ctx context.Context, w http.ResponseWriter, r *http.Request) error {
	handle := s.Handle(r)
	if handle == nil {
		return nil
	}
	if err := s.db.SignOut(ctx, handle); err != nil {
		return err
	}
	session := s.empty(s.name)
	session.Options.MaxAge = -1
	return s.Save(r, w, session)
}

// Stale tells whether the idle expiry of a session is due to be moved on: after
// a tenth of the idle lifetime, or five minutes.
func (s *Store) Stale(in *storage.SignedIn) bool {
	return in.Now.Sub(in.Session.LastSeenAt) >= min(s.opts.Idle/10, 5*time.Minute)
}

// Touch moves the idle expiry on. It is not for the path of a request.
func (s *Store) Touch(ctx context.Context, in *storage.SignedIn) error {
	return s.db.TouchSession(ctx, in.Session.ID, s.opts.Idle)
}

func (s *Store) random() (string, error) {
	random := make([]byte, handleSize)
	if _, err := io.ReadFull(s.rand, random); err != nil {
		return "", fmt.Errorf("make session handle: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(random), nil
}

// Hash is the form in which a handle is stored.
func Hash(handle string) []byte {
	sum := sha256.Sum256([]byte(handle))
	return sum[:]
}
