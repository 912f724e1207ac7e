//go:build cgo

package pkcs11_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	ck "github.com/miekg/pkcs11"

	"github.com/brandidp/idp/op/keys/pkcs11"
	"github.com/brandidp/idp/op/keys/pkcs11/softhsm"
)

func TestMain(m *testing.M) { os.Exit(softhsm.Run(m)) }

func openToken(t *testing.T) (*pkcs11.Token, pkcs11.Options) {
	t.Helper()
	options, _ := softhsm.Shared(t)
	token, err := pkcs11.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	return token, options
}

func made(t *testing.T, token *pkcs11.Token, kind pkcs11.Kind) crypto.Signer {
	t.Helper()
	address, public, err := token.Generate(rand.Reader, kind)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := pkcs11.ParseURI(address.String())
	if err != nil {
		t.Fatal(err)
	}
	return token.Key(parsed, public)
}

var digest = sha256.Sum256([]byte("message"))

func verifies(key crypto.Signer, opts crypto.SignerOpts) error {
	signed := digest[:]
	signature, err := key.Sign(rand.Reader, signed, opts)
	if err != nil {
		return err
	}
	var valid bool
	switch public := key.Public().(type) {
	case *rsa.PublicKey:
		if pss, ok := opts.(*rsa.PSSOptions); ok {
			return rsa.VerifyPSS(public, crypto.SHA256, signed, signature, pss)
		}
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, signed, signature)
	case *ecdsa.PublicKey:
		valid = ecdsa.VerifyASN1(public, signed, signature)
	case ed25519.PublicKey:
		valid = ed25519.Verify(public, signed, signature)
	}
	if !valid {
		return errors.New("the signature does not verify")
	}
	return nil
}

// These tests share one library, which one of them ends under the others' feet: they
// do not run at once.
func TestKeysOfEachKind(t *testing.T) {
	token, _ := openToken(t)
	for kind, options := range map[pkcs11.Kind][]crypto.SignerOpts{
		pkcs11.RSA2048: {crypto.SHA256, &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}}, pkcs11.P256: {crypto.SHA256}, pkcs11.Ed25519: {crypto.Hash(0)},
	} {
		key := made(t, token, kind)
		for _, opts := range options {
			var group sync.WaitGroup
			for range 64 { // more than there are sessions
				group.Go(func() {
					if err := verifies(key, opts); err != nil {
						t.Errorf("%T, %T: %v", key.Public(), opts, err)
					}
				})
			}
			group.Wait()
		}
	}
}

// Nothing leads a private key out of the token.
func TestPrivateKeysCannotBeRead(t *testing.T) {
	token, options := openToken(t)
	address, _, err := token.Generate(rand.Reader, pkcs11.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	ctx := ck.New(options.Module)
	slots, err := ctx.GetSlotList(true)
	if err != nil {
		t.Fatal(err)
	}
	session, err := ctx.OpenSession(slots[0], ck.CKF_SERIAL_SESSION)
	if err != nil {
		t.Fatal(err)
	}
	if err := ctx.FindObjectsInit(session, []*ck.Attribute{ck.NewAttribute(ck.CKA_CLASS, ck.CKO_PRIVATE_KEY), ck.NewAttribute(ck.CKA_ID, address.ID)}); err != nil {
		t.Fatal(err)
	}
	found, _, err := ctx.FindObjects(session, 1)
	if err != nil || len(found) != 1 {
		t.Fatalf("%d found, %v", len(found), err)
	}
	if _, err := ctx.GetAttributeValue(session, found[0], []*ck.Attribute{ck.NewAttribute(ck.CKA_PRIVATE_EXPONENT, nil)}); !errors.Is(err, ck.Error(ck.CKR_ATTRIBUTE_SENSITIVE)) {
		t.Errorf("the private exponent: %v", err)
	}
	if err := ctx.CloseSession(session); err != nil {
		t.Error(err)
	}
}

// counted counts what is read.
type counted int

func (c *counted) Read(p []byte) (int, error) {
	*c += counted(len(p))
	return rand.Read(p)
}

// TestAKeyIsMadeAgain under another id, since it is not known whether what was lost on
// the way has been made.
func TestAKeyIsMadeAgain(t *testing.T) {
	token, options := openToken(t)
	if err := softhsm.End(options.Module); err != nil {
		t.Fatal(err)
	}
	var random counted
	address, public, err := token.Generate(&random, pkcs11.P256)
	if err != nil {
		t.Fatal(err)
	}
	if err := verifies(token.Key(address, public), crypto.SHA256); err != nil || int(random) != 2*len(address.ID) {
		t.Errorf("%d bytes of ids of %d, %v", random, len(address.ID), err)
	}
}

func TestAKeyIsDestroyed(t *testing.T) {
	token, _ := openToken(t)
	address, public, err := token.Generate(rand.Reader, pkcs11.P256)
	if err != nil {
		t.Fatal(err)
	}
	key, other := token.Key(address, public), made(t, token, pkcs11.P256)
	if err := errors.Join(verifies(key, crypto.SHA256), verifies(other, crypto.SHA256)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time there is nothing to destroy
		if err := token.Destroy(address); err != nil {
			t.Fatal(err)
		}
		if err := verifies(key, crypto.SHA256); !errors.Is(err, pkcs11.ErrNoKey) {
			t.Errorf("a key that was destroyed: %v", err)
		}
	}
	if err := verifies(other, crypto.SHA256); err != nil {
		t.Errorf("another key: %v", err)
	}
}

func TestATokenThatWasLost(t *testing.T) {
	token, options := openToken(t)
	key := made(t, token, pkcs11.RSA2048)

	// Its library was ended: nobody notices.
	if err := softhsm.End(options.Module); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if err := verifies(key, crypto.SHA256); err != nil {
				t.Errorf("after the library's end: %v", err)
			}
		})
	}
	group.Wait()

	// It is away.
	back := softhsm.Away(t)
	for range 16 {
		group.Go(func() {
			if err := verifies(key, crypto.SHA256); err == nil || !strings.Contains(err.Error(), options.Token) || strings.Contains(err.Error(), options.PIN) {
				t.Errorf("without the token: %v", err)
			}
			if err := token.Check(); err == nil {
				t.Error("without the token: it is said to be there")
			}
		})
	}
	group.Wait()
	back()
	if err := verifies(key, crypto.SHA256); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// TestATokenThatHangs neither answers nor fails. Nobody waits for it for longer than
// the limit, what it was asked for does not pile up, and once it answers all is well.
func TestATokenThatHangs(t *testing.T) {
	options, _ := softhsm.Shared(t)
	options.Limit = 250 * time.Millisecond
	token, err := pkcs11.Open(options)
	if err != nil {
		t.Fatal(err)
	}
	key := made(t, token, pkcs11.P256)

	back := softhsm.Hang(t)
	before := runtime.NumGoroutine()
	var group sync.WaitGroup
	for range 3 * 32 { // three times as many as there are sessions
		group.Go(func() {
			if err := verifies(key, crypto.SHA256); !errors.Is(err, pkcs11.ErrNoAnswer) || !strings.Contains(err.Error(), options.Token) {
				t.Errorf("while it hangs: %v", err)
			}
		})
	}
	group.Wait()
	if _, _, err := token.Generate(rand.Reader, pkcs11.P256); !errors.Is(err, pkcs11.ErrNoAnswer) {
		t.Errorf("a key while it hangs: %v", err)
	}
	if err := token.Check(); !errors.Is(err, pkcs11.ErrNoAnswer) {
		t.Errorf("asked whether it is there: %v", err)
	}
	if waiting := runtime.NumGoroutine() - before; waiting > 32 {
		t.Errorf("%d goroutines wait for it", waiting)
	}
	if _, err := pkcs11.Open(options); !errors.Is(err, pkcs11.ErrNoAnswer) {
		t.Errorf("opened while it hangs: %v", err)
	}

	back()
	for range 8 { // each of which may wait for what was asked before
		if err = verifies(key, crypto.SHA256); !errors.Is(err, pkcs11.ErrNoAnswer) {
			break
		}
	}
	if err != nil {
		t.Errorf("when it answers again: %v", err)
	}
}

func TestTokensThatAreNot(t *testing.T) {
	token, right := openToken(t)
	for name, change := range map[string]func(*pkcs11.Options){
		"no such library": func(o *pkcs11.Options) { o.Module = "/nowhere.so" },
		"no such token":   func(o *pkcs11.Options) { o.Token = "nowhere" },
		"another PIN":     func(o *pkcs11.Options) { o.PIN = "161803" },
	} {
		options := right
		change(&options)
		opened, err := pkcs11.Open(options)
		switch {
		case name == "another PIN" && err == nil: // whoever is logged in already is
		case err == nil:
			t.Errorf("%s: %v", name, opened)
		case strings.Contains(err.Error(), options.PIN):
			t.Errorf("%s: %v tells the PIN", name, err)
		}
	}
	key := made(t, token, pkcs11.P256)
	gone := token.Key(pkcs11.URI{Token: right.Token, ID: []byte("gone")}, key.Public())
	if err := verifies(gone, crypto.SHA256); !errors.Is(err, pkcs11.ErrNoKey) {
		t.Errorf("a key that the token does not have: %v", err)
	}
}

func TestURI(t *testing.T) {
	t.Parallel()
	address := pkcs11.URI{Token: "a; b=c?", ID: []byte{0, 255, ';'}}
	if parsed, err := pkcs11.ParseURI(address.String()); err != nil || parsed.Token != address.Token || string(parsed.ID) != string(address.ID) {
		t.Errorf("%s is read as %v, %v", address, parsed, err)
	}
	for _, text := range []string{
		"", "https://a", "pkcs11:", "pkcs11:token=a", "pkcs11:id=%01", "pkcs11:token=a;id=%0", "pkcs11:token=a;id=%01;type=public",
		"pkcs11:token=a;id=%01?pin-value=1234", "pkcs11:token=a;id=%01;slot-id=1",
	} {
		if _, err := pkcs11.ParseURI(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
