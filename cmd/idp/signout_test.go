package main

import (
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/storage"
)

func TestConsumerSignOut(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	store := i.store()

	amelia, err := store.FindConsumer(t.Context(), "amelia")
	if err != nil {
		t.Fatal(err)
	}

	handles := []string{strings.Repeat("a", 32), strings.Repeat("b", 32)}

	for _, handle := range handles {
		if _, err := store.SignIn(t.Context(), storage.SignIn{
			HandleSHA256: []byte(handle), Sid: handle, ConsumerID: amelia.ID, PasswordChangedAt: amelia.PasswordChangedAt,
			ACR: "loa1", AMR: []string{"pwd"}, Idle: time.Hour, Absolute: time.Hour,
		}); err != nil {
			t.Fatal(err)
		}
	}

	for _, want := range []string{"Sessions that have ended: 2\n", "Sessions that have ended: 0\n"} {
		if got := i.run("", "consumer", "sign-out", "Amelia@brand.example"); got.code != 0 || got.stdout != want {
			t.Errorf("%+v, want %q", got, want)
		}
	}

	for _, handle := range handles {
		if _, err := store.SessionByHandle(t.Context(), []byte(handle)); err == nil {
			t.Error("a session is alive")
		}
	}

	if got := i.run("", "consumer", "sign-out", "nobody"); got.code != 1 || !strings.Contains(got.stderr, "there is no consumer") {
		t.Errorf("nobody: %+v", got)
	}
}
