package op_test

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// hook is the brand's address for webhooks.
type hook struct {
	*httptest.Server

	mu    sync.Mutex
	calls []hookCall
}

// hookCall is a request with its body.
type hookCall struct {
	header http.Header
	body   []byte
}

// newHook answers each call with what answer gives for it, counted from 1; nil for 204.
func newHook(t *testing.T, answer func(attempt int) int) *hook {
	t.Helper()
	h := &hook{}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", r.Method, r.Header, err)
		}
		h.mu.Lock()
		h.calls = append(h.calls, hookCall{r.Header, body})
		attempt := len(h.calls)
		h.mu.Unlock()
		if answer == nil {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		w.WriteHeader(answer(attempt))
	}))
	t.Cleanup(h.Close)
	return h
}

// wait gives the calls as soon as there are n.
func (h *hook) wait(t *testing.T, n int) []hookCall {
	t.Helper()
	var calls []hookCall
	webtest.Eventually(t, fmt.Sprintf("%d webhooks", n), func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		calls = slices.Clone(h.calls)
		return len(calls) >= n
	})
	if len(calls) > n {
		t.Fatalf("%d webhooks, want %d", len(calls), n)
	}
	return calls
}

// signedBy tells whether a call verifies by a secret as the specification of Standard
// Webhooks says.
func (c *hookCall) signedBy(t *testing.T, secret string) bool {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || !strings.HasPrefix(secret, "whsec_") || len(key) < 24 || len(key) > 64 {
		t.Fatalf("%d bytes of secret: %v", len(key), err)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", c.header.Get("Webhook-Id"), c.header.Get("Webhook-Timestamp"), c.body)
	return slices.Contains(strings.Fields(c.header.Get("Webhook-Signature")), "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
}

type sessionEnded struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      struct {
		Sid        string `json:"sid"`
		Sub        string `json:"sub"`
		ExternalID string `json:"external_id"`
		Reason     string `json:"reason"`
	} `json:"data"`
}

func (c *hookCall) event(t *testing.T) sessionEnded {
	t.Helper()
	var e sessionEnded
	decoder := json.NewDecoder(strings.NewReader(string(c.body)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&e); err != nil {
		t.Fatal(err)
	}
	return e
}

func startHooked(t *testing.T, h *hook) *webtest.Provider {
	t.Helper()
	return webtest.Start(t, func(o *web.Options) { o.HandOver.WebhookURL = h.URL + "/hook" }, brand, handed)
}

func webhookSecret(t *testing.T, p *webtest.Provider, rotate bool) string {
	t.Helper()
	secret, err := op.WebhookSecret(t.Context(), p.Store, p.Keyring(), rand.Reader, rotate, storage.AuditEvent{})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func pendingEvents(p *webtest.Provider) int {
	return webtest.Query[int](p, "select count(*)::int from session_events")
}

// Whatever ends a session that the brand has begun, the brand is told of it.
func TestWebhookTellsWhatEndsSessions(t *testing.T) {
	t.Parallel()
	for what, end := range map[string]func(t *testing.T, p *webtest.Provider, b *webtest.Browser, sid string){
		"signed_out": func(_ *testing.T, _ *webtest.Provider, b *webtest.Browser, _ string) {
			b.Get("/end_session").Submit("sign-out", nil)
		},
		"revoked": func(t *testing.T, p *webtest.Provider, _ *webtest.Browser, sid string) {
			endByAPI(t, p, sid)
		},
		"replaced": func(_ *testing.T, _ *webtest.Provider, b *webtest.Browser, _ string) {
			b.Authorize(codeRequest("prompt", "login")).SignIn("amelia", ameliasPassword)
		},
		"password_changed": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser, _ string) {
			p.SetPassword("sub-of-pond", "a brand new password")
		},
		"disabled": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser, _ string) {
			p.Apply(strings.ReplaceAll(handed, "{external_id: crm-1,", "{external_id: crm-1, disabled: true,"))
		},
		"disabled, by the API": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser, _ string) {
			p.Call(p.APIKey(nil, op.ScopeConsumersWrite), http.MethodPatch, "/consumers/sub-of-pond", `{"disabled":true}`).Want(http.StatusOK)
		},
		"revoked, everywhere": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser, _ string) {
			p.Call(backendKey(p), http.MethodDelete, "/consumers/sub-of-pond/sessions", nil).Want(http.StatusOK)
		},
		"consumer_deleted": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser, _ string) {
			p.Exec("delete from consumers where external_id = 'crm-1'")
		},
		"consumer_deleted, by the API": func(_ *testing.T, p *webtest.Provider, _ *webtest.Browser, _ string) {
			p.Call(p.APIKey(nil, op.ScopeConsumersWrite), http.MethodDelete, "/consumers/sub-of-pond", nil).Want(http.StatusNoContent)
		},
		"expired": func(t *testing.T, p *webtest.Provider, _ *webtest.Browser, _ string) {
			p.Advance(25 * time.Hour)
			if _, err := p.Store.Sweep(t.Context()); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			reason, _, _ := strings.Cut(what, ",")
			h := newHook(t, nil)
			p := startHooked(t, h)
			b := shopper(t, p, pond)
			_, sid := shopsHint(t, p, b)
			end(t, p, b, sid)
			call := h.wait(t, 1)[0]
			got := call.event(t)
			if got.Type != "session.ended" || got.Data.Sid != sid || got.Data.Sub != "sub-of-pond" || got.Data.ExternalID != "crm-1" || got.Data.Reason != reason ||
				p.Now().Sub(got.Timestamp) > time.Minute || got.Timestamp.After(p.Now()) {
				t.Errorf("%s", call.body)
			}
			stamp, err := strconv.ParseInt(call.header.Get("Webhook-Timestamp"), 10, 64)
			if err != nil || p.Now().Unix()-stamp > 60 || call.header.Get("Webhook-Id") == "" {
				t.Errorf("%v", call.header)
			}
			if !call.signedBy(t, webhookSecret(t, p, false)) {
				t.Errorf("not signed by the secret: %v", call.header)
			}
			webtest.Eventually(t, "the outbox is empty", func() bool { return pendingEvents(p) == 0 })
			if log := p.Log.String(); strings.Contains(log, sid) {
				t.Error("the log has a sid")
			}
		})
	}
	t.Run("not of the brand", func(t *testing.T) {
		t.Parallel()
		h := newHook(t, nil)
		p := startHooked(t, h)
		amelia(t, p).Get("/end_session").Submit("sign-out", nil)
		shopper(t, p, pond).Get("/end_session").Submit("sign-out", nil)
		if got := h.wait(t, 1)[0].event(t); got.Data.Sub != "sub-of-pond" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("without an address", func(t *testing.T) {
		t.Parallel()
		p := webtest.Start(t, nil, brand, handed)
		shopper(t, p, pond).Get("/end_session").Submit("sign-out", nil)
		if n := pendingEvents(p) + webtest.Query[int](p, "select count(*)::int from handed_over_sessions"); n != 0 {
			t.Errorf("%d rows are left", n)
		}
	})
}

// The same person's session goes on, with one mark.
func TestSessionOfTheBrandGoesOn(t *testing.T) {
	t.Parallel()
	h := newHook(t, nil)
	p := startHooked(t, h)
	b := shopper(t, p, pond)
	_, sid := shopsHint(t, p, b)
	b.Get(accepted(t, p, handedOver(t, b.Authorize(handedRequest("prompt", "login"))), pond))
	if _, again := shopsHint(t, p, b); again != sid || pendingEvents(p) != 0 {
		t.Errorf("sid %s, then %s", sid, again)
	}
	b.Get("/end_session").Submit("sign-out", nil)
	h.wait(t, 1)
}

// A receiver that fails is tried again under the same id, signed afresh, by whichever
// process is there; and after a rotation with both secrets for a day.
func TestWebhookIsTriedAgain(t *testing.T) {
	t.Parallel()
	h := newHook(t, func(attempt int) int {
		return map[int]int{1: http.StatusInternalServerError, 2: http.StatusTemporaryRedirect, 3: http.StatusOK}[attempt]
	})
	p := startHooked(t, h)
	shopper(t, p, pond).Get("/end_session").Submit("sign-out", nil)
	h.wait(t, 1)
	first := webhookSecret(t, p, false)
	webtest.Eventually(t, "the failure is logged", func() bool { return strings.Contains(p.Log.String(), "is tried again") })
	p.Advance(10 * time.Second)
	h.wait(t, 2)
	webtest.Eventually(t, "the failure is logged", func() bool { return strings.Count(p.Log.String(), "is tried again") == 2 })
	p.StopRunning()
	second := webhookSecret(t, p, true)
	p.Another()
	p.Advance(20 * time.Second)
	calls := h.wait(t, 3)
	for _, call := range calls {
		if call.header.Get("Webhook-Id") != calls[0].header.Get("Webhook-Id") || string(call.body) != string(calls[0].body) || !call.signedBy(t, first) {
			t.Errorf("%v %s", call.header, call.body)
		}
	}
	if first == second || !calls[2].signedBy(t, second) || calls[0].header.Get("Webhook-Timestamp") == calls[2].header.Get("Webhook-Timestamp") {
		t.Errorf("%v", calls[2].header)
	}
	webtest.Eventually(t, "the outbox is empty", func() bool { return pendingEvents(p) == 0 })

	p.Advance(25 * time.Hour)
	shopper(t, p, pond).Get("/end_session").Submit("sign-out", nil)
	if last := h.wait(t, 4)[3]; last.signedBy(t, first) || !last.signedBy(t, second) {
		t.Errorf("%v", last.header)
	}
	if webhookSecret(t, p, false) != second {
		t.Error("the secret in force is another")
	}
	if stored := webtest.Query[[]byte](p, "select secret_sealed from webhook_secrets order by id desc limit 1"); strings.Contains(string(stored), second) {
		t.Error("the secret lies in the open")
	}
}

// As with back-channel sign-out, only what others reach is called.
//
//security:26-inside
func TestWebhookAddressThatIsNotPublic(t *testing.T) {
	t.Parallel()
	h := newHook(t, nil)
	p := webtest.Start(t, func(o *web.Options) {
		o.Issuer, o.HandOver.WebhookURL = "https://id.brand.example", strings.Replace(h.URL, "http:", "https:", 1)
	}, brand)
	p.Exec("insert into session_events (sid, sub, reason, expires_at) values ('sid', 'sub', 'signed_out', idp_now() + interval '1 day')")
	webtest.Eventually(t, "it is refused", func() bool { return strings.Contains(p.Log.String(), "not a public one") })
	if len(h.calls) != 0 {
		t.Error("it was called")
	}
}
