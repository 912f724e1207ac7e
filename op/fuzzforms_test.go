package op_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// FuzzForms sends the forms of our pages back with their ticket changed, or with
// other fields: a ticket that is not just what was sealed does nothing at all, and
// one that is does nothing without the password or the page's own proof.
func FuzzForms(f *testing.F) {
	p, b := fuzzed(f)
	requests := map[string]url.Values{
		"/sign-in":  codeRequest("prompt", "login"),
		"/continue": codeRequest("prompt", "select_account"),
		"/consent":  codeRequest("client_id", "careful", "redirect_uri", carefulCallback, "prompt", "consent"),
	}
	forms := map[string]string{"/sign-in": "sign-in", "/continue": "continue-as", "/consent": "consent"}
	for address := range requests {
		f.Add(address, uint(0), byte(0), "", "", "amelia", ameliasPassword, "allow")
		f.Add(address, uint(0), byte(0), "", "", "amelia", "wrong", "deny")
		f.Add(address, uint(0), byte(0), "", "x", "amelia", "wrong", "allow")
		for _, position := range []uint{0, 1, 8, 9, 20, 40, 100, 1 << 40} { // version, data key, nonce, ciphertext, tag
			f.Add(address, position, byte(1), "", "", "amelia", ameliasPassword, "allow")
		}
		f.Add(address, uint(0), byte(0), "AAAA", "", "amelia", ameliasPassword, "allow")
		f.Add(address, uint(0), byte(0), "\x00", "", "amelia", ameliasPassword, "")
		f.Add(address, uint(0), byte(0), "", "\xff", "\xff", marker, "\x00")
	}
	f.Add("/end_session", uint(0), byte(0), "", "x", "", "", "")
	f.Add("/consents", uint(0), byte(0), "", "x", "", "", "")
	f.Fuzz(func(t *testing.T, address string, position uint, flip byte, more, proof, username, password, consent string) {
		b := b.For(t)
		request := requests[address]
		if request == nil {
			form := params("ticket", more, "proof", proof, "username", username, "password", password, "consent", consent)
			for _, address := range []string{"/sign-in", "/continue", "/consent", "/consents", "/end_session"} {
				checked(t, p, b, b.Request(address, form))
			}
			return
		}
		shown := b.Authorize(request)
		form := shown.Form(forms[address])
		sealed := form.Get("ticket")
		changed := flipped(t, sealed, position, flip) + more
		form = with(form, "ticket", changed, "username", username, "password", password, "consent", consent)
		own := proof == ""
		if !own {
			form.Set("proof", proof)
		}
		session := b.Cookie("idp_session")
		page := checked(t, p, b, b.Request(address, form))
		switch {
		case strings.TrimRight(changed, "\r\n") != sealed: // base64 may end in a line
			if page.Status != http.StatusBadRequest || page.Text("error") != "invalid_request" || b.Cookie("idp_session") != session {
				t.Errorf("%s: status %d, target %q for another ticket: byte %d by %d, and %q", address, page.Status, page.Target(), position, flip, more)
			}
		case page.Target() != "" && page.Answer().Has("code") && !own && password != ameliasPassword:
			t.Errorf("%s: a code for proof %q and password %q", address, proof, password)
		}
	})
}

// flipped is a ticket with bits of one of its bytes turned.
func flipped(t *testing.T, sealed string, position uint, flip byte) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil {
		t.Fatal(err)
	}
	raw[position%uint(len(raw))] ^= flip
	return base64.RawURLEncoding.EncodeToString(raw)
}
