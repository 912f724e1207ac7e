package keys_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

// set is a key of the provider (owner 0), one of a client (owner 7), and one
// that nobody may know of yet.
func set(tb testing.TB) (*keys.Set, *seal.Keyring, []*storage.SigningKey) {
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
	var rows []*storage.SigningKey
	for _, owner := range []int64{0, 7, 8} {
		row, err := keys.Generate(opened.Keyring, rand.Reader, keys.RS256)
		if err != nil {
			tb.Fatal(err)
		}
		row.ClientID = owner
		rows = append(rows, row)
	}
	rows[2].State = keys.Created
	all := keys.NewSet(rows, opened.Keyring, nil, nil)
	wantNoFaults(tb, all)
	return all, opened.Keyring, rows
}

func wantNoFaults(tb testing.TB, set *keys.Set) {
	tb.Helper()
	for _, fault := range set.Faults() {
		tb.Fatal(fault)
	}
}

// TestADamagedKeyIsItsOwnersAlone: the owner of an active key that does not open, or
// cannot be read, has none that signs, not that before it either, and nobody else's. The
// others go on, and once it is mended, so does it.
func TestADamagedKeyIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	before, keyring, rows := set(t)
	retired, err := keys.Generate(keyring, rand.Reader, keys.RS256)
	if err != nil {
		t.Fatal(err)
	}
	retired.ClientID, retired.State = 7, keys.Retired
	for name, test := range map[string]struct {
		damage    func(*storage.SigningKey)
		published bool
	}{
		"private half":       {func(k *storage.SigningKey) { k.PrivateSealed = rows[0].PrivateSealed }, true},
		"no private half":    {func(k *storage.SigningKey) { k.PrivateSealed = nil }, true},
		"address in a token": {func(k *storage.SigningKey) { k.PrivateURI = "pkcs11:nonsense" }, true},
		"public half":        {func(k *storage.SigningKey) { k.PublicJWK = json.RawMessage("{") }, false},
		"symmetric":          {func(k *storage.SigningKey) { k.PublicJWK = json.RawMessage(`{"kty":"oct","k":"AAAA"}`) }, false},
	} {
		damaged := *rows[1]
		test.damage(&damaged)
		all := keys.NewSet([]*storage.SigningKey{rows[0], retired, &damaged}, keyring, nil, nil)
		if faults := all.Faults(); len(faults) != 1 || faults[0].Key != &damaged || !strings.Contains(faults[0].Error(), damaged.Kid) {
			t.Errorf("%s: faults %v", name, faults)
		}
		if signer, err := all.Signer(7, keys.RS256, 0); !errors.Is(err, keys.ErrUnavailable) {
			t.Errorf("%s: %v signs, %v", name, signer, err)
		}
		if published := strings.Contains(string(all.JWKS()), damaged.Kid); published != test.published || strings.Contains(string(all.OwnJWKS(7)), damaged.Kid) != published {
			t.Errorf("%s: published: %v", name, published)
		}
		if signer, err := all.Signer(0, keys.RS256, 0); err != nil || signer.Kid() != rows[0].Kid {
			t.Errorf("%s: the others: %v", name, err)
		}
		mended := keys.NewSet(rows, keyring, all, nil)
		wantNoFaults(t, mended)
		if _, err := mended.Signer(7, keys.RS256, 0); err != nil {
			t.Errorf("%s, mended: %v", name, err)
		}
	}
	// What was opened before is not opened again.
	damaged := *rows[1]
	damaged.PrivateSealed = nil
	wantNoFaults(t, keys.NewSet([]*storage.SigningKey{&damaged}, keyring, before, nil))
}

func TestWhatIsSignedVerifiesWithTheOwnersKeyAlone(t *testing.T) {
	t.Parallel()
	all, keyring, rows := set(t)
	again := keys.NewSet(rows, keyring, all, nil)
	wantNoFaults(t, again)
	for owner, other := range map[int64]int64{0: 7, 7: 0} {
		signer, err := again.Signer(owner, keys.RS256, 0)
		if err != nil {
			t.Fatal(err)
		}
		const payload = `{"sub":"amelia"}`
		token, err := signer.Sign([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := all.Verify(token); err != nil || string(got) != payload {
			t.Errorf("owner %d: %q, %v", owner, got, err)
		}
		jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
		if err != nil {
			t.Fatal(err)
		}
		header := jws.Signatures[0].Protected
		if header.Algorithm != keys.RS256 || header.KeyID != signer.Kid() || header.ExtraHeaders["typ"] != "JWT" {
			t.Errorf("owner %d: header %+v", owner, header)
		}
		if got, err := jws.Verify(keySet(t, all.OwnJWKS(owner))); err != nil || string(got) != payload {
			t.Errorf("owner %d: by its own document: %q, %v", owner, got, err)
		}
		if _, err := jws.Verify(keySet(t, all.OwnJWKS(other))); err == nil {
			t.Errorf("owner %d: the key of owner %d verifies it", owner, other)
		}
		head, rest, _ := strings.Cut(token, ".")
		if _, err := all.Verify(head + ".e30" + rest[strings.IndexByte(rest, '.'):]); err == nil {
			t.Errorf("owner %d: another payload verifies", owner)
		}
	}
}

func TestAKeyThatIsNotPublishedYetIsNowhere(t *testing.T) {
	t.Parallel()
	all, _, rows := set(t)
	if _, err := all.Signer(8, keys.RS256, 0); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("it signs: %v", err)
	}
	if string(all.OwnJWKS(8)) != `{"keys":[]}` || strings.Contains(string(all.JWKS()), rows[2].Kid) {
		t.Error("it is published")
	}
	if n := len(keySet(t, all.JWKS()).Keys); n != 2 {
		t.Errorf("%d keys are published", n)
	}
}

func TestAKeyOfAnotherAlgorithmIsRefused(t *testing.T) {
	t.Parallel()
	_, keyring, rows := set(t)
	for _, alg := range []string{"PS256", "ES256", "EdDSA"} {
		rows[0].Alg = alg
		if faults := keys.NewSet(rows, keyring, nil, nil).Faults(); len(faults) == 0 {
			t.Errorf("for %q it was taken", alg)
		}
		rows[0].PublicJWK = json.RawMessage(strings.Replace(string(rows[0].PublicJWK), `"alg":"RS256"`, `"alg":"`+alg+`"`, 1))
		if faults := keys.NewSet(rows, keyring, nil, nil).Faults(); len(faults) == 0 && alg != "PS256" {
			t.Errorf("for %q, of another kind, it was taken", alg)
		}
		rows[0].PublicJWK = json.RawMessage(strings.Replace(string(rows[0].PublicJWK), `"alg":"`+alg+`"`, `"alg":"RS256"`, 1))
	}
	for _, alg := range []string{"HS256", "ES384", "none", ""} {
		if _, err := keys.Generate(keyring, rand.Reader, alg); err == nil {
			t.Errorf("a key for %q was made", alg)
		}
	}
}

// An instance of this release goes on beside one that knows more algorithms.
func TestAKeyOfALaterReleaseIsPassedOver(t *testing.T) {
	t.Parallel()
	_, keyring, rows := set(t)
	later := *rows[0]
	later.ID, later.Kid, later.Alg = 99, "later", "ML-DSA-44"
	later.PublicJWK, later.PrivateSealed = json.RawMessage(`{"kty":"AKP","alg":"ML-DSA-44","kid":"later","pub":"AA"}`), nil
	all := keys.NewSet(append(rows, &later), keyring, nil, nil)
	wantNoFaults(t, all)
	if _, err := all.Signer(later.ClientID, later.Alg, 0); !errors.Is(err, keys.ErrNoKey) {
		t.Errorf("it signs: %v", err)
	}
	if strings.Contains(string(all.JWKS()), "later") || strings.Contains(string(all.OwnJWKS(later.ClientID)), "later") {
		t.Error("it is published")
	}
	if _, err := all.Signer(rows[0].ClientID, rows[0].Alg, 0); err != nil {
		t.Errorf("the others do not sign: %v", err)
	}
	if unknown := all.Unknown(); len(unknown) != 1 || unknown[0] != "later" {
		t.Errorf("unknown: %q", unknown)
	}
}

func TestEachAlgorithmSigns(t *testing.T) {
	t.Parallel()
	_, keyring, rows := set(t)
	for _, alg := range keys.Algs[1:] {
		row, err := keys.Generate(keyring, rand.Reader, alg)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, row)
	}
	all := keys.NewSet(rows, keyring, nil, nil)
	all = keys.NewSet(rows, keyring, all, nil) // with the signers of before
	wantNoFaults(t, all)
	for _, alg := range keys.Algs {
		signer, err := all.Signer(0, alg, 0)
		if err != nil {
			t.Fatal(err)
		}
		row, err := keys.ActiveOf(rows, 0, alg)
		if err != nil || row.Kid != signer.Kid() {
			t.Fatalf("%s: key %v, %v", alg, row, err)
		}
		for _, payload := range []string{"", "a", "ab", strings.Repeat("x", 700)} {
			token, err := signer.Sign([]byte(payload))
			if err != nil {
				t.Fatal(err)
			}
			jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
			if err != nil {
				t.Fatalf("%s: %v", alg, err)
			}
			if got, err := jws.Verify(keySet(t, all.OwnJWKS(0))); err != nil || string(got) != payload {
				t.Errorf("%s: %q, %v", alg, got, err)
			}
			if size, err := keys.CompactSize(row, len(payload)); err != nil || size != len(token) {
				t.Errorf("%s: size %d, %v; the token has %d", alg, size, err, len(token))
			}
		}
		if _, err := all.Signer(7, alg, 0); (err == nil) != (alg == keys.RS256) {
			t.Errorf("%s: another owner: %v", alg, err)
		}
	}
}

func BenchmarkSign(b *testing.B) {
	all, _, _ := set(b)
	signer, err := all.Signer(0, keys.RS256, 0)
	if err != nil {
		b.Fatal(err)
	}
	payload := []byte(strings.Repeat("x", 700)) // as long as an ID token with Personal and Customer Info
	b.ReportAllocs()
	for b.Loop() {
		if _, err := signer.Sign(payload); err != nil {
			b.Fatal(err)
		}
	}
}

func keySet(tb testing.TB, document []byte) *jose.JSONWebKeySet {
	tb.Helper()
	var keySet jose.JSONWebKeySet
	if err := json.Unmarshal(document, &keySet); err != nil {
		tb.Fatal(err)
	}
	return &keySet
}

// A token of another kind says so in typ, and is not taken for an ID token.
func TestTokensOfOtherKinds(t *testing.T) {
	t.Parallel()
	all, _, _ := set(t)
	signer, err := all.Signer(0, keys.RS256, 0)
	if err != nil {
		t.Fatal(err)
	}
	token, err := signer.SignAs("logout+jwt", []byte(`{"sub":"amelia"}`))
	if err != nil {
		t.Fatal(err)
	}
	jws, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	header := jws.Signatures[0].Protected
	if header.ExtraHeaders[jose.HeaderType] != "logout+jwt" || header.KeyID != signer.Kid() {
		t.Errorf("header %+v", header)
	}
	if _, err := all.Verify(token); err == nil {
		t.Error("it passes for an ID token")
	}
}

func TestVerifyOwn(t *testing.T) {
	t.Parallel()
	all, _, rows := set(t)
	own, err := all.Signer(0, keys.RS256, 0)
	if err != nil {
		t.Fatal(err)
	}
	clients, err := all.Signer(rows[1].ClientID, keys.RS256, 0)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(signer *keys.Signer, typ string) string {
		token, err := signer.SignAs(typ, []byte(`{"a":1}`))
		if err != nil {
			t.Fatal(err)
		}
		return token
	}
	good := sign(own, "at+jwt")
	if payload, err := all.VerifyOwn("at+jwt", good); err != nil || string(payload) != `{"a":1}` {
		t.Errorf("%s, %v", payload, err)
	}
	for name, token := range map[string]string{
		"another typ": sign(own, "logout+jwt"), "an ID token": sign(own, keys.TypeJWT), "a client's key": sign(clients, "at+jwt"),
		"cut": good[:len(good)-4], "nothing": "", "another payload": strings.Replace(good, ".", ".e30", 1),
	} {
		if payload, err := all.VerifyOwn("at+jwt", token); err == nil {
			t.Errorf("%s: %s", name, payload)
		}
	}
	if _, err := all.Verify(good); err == nil {
		t.Error("an access token verifies as an ID token")
	}
}

// A key that is published no more, since its public half is damaged, does not sign on
// because it could before.
func TestADamagedPublicHalfSignsNothing(t *testing.T) {
	t.Parallel()
	before, keyring, rows := set(t)
	damaged := *rows[1]
	damaged.PublicJWK = json.RawMessage(`{"kty":"RSA"}`)
	now := keys.NewSet([]*storage.SigningKey{rows[0], &damaged, rows[2]}, keyring, before, nil)
	if signer, err := now.Signer(7, keys.RS256, 1<<40); !errors.Is(err, keys.ErrUnavailable) || len(now.Faults()) != 1 {
		t.Errorf("%v, %v, %v", signer, err, now.Faults())
	}
	if _, err := now.Signer(0, keys.RS256, 1<<40); err != nil {
		t.Errorf("another owner: %v", err)
	}
}
