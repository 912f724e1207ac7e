package inspect_test

import (
	"testing"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

// Whatever comes, the judgement has an end, gives a reason, and accepts nothing
// that nobody has signed.
func FuzzToken(f *testing.F) {
	f.Add(good(f))
	f.Add(usual().encrypt(f, good(f)))
	f.Add("e30.e30.e30")
	f.Add("e30....")
	accepted := good(f)
	opts := options(f)
	opts.DecryptionKey = recipientKey
	f.Fuzz(func(t *testing.T, token string) {
		report := inspect.Token(token, opts)
		if len(report.Checks) == 0 {
			t.Error("no reason is given")
		}
		if report.Verdict == inspect.Accepted && !report.Encrypted && report.Payload == nil || report.Verdict == "" {
			t.Errorf("verdict %q", report.Verdict)
		}
		if report.Verdict == inspect.Accepted && report.Size != len(accepted) && !report.Encrypted {
			t.Error("something else than the token is accepted")
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
