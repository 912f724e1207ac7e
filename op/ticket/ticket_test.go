package ticket_test

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/op/ticket"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// newKeyring opens the keys of a database of the test's own.
func newKeyring(tb testing.TB) *seal.Keyring {
	tb.Helper()
	store, err := storage.Open(tb.Context(), storage.Options{URL: storagetest.New(tb), MaxConnections: 2})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(store.Close)
	master := make([]byte, seal.MasterKeySize)
	_, _ = rand.Read(master) // never fails
	opened, err := seal.Open(tb.Context(), store, seal.MasterKeyValue(base64.StdEncoding.EncodeToString(master)), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return opened.Keyring
}

// clock is one that a test moves.
type clock struct{ offset atomic.Int64 }

func (c *clock) now() time.Time {
	return time.Unix(1_800_000_000, 0).Add(time.Duration(c.offset.Load()))
}

func newSealer(t *testing.T, keyring *seal.Keyring, issuer string, now func() time.Time) *ticket.Sealer {
	t.Helper()
	sealer, err := ticket.NewSealer(keyring, issuer, true, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

// request is one of a browser with cookies.
func request(cookies ...*http.Cookie) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	for _, cookie := range cookies {
		r.AddCookie(cookie)
	}
	return r
}

//defect:2-binding
//security:12-another-browser 12-another-issuer 12-another-purpose 12-late
func TestTicketsOpenInTheirBrowserAlone(t *testing.T) {
	t.Parallel()
	keyring, now := newKeyring(t), &clock{}
	sealer := newSealer(t, keyring, "https://id.brand.example", now.now)
	w := httptest.NewRecorder()
	sealed, err := sealer.Seal(w, request(), map[string]string{"state": "<ž>"})
	if err != nil {
		t.Fatal(err)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 1 || cookies[0].Name != "__Host-idp_binding" {
		t.Fatalf("cookies %v", cookies)
	}
	binding := cookies[0]
	opens := func(s *ticket.Sealer, r *http.Request, sealed string) error {
		var got map[string]string
		err := s.Open(r, sealed, &got)
		if err == nil && got["state"] != "<ž>" {
			t.Errorf("opened %v", got)
		}
		return err
	}
	if err := opens(sealer, request(binding), sealed); err != nil {
		t.Error(err)
	}
	w = httptest.NewRecorder()
	if _, err := sealer.Seal(w, request(binding), 1); err != nil || len(w.Result().Cookies()) != 0 {
		t.Errorf("the binding was set again: %v, %v", w.Result().Cookies(), err)
	}
	w = httptest.NewRecorder()
	if _, err := sealer.Rebind(w); err != nil {
		t.Fatal(err)
	}
	rebound := w.Result().Cookies()[0]
	short := *binding
	short.Value = "short"
	for name, err := range map[string]error{
		"no binding":       opens(sealer, request(), sealed),
		"another binding":  opens(sealer, request(rebound), sealed),
		"a short binding":  opens(sealer, request(&short), sealed),
		"another issuer":   opens(newSealer(t, keyring, "https://id.brand.example/x", now.now), request(binding), sealed),
		"another database": opens(newSealer(t, newKeyring(t), "https://id.brand.example", now.now), request(binding), sealed),
		"not base64":       opens(sealer, request(binding), sealed+"="),
		"a device's seal":  opens(sealer, request(binding), deviceSeal(t, keyring)),
	} {
		if !errors.Is(err, ticket.ErrInvalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	now.offset.Store(int64(ticket.Lifetime))
	if err := opens(sealer, request(binding), sealed); err != nil {
		t.Errorf("at the end of its lifetime: %v", err)
	}
	now.offset.Store(int64(ticket.Lifetime + time.Millisecond))
	if err := opens(sealer, request(binding), sealed); !errors.Is(err, ticket.ErrInvalid) {
		t.Errorf("after its lifetime: %v", err)
	}
}

func deviceSeal(t *testing.T, keyring *seal.Keyring) string {
	t.Helper()
	sealed, err := keyring.Seal(seal.Devices, []byte(`{"t":0,"r":{}}`), "https://id.brand.example")
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(sealed)
}

func TestProofs(t *testing.T) {
	t.Parallel()
	keyring := newKeyring(t)
	sealer := newSealer(t, keyring, "https://id.brand.example", time.Now)
	proof := sealer.Proof("consent", "1", "sub")
	if !sealer.Proves(proof, "consent", "1", "sub") || !newSealer(t, keyring, "https://id.brand.example", time.Now).Proves(proof, "consent", "1", "sub") {
		t.Error("a proof does not hold")
	}
	for _, parts := range [][]string{{"continue", "1", "sub"}, {"consent", "2", "sub"}, {"consent", "1su", "b"}, {"consent", "1", "sub", ""}, {"consent", "1"}, {}} {
		if sealer.Proves(proof, parts...) {
			t.Errorf("it holds for %q", parts)
		}
	}
	for _, other := range []string{"", proof[:42], proof + "A"} {
		if sealer.Proves(other, "consent", "1", "sub") {
			t.Errorf("%q holds", other)
		}
	}
	w := httptest.NewRecorder()
	bound, err := sealer.BindingProof(w, request(), "sign-out")
	if err != nil {
		t.Fatal(err)
	}
	binding := w.Result().Cookies()[0]
	if !sealer.ProvesBinding(request(binding), bound, "sign-out") {
		t.Error("a proof of the browser does not hold there")
	}
	if sealer.ProvesBinding(request(), bound, "sign-out") || sealer.ProvesBinding(request(binding), bound, "consent") {
		t.Error("a proof of the browser holds elsewhere")
	}
}

func TestWithoutRandomnessNothingIsSealed(t *testing.T) {
	t.Parallel()
	sealer, err := ticket.NewSealer(newKeyring(t), "https://id.brand.example", true, time.Now, failing{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sealer.Seal(httptest.NewRecorder(), request(), 1); !errors.Is(err, errRandom) {
		t.Errorf("sealed: %v", err)
	}
}

var errRandom = fmt.Errorf("no randomness")

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errRandom }
