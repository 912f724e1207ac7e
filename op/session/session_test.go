package session_test

import (
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/session"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// newStore gives a session store and a consumer who can sign in.
func newStore(t *testing.T, opts session.Options) (*session.Store, *storage.Store, storage.SignIn) {
	t.Helper()
	db, err := storage.Open(t.Context(), storage.Options{URL: storagetest.New(t), MaxConnections: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	consumer := &storage.Consumer{ManagedBy: "apply", Username: "amelia"}
	err = db.Administer(t.Context(), func(tx *storage.Tx) error { return tx.InsertConsumer(t.Context(), consumer, nil) })
	if err != nil {
		t.Fatal(err)
	}
	step := storage.SignIn{ConsumerID: consumer.ID, PasswordChangedAt: consumer.PasswordChangedAt, ACR: "loa1", AMR: []string{"pwd"}}
	return session.NewStore(db, rand.Reader, opts), db, step
}

func request(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	return r
}

//security:13-guessed
func TestTheCookieHoldsAHandleAndNothingElse(t *testing.T) {
	t.Parallel()
	store, _, step := newStore(t, session.Options{Secure: true, Idle: time.Hour, Absolute: 24 * time.Hour})
	w := httptest.NewRecorder()
	in, err := store.Begin(t.Context(), w, request(), step)
	if err != nil {
		t.Fatal(err)
	}
	cookie := w.Result().Cookies()[0]
	if cookie.Name != "__Host-idp_session" || len(cookie.Value) != 43 || cookie.MaxAge != 24*3600 || strings.Contains(cookie.Value, in.Session.Sid) {
		t.Errorf("cookie %v, sid %s", cookie, in.Session.Sid)
	}
	got, err := store.Current(request(cookie))
	if err != nil || got == nil || got.Session.Sid != in.Session.Sid || got.Consumer.Username != "amelia" {
		t.Errorf("current %v, %v", got, err)
	}
	for name, r := range map[string]*http.Request{
		"none": request(), "empty": request(&http.Cookie{Name: cookie.Name}), "short": request(&http.Cookie{Name: cookie.Name, Value: "abc"}),
		"unknown": request(&http.Cookie{Name: cookie.Name, Value: strings.Repeat("A", 43)}),
		"another": request(&http.Cookie{Name: "idp_session", Value: cookie.Value}),
	} {
		if got, err := store.Current(r); got != nil || err != nil {
			t.Errorf("%s: %v, %v", name, got, err)
		}
		if s, err := store.New(r, cookie.Name); s == nil || !s.IsNew || err != nil {
			t.Errorf("%s: New gives %v, %v", name, s, err)
		}
	}
	w = httptest.NewRecorder()
	if err := store.End(t.Context(), w, request(cookie)); err != nil || w.Result().Cookies()[0].MaxAge >= 0 {
		t.Errorf("end: %v, %v", w.Result().Cookies(), err)
	}
	if got, err := store.Current(request(cookie)); got != nil || err != nil {
		t.Errorf("after the end: %v, %v", got, err)
	}
	w = httptest.NewRecorder()
	if err := store.End(t.Context(), w, request()); err != nil || len(w.Result().Cookies()) != 0 {
		t.Errorf("end without a session: %v, %v", w.Result().Cookies(), err)
	}
}

//security:21-flood
func TestIdleExpiryMovesOnCoarsely(t *testing.T) {
	t.Parallel()
	store, db, step := newStore(t, session.Options{Idle: time.Hour, Absolute: 90 * time.Minute})
	in, err := store.Begin(t.Context(), httptest.NewRecorder(), request(), step)
	if err != nil {
		t.Fatal(err)
	}
	for age, stale := range map[time.Duration]bool{0: false, 4 * time.Minute: false, 5 * time.Minute: true, time.Hour: true} {
		later := *in
		later.Now = in.Session.LastSeenAt.Add(age)
		if store.Stale(&later) != stale {
			t.Errorf("after %v: stale %v", age, !stale)
		}
	}
	short := session.NewStore(db, rand.Reader, session.Options{Idle: 10 * time.Minute, Absolute: time.Hour})
	later := *in
	later.Now = in.Session.LastSeenAt.Add(time.Minute)
	if !short.Stale(&later) {
		t.Error("a tenth of a short idle lifetime is not stale")
	}
	if err := store.Touch(t.Context(), in); err != nil {
		t.Error(err)
	}
}

func TestADatabaseThatIsAwayIsNoSignOut(t *testing.T) {
	t.Parallel()
	store, db, step := newStore(t, session.Options{Idle: time.Hour, Absolute: time.Hour})
	w := httptest.NewRecorder()
	if _, err := store.Begin(t.Context(), w, request(), step); err != nil {
		t.Fatal(err)
	}
	r := request(w.Result().Cookies()...)
	db.Close()
	if in, err := store.Current(r); err == nil || in != nil {
		t.Errorf("current %v, %v; want an error", in, err)
	}
	if _, err := store.Begin(t.Context(), httptest.NewRecorder(), request(), step); err == nil || errors.Is(err, storage.ErrNotFound) {
		t.Errorf("begin: %v", err)
	}
}
