package inspect_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

// Whatever comes, the judgement has an end, gives a reason, and accepts nothing
// that nobody has signed. HEAD, BODY and SIGN stand for the parts of a good token,
// which is another in each process; without a token, the payload is signed.
func FuzzToken(f *testing.F) {
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add("HEAD.BODY.SIGN", "", false)
	f.Add("HEAD.BODY.SIGN", "", true)
	f.Add("e30.e30.e30", "", true)
	f.Add("e30....", "", false)
	for name := range claims(nil) {
		f.Add("", strings.Replace(string(payload), `"`+name+`":`, `"`+name+`":[{}],"x":`, 1), false)
	}
	f.Add("", string(payload), false)
	f.Add("", string(payload), true)
	f.Add("", `{"exp":1e400,"iat":-1,"aud":[null],"lp_sdes":{"type":"personal"}}`, false)
	accepted, opts := good(f), options(f)
	opts.DecryptionKey = recipientKey
	part := strings.Split(accepted, ".")
	parts := strings.NewReplacer("HEAD", part[0], "BODY", part[1], "SIGN", part[2])
	f.Fuzz(func(t *testing.T, token, payload string, encrypt bool) {
		token = parts.Replace(token)
		genuine := token == accepted || token == ""
		if token == "" {
			token = sign(t, brandKey, jose.RS256, payload, nil)
		}
		if encrypt {
			token = usual().encrypt(t, token)
		}
		report := inspect.Token(token, opts)
		if len(report.Checks) == 0 {
			t.Error("no reason is given")
		}
		if report.Verdict == "" || report.Verdict == inspect.Accepted && (!genuine || report.Payload == nil || report.Encrypted != encrypt) {
			t.Errorf("verdict %q for %q, %q", report.Verdict, token, payload)
		}
		if token == accepted && report.Verdict != inspect.Accepted {
			t.Errorf("the good token is %s: %v", report.Verdict, report.Checks)
		}
	})
}

// What is no key is refused, and not with a panic.
func FuzzParseKeys(f *testing.F) {
	f.Add(publicPEM(f, brandKey.Public()))
	f.Add([]byte(`{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Add([]byte("MIIB"))
	token := good(f)
	f.Fuzz(func(_ *testing.T, data []byte) {
		opts := inspect.Options{Now: now}
		var err error
		if opts.Keys, err = inspect.ParseKeys(data); err == nil {
			inspect.Token(token, opts)
		}
	})
}
