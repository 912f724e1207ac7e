package op_test

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/web/webtest"
)

// sealedBy is the id of the data key that a ticket was sealed by.
func sealedBy(t *testing.T, form url.Values) uint64 {
	t.Helper()
	sealed, err := base64.RawURLEncoding.DecodeString(form.Get("ticket"))
	if err != nil || len(sealed) < 9 {
		t.Fatalf("ticket %q, %v", form.Get("ticket"), err)
	}
	return binary.BigEndian.Uint64(sealed[1:])
}

// TestTicketsOutliveTheirKey: nothing is sealed by a new key before every instance
// has read it, an instance that could not says that it is not available, and the key
// before goes on opening.
//
//security:12-new-key
func TestTicketsOutliveTheirKey(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	cutOff := p.Another()
	cutOff.StopRunning()
	b := p.Browser(t)
	tries := 0
	sent := func(form url.Values, to *webtest.Provider) *webtest.Page {
		tries++ // of nobody twice, so that nothing is throttled
		return b.Post(to.Address+"/sign-in", with(form, "username", fmt.Sprint("nobody", tries), "password", "wrong"))
	}
	before := b.Authorize(codeRequest()).Form("sign-in")
	id := p.RenewDataKey(seal.Tickets)
	p.Reload()
	waiting := b.Authorize(codeRequest()).Form("sign-in")
	if sealedBy(t, waiting) != sealedBy(t, before) {
		t.Error("the new key seals before every instance knows it")
	}
	if page := sent(waiting, cutOff); page.Status != http.StatusForbidden {
		t.Errorf("an instance that does not know the new key: status %d", page.Status)
	}
	p.Advance(seal.RenewalWait + time.Second)
	after := b.Authorize(codeRequest()).Form("sign-in")
	if got := sealedBy(t, after); got != uint64(id) {
		t.Errorf("sealed by %d, want %d", got, id)
	}
	if page := sent(after, cutOff); page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" {
		t.Errorf("an instance that is cut off: status %d", page.Status)
	}
	cutOff.Reload()
	for name, instance := range map[string]*webtest.Provider{"the first instance": p, "the one that was cut off": cutOff, "one that starts later": p.Another()} {
		for _, form := range []url.Values{before, waiting, after} {
			if page := sent(form, instance); page.Status != http.StatusForbidden {
				t.Errorf("%s: status %d for a ticket of key %d", name, page.Status, sealedBy(t, form))
			}
		}
	}
	// The control: a key that is gone opens nothing.
	p.Exec("delete from data_keys where id = $1", sealedBy(t, before))
	p.Reload()
	if page := sent(before, p); page.Status != http.StatusBadRequest {
		t.Errorf("a ticket whose key is gone: status %d", page.Status)
	}
	if page := sent(after, p); page.Status != http.StatusForbidden {
		t.Errorf("status %d", page.Status)
	}
}
