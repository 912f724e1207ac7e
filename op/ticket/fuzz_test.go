package ticket_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/op/ticket"
)

// FuzzTicket seals any request and opens it again; and nothing else opens: no
// changed, cut, made-up or otherwise sealed ticket, none of another issuer, and none
// in another browser.
func FuzzTicket(f *testing.F) {
	const issuer, cookieName = "https://id.brand.example", "__Host-idp_binding"
	keyring := newKeyring(f)
	sealer := func(tb testing.TB, issuer string) *ticket.Sealer {
		tb.Helper()
		s, err := ticket.NewSealer(keyring, issuer, true, time.Now, rand.Reader)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	own := sealer(f, issuer)
	w := httptest.NewRecorder()
	if _, err := own.Seal(w, request(), 0); err != nil {
		f.Fatal(err)
	}
	binding := w.Result().Cookies()[0].Value

	f.Add("state", []byte("st"), uint(0), byte(1), []byte(nil), issuer+"/x", strings.Repeat("A", len(binding)))
	f.Add("", []byte(nil), uint(1), byte(0xff), []byte(`{"t":1,"r":{}}`), "", "")
	f.Add("\u2028<>", []byte("\xff\x00"), uint(8), byte(1), make([]byte, 40), "https://id.brand.example\x00", "short")
	f.Add("claims", bytes.Repeat([]byte{'"'}, ticket.MaxSize/2), uint(30), byte(0x80), make([]byte, ticket.MaxSize), "https://id.brand.exampl", "a; "+cookieName+"=b")
	f.Fuzz(func(t *testing.T, name string, value []byte, position uint, flip byte, forged []byte, otherIssuer, otherBinding string) {
		name = strings.ToValidUTF8(name, "") // as every name of a request is
		browser := request(&http.Cookie{Name: cookieName, Value: binding})
		sealed, err := own.Seal(httptest.NewRecorder(), browser, map[string][]byte{name: value})
		if err != nil {
			t.Fatal(err)
		}
		var opened map[string][]byte
		err = own.Open(browser, sealed, &opened)
		switch got, ok := opened[name]; {
		case len(sealed) > ticket.MaxSize && errors.Is(err, ticket.ErrInvalid):
		case len(sealed) > ticket.MaxSize || err != nil || len(opened) != 1 || !ok || !bytes.Equal(got, value):
			t.Errorf("%q=%q came back as %q: %v", name, value, opened, err)
		}

		raw, err := base64.RawURLEncoding.DecodeString(sealed)
		if err != nil {
			t.Fatal(err)
		}
		refused := func(what string, s *ticket.Sealer, r *http.Request, text string) {
			t.Helper()
			opened := map[string][]byte{}
			if err := s.Open(r, text, &opened); !errors.Is(err, ticket.ErrInvalid) || len(opened) != 0 {
				t.Errorf("%s: %.300q opened %q: %v", what, text, opened, err)
			}
		}
		encoded := base64.RawURLEncoding.EncodeToString
		at := int(position % uint(len(raw)))
		if flip != 0 {
			changed := bytes.Clone(raw)
			changed[at] ^= flip
			refused("a byte changed", own, browser, encoded(changed))
		}
		refused("cut", own, browser, encoded(raw[:at]))
		refused("begun later", own, browser, encoded(raw[at+1:]))
		refused("made up", own, browser, encoded(forged))
		refused("no base64", own, browser, string(forged))
		if other := append(bytes.Clone(raw[:at]), forged...); !bytes.Equal(other, raw) {
			refused("made up from a byte on", own, browser, encoded(other))
		}
		if otherIssuer != issuer {
			refused("another issuer", sealer(t, otherIssuer), browser, sealed)
		}
		if otherBinding != binding {
			refused("another browser", own, request(&http.Cookie{Name: cookieName, Value: otherBinding}), sealed)
			crude := request()
			crude.Header.Set("Cookie", cookieName+"="+otherBinding)
			refused("another browser's header", own, crude, sealed)
		}
		device, err := keyring.Seal(seal.Devices, raw, issuer)
		if err != nil {
			t.Fatal(err)
		}
		refused("for another purpose", own, browser, encoded(device))
	})
}
