package storage_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brandidp/idp/storage"
)

// Whoever locks rows in another order than the rest meets a deadlock here.
func TestTriesGivenBackLeaveNothing(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	var all sync.WaitGroup
	want := make(map[int64]int)
	for n := range int64(120) { // three at an account, thirty from an address
		p := stranger()
		p.AccountBucket, p.AddressBucket = account+n%40, address+n%4
		want[p.AccountBucket], want[p.AddressBucket] = 0, 0
		all.Go(func() {
			result, err := th.store.TrySignIn(t.Context(), p)
			if err != nil || result.RetryAfter != 0 {
				t.Errorf("try sign-in: wait %v, error %v", result.RetryAfter, err)
				return
			}
			if err := th.store.GiveBackTry(t.Context(), result.GiveBack); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	th.wantFailures(want)
}

// A pooler in transaction mode keeps no prepared statements.
func TestTrySignInBehindAPooler(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	url := th.conn.Config().ConnString()
	store, err := storage.Open(t.Context(), storage.Options{URL: url, DirectURL: url + " "})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	known := th.known(laptop)
	th.store = store
	if result := th.try(known); !result.KnownDevice || result.Consumer == nil {
		t.Errorf("known device: %+v, want it known, with the consumer", result)
	}
	th.fail(6, stranger())
	th.wantWait(5*time.Second, stranger())
	nobody := elsewhere(1)
	nobody.Identifier, nobody.AccountBucket = "nobody", account+1
	result := th.try(nobody)
	if err := store.GiveBackTry(t.Context(), result.GiveBack); err != nil {
		t.Fatal(err)
	}
	th.wantFailures(map[int64]int{laptop: 1, account: 6, address: 6, account + 1: 0, address + 2: 0})
}

func TestTrySignInReadsTheConsumer(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	result := th.try(stranger())
	if result.Consumer == nil || result.Consumer.Username != amelia || result.Consumer.PasswordHash == "" {
		t.Errorf("consumer = %+v, want amelia with her hash", result.Consumer)
	}
	if result.KnownDevice {
		t.Error("a device without a cookie is known")
	}
}

//security:19-names
func TestUnknownNamesCountAlike(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	nobody := stranger()
	nobody.Identifier = "nobody"
	if result := th.try(nobody); result.Consumer != nil {
		t.Errorf("consumer = %+v, want none", result.Consumer)
	}
	th.fail(5, nobody)
	th.wantWait(5*time.Second, nobody)
	th.wantFailures(map[int64]int{account: 6, address: 6})
}

//security:19-guessing
func TestWaitsDoubleUpToFiveMinutes(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	th.fail(6, stranger())
	for _, seconds := range []int{5, 10, 20, 40, 80, 160, 300, 300} {
		wait := time.Duration(seconds) * time.Second
		th.wantWait(wait, stranger())
		th.pass(wait)
		th.fail(1, stranger())
	}
}

//security:19-lock-out
func TestWaitingIsFinite(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	th.fail(6, stranger())
	for range 20 {
		th.wantWait(5*time.Second, stranger())
	}
	th.wantFailures(map[int64]int{account: 6, address: 6})
	th.pass(2 * time.Second)
	th.wantWait(3*time.Second, stranger())
	th.pass(3 * time.Second)
	th.wantWait(0, stranger())
}

func TestAccountForgets(t *testing.T) {
	t.Parallel()
	t.Run("five failures, when 15 minutes from the first are over", func(t *testing.T) {
		t.Parallel()
		th := newThrottled(t)
		th.fail(5, stranger())
		th.pass(15 * time.Minute)
		th.fail(1, stranger())
		th.wantFailures(map[int64]int{account: 1, address: 1})
	})
	t.Run("waits, only after 15 quiet minutes", func(t *testing.T) {
		t.Parallel()
		th := newThrottled(t)
		th.fail(1, stranger())
		th.pass(14 * time.Minute)
		th.fail(5, elsewhere(1))
		th.pass(14 * time.Minute)
		th.fail(1, elsewhere(2))
		th.wantWait(10*time.Second, elsewhere(3))
		th.pass(15 * time.Minute)
		th.fail(6, elsewhere(4))
	})
}

//security:19-one-address
func TestAddressWaitsFromTheFiftieth(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	at := func(n int) storage.TrySignInParams { // another account each time
		p := stranger()
		p.Identifier, p.AccountBucket = fmt.Sprint("name", n), account+int64(n)
		return p
	}
	for n := range 50 {
		th.fail(1, at(n))
	}
	th.wantWait(5*time.Second, at(50))
	if got := th.failures()[account+50]; got != 0 {
		t.Errorf("an account counts %d failures of an address that has to wait", got)
	}
	th.pass(5 * time.Second)
	th.fail(1, at(50))
	th.wantWait(10*time.Second, at(51))
	th.wantWait(0, elsewhere(1))
	th.pass(10 * time.Minute)
	th.fail(1, at(52))
	if got := th.failures()[address]; got != 1 {
		t.Errorf("the address counts %d failures after 10 minutes, want 1", got)
	}
}

func TestUndecidedTriesAreNoFailuresOfTheAddress(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	at := func(n, undecided int) storage.TrySignInParams {
		p := stranger()
		p.AccountBucket, p.AddressUndecided = account+int64(n), undecided
		return p
	}
	for n := range 64 { // all at once, all undecided
		th.fail(1, at(n, n))
	}
	th.fail(1, at(64, 16)) // 48 of them have failed
	th.fail(1, at(65, 16))
	th.wantWait(5*time.Second, at(66, 16))
}

//security:19-lock-out
func TestKnownDeviceHasItsOwnBudget(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	for n := range 100 {
		th.try(elsewhere(n % 3))
	}
	if result := th.try(stranger()); result.RetryAfter == 0 {
		t.Fatal("a stranger may go on")
	}
	result := th.try(th.known(laptop))
	if !result.KnownDevice || result.RetryAfter != 0 || result.Consumer == nil {
		t.Fatalf("known device: %+v, want it admitted", result)
	}
	before := th.failures()
	th.fail(5, th.known(laptop))
	th.wantWait(5*time.Second, th.known(laptop))
	th.wantWait(0, th.known(phone))
	after := th.failures()
	if after[laptop] != 6 || after[phone] != 1 || after[account] != before[account] || after[address] != before[address] {
		t.Errorf("failures = %v after %v, want the devices' alone to have grown", after, before)
	}
}

//security:19-lock-out
func TestKnownDeviceIsExemptFromTheAddressRule(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	for n := range 50 {
		p := stranger()
		p.AccountBucket += int64(n) + 1
		th.fail(1, p)
	}
	th.wantWait(5*time.Second, stranger())
	th.wantWait(0, th.known(laptop))
}

//security:19-device
func TestDeviceHelpsNowhereElse(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	other, changed := th.known(laptop), th.known(laptop)
	other.Identifier = "rory"
	changed.Device.PasswordChangedAt = changed.Device.PasswordChangedAt.Add(-time.Microsecond)
	another := th.known(laptop)
	another.Device.ConsumerID++
	for name, p := range map[string]storage.TrySignInParams{
		"another name": other, "before the password changed": changed, "another consumer's cookie": another,
	} {
		if th.try(p).KnownDevice {
			t.Errorf("%s: the device is known", name)
		}
	}
	th.wantFailures(map[int64]int{account: 3, address: 3})
}

//security:19-own-password
func TestRightPasswordGivesTheTryBack(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	th.fail(5, stranger())
	for range 3 { // each is the sixth
		result := th.try(stranger())
		if result.RetryAfter != 0 {
			t.Fatalf("the wait is %v, want none", result.RetryAfter)
		}
		th.wantWait(5*time.Second, stranger()) // while it is undecided
		_, err := th.store.SignIn(t.Context(), storage.SignIn{
			HandleSHA256: fmt.Appendf(nil, "%032d", time.Now().UnixNano()), Sid: fmt.Sprint(time.Now().UnixNano()),
			ConsumerID: result.Consumer.ID, PasswordChangedAt: result.Consumer.PasswordChangedAt, ACR: "loa1", AMR: []string{"pwd"},
			Idle: time.Hour, Absolute: time.Hour, GiveBack: result.GiveBack,
		})
		if err != nil {
			t.Fatal(err)
		}
		th.wantFailures(map[int64]int{account: 5, address: 5})
	}
}

//security:19-own-password
func TestGivingBackLeavesTheWaitOfAnother(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	mine := th.try(stranger())
	th.fail(5, stranger())
	if err := th.store.GiveBackTry(t.Context(), mine.GiveBack); err != nil {
		t.Fatal(err)
	}
	th.wantFailures(map[int64]int{account: 5, address: 5})
	th.wantWait(5*time.Second, stranger())
	if err := th.store.GiveBackTry(t.Context(), storage.GiveBack{}); err != nil {
		t.Errorf("giving nothing back: %v", err)
	}
}

//security:19-at-once
func TestParallelTriesAllCount(t *testing.T) {
	t.Parallel()
	th := newThrottled(t)
	const tries = 20
	together := func(p func(n int) storage.TrySignInParams) (admitted, longest int64) {
		var all sync.WaitGroup
		var ok, wait atomic.Int64
		for n := range tries {
			all.Go(func() {
				result, err := th.store.TrySignIn(t.Context(), p(n))
				switch {
				case err != nil:
					t.Errorf("try sign-in: %v", err)
				case result.RetryAfter == 0:
					ok.Add(1)
				default:
					wait.Store(int64(result.RetryAfter))
				}
			})
		}
		all.Wait()
		return ok.Load(), wait.Load()
	}

	// From one address at as many accounts: all count.
	admitted, _ := together(func(n int) storage.TrySignInParams {
		p := stranger()
		p.AccountBucket += int64(n) + 1
		return p
	})
	if got := th.failures()[address]; admitted != tries || got != tries {
		t.Errorf("%d tries admitted and %d counted, want %d", admitted, got, tries)
	}
	// At one account, from one address and from many: the sixth is the last.
	for bucket, at := range map[int64]int64{account - 1: 0, account - 2: 1} {
		admitted, wait := together(func(n int) storage.TrySignInParams {
			p := stranger()
			p.AccountBucket, p.AddressBucket = bucket, address+1000*(at+1)+at*int64(n)
			return p
		})
		counts := th.failures()
		if admitted != 6 || counts[bucket] != 6 {
			t.Errorf("%d tries admitted and %d counted, want 6", admitted, counts[bucket])
		}
		if got := counts[address+1000]; at == 0 && got != 6 {
			t.Errorf("the address counts %d tries, want the 6 that were admitted", got)
		}
		if wait != int64(5*time.Second) {
			t.Errorf("the others wait %v, want 5s", time.Duration(wait))
		}
	}
}

func TestThrottleWithoutDatabase(t *testing.T) {
	t.Parallel()
	store, err := storage.Open(t.Context(), storage.Options{URL: "host=/nonexistent dbname=none"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	_, tryErr := store.TrySignIn(t.Context(), stranger())
	_, formsErr := store.PasswordForms(t.Context())
	for what, err := range map[string]error{"TrySignIn": tryErr, "PasswordForms": formsErr} {
		if !errors.Is(err, storage.ErrUnavailable) {
			t.Errorf("%s = %v, want ErrUnavailable", what, err)
		}
	}
}
