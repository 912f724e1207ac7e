package op_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandidp/idp/op/seal"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

// The secrets that are sealed anew: so many of webhooks and of signing keys, with ids
// that no other row has.
const (
	webhookSecrets, keySecrets = 9000, 1000
	firstSecret                = 1_000_000
)

// secretOf is the secret of a row.
func secretOf(id int64) string { return strings.Repeat(fmt.Sprintf("secret %d ", id), 20) }

// plantSecrets stores the secrets, sealed by the data keys of now.
func plantSecrets(t *testing.T, p *webtest.Provider, keyring *seal.Keyring) {
	t.Helper()
	sealedFor := func(count int, purpose, table string, bound func(id int64) string) (ids []int64, bounds []string, sealed [][]byte) {
		for id := int64(firstSecret); id < firstSecret+int64(count); id++ {
			value, err := keyring.Seal(purpose, []byte(secretOf(id)), table, bound(id))
			if err != nil {
				t.Fatal(err)
			}
			ids, bounds, sealed = append(ids, id), append(bounds, bound(id)), append(sealed, value)
		}
		return ids, bounds, sealed
	}
	ids, _, sealed := sealedFor(webhookSecrets, seal.Webhooks, "webhook_secrets", func(id int64) string { return strconv.FormatInt(id, 10) })
	p.Exec(`insert into webhook_secrets (id, secret_sealed, expires_at) overriding system value
		select id, sealed, idp_now() + interval '1 day' from unnest($1::bigint[], $2::bytea[]) n (id, sealed)`, ids, sealed)
	ids, kids, sealed := sealedFor(keySecrets, seal.SigningKeys, "signing_keys", func(id int64) string { return fmt.Sprint("kid ", id) })
	p.Exec(`insert into signing_keys (id, kid, alg, state, public_jwk, private_sealed) overriding system value
		select id, kid, 'RS256', 'created', '{}', sealed from unnest($1::bigint[], $2::text[], $3::bytea[]) n (id, kid, sealed)`, ids, kids, sealed)
}

// signInAllTheTime has people sign in at each instance until the end of a test, and
// tells how many have.
func signInAllTheTime(t *testing.T, instances ...*webtest.Provider) (signedIn *atomic.Int64, stop func()) {
	t.Helper()
	signedIn = new(atomic.Int64)
	ended := make(chan struct{})
	var group sync.WaitGroup
	for _, instance := range instances {
		group.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				b := instance.Browser(t)
				if page := b.Authorize(codeRequest()).SignIn("amelia", ameliasPassword); page.Target() == "" {
					t.Errorf("sign-in: status %d, message %q", page.Status, page.Text("message"))
				}
				if page := b.Authorize(implicitRequest()); page.Answer().Get("id_token") == "" {
					t.Errorf("ID token: status %d", page.Status)
				}
				signedIn.Add(1)
			}
		})
	}
	return signedIn, sync.OnceFunc(func() { close(ended); group.Wait() })
}

// TestTenThousandSecretsAreSealedAnew: under a load of sign-ins none is lost and no
// request fails, and what was broken off goes on where it was.
func TestTenThousandSecretsAreSealedAnew(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	other := p.Another()
	plantSecrets(t, p, p.OpenKeyring())
	renewed := map[string]int64{}
	for _, column := range storage.SealedColumns {
		renewed[column.Purpose] = p.RenewDataKey(column.Purpose)
	}
	p.Advance(seal.RenewalWait + time.Second)
	p.Reload() // what was read before the clock went on is too old
	other.Reload()
	signedIn, stop := signInAllTheTime(t, p, other)
	defer stop()
	left := func() (left int64) {
		for _, column := range storage.SealedColumns {
			count, err := p.Store.CountSealedByOthers(t.Context(), column, renewed[column.Purpose])
			if err != nil {
				t.Fatal(err)
			}
			left += count
		}
		return left
	}
	all := left()
	if all < webhookSecrets+keySecrets {
		t.Fatalf("%d to be sealed anew", all)
	}
	ctx, breakOff := context.WithCancel(t.Context())
	defer breakOff()
	err := p.OpenKeyring().Reseal(ctx, p.Store, storage.AuditEvent{Actor: "operator", ActorKind: storage.ActorCommand, Action: "reseal"}, func(done, total int64) {
		if done > total/2 {
			breakOff()
		}
	})
	if half := left(); !errors.Is(err, context.Canceled) || half == 0 || half == all {
		t.Fatalf("broken off with %d of %d left: %v", half, all, err)
	}
	keyring, last := p.OpenKeyring(), int64(0)
	if err := keyring.Reseal(t.Context(), p.Store, storage.AuditEvent{Actor: "operator", ActorKind: storage.ActorCommand, Action: "reseal"}, func(done, _ int64) { last = done }); err != nil {
		t.Fatal(err)
	}
	if last == 0 || last >= all || left() != 0 {
		t.Errorf("%d sealed anew after the break, %d left", last, left())
	}
	for _, column := range storage.SealedColumns {
		values, err := p.Store.SealedByOthers(t.Context(), column, 0, firstSecret-1, webhookSecrets+1)
		if err != nil {
			t.Fatal(err)
		}
		if want := map[string]int{"webhook_secrets": webhookSecrets, "signing_keys": keySecrets}[column.Table]; len(values) != want {
			t.Errorf("%s: %d secrets, want %d", column.Table, len(values), want)
		}
		for _, value := range values {
			if text, err := keyring.Open(column.Purpose, value.Sealed, column.Table, value.Bound); err != nil || string(text) != secretOf(value.ID) {
				t.Fatalf("%s: row %d: %v", column.Table, value.ID, err)
			}
		}
	}
	before := signedIn.Load()
	webtest.Eventually(t, "people sign in afterwards", func() bool { return signedIn.Load() > before+2 })
	stop()
	silent(t, amelia(t, p.Another()), implicitRequest()) // one that opens the keys that were sealed anew
}
