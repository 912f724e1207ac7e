package op_test

import (
	"crypto/rand"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// forget has the others forget the instance that was started last, as if it had been
// away for longer than it counts.
func forget(p *webtest.Provider) {
	p.Exec("delete from instances where id = (select id from instances order by started_at desc, id limit 1)")
	p.AdvanceInstance(11 * time.Second) // until it tells again that it is there
}

// TestAForgottenInstanceAnswersNothingBeforeItHasJoined: what it knows may be old, and
// nobody waits any more for it to learn of a new key.
func TestAForgottenInstanceAnswersNothingBeforeItHasJoined(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	other := p.Another()
	b := other.Browser(t)
	status := func() int { return b.Get("/jwks.json").Status }
	if got := status(); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	err := p.Store.Administer(t.Context(), func(*storage.Tx) error { // while which nobody joins
		forget(p)
		webtest.Eventually(t, "it answers nothing", func() bool { return status() == http.StatusServiceUnavailable })
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	webtest.Eventually(t, "it has joined", func() bool { return status() == http.StatusOK })
}

// TestAnInstanceThatHasAnOldMasterKeyDoesNotJoin: it was away while the master key was
// changed to its end, and answers nothing until it is started anew.
func TestAnInstanceThatHasAnOldMasterKeyDoesNotJoin(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	old, next := p.MasterKey(), make([]byte, seal.MasterKeySize)
	_, _ = rand.Read(next) // never fails
	to := seal.MasterKeyValue(base64.StdEncoding.EncodeToString(next))
	if _, err := seal.Rewrap(t.Context(), p.Store, old, to, storage.AuditEvent{}, rand.Reader); err != nil {
		t.Fatal(err)
	}
	forget(p)
	b := p.Browser(t)
	webtest.Eventually(t, "it has joined while either key opens the database", func() bool {
		return webtest.Query[int](p, "select count(*) from instances") == 1 && b.Get("/jwks.json").Status == http.StatusOK
	})
	err := p.Store.Administer(t.Context(), func(tx *storage.Tx) error { // as idp key rewrap --finish does in the moment after
		forget(p)
		return tx.PromoteMasterKey(t.Context())
	})
	if err != nil {
		t.Fatal(err)
	}
	webtest.Eventually(t, "it answers nothing", func() bool { return b.Get("/jwks.json").Status == http.StatusServiceUnavailable })
	webtest.Eventually(t, "its log says why", func() bool { return strings.Contains(p.Log.String(), "start it anew with the one in force") })
	if n := webtest.Query[int](p, "select count(*) from instances"); n != 0 {
		t.Errorf("%d instances", n)
	}
}
