package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/storage"
)

func TestConsumerConsents(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	store := i.store()

	amelia, err := store.FindConsumer(t.Context(), "amelia")
	if err != nil {
		t.Fatal(err)
	}

	in, err := store.SignIn(t.Context(), storage.SignIn{
		HandleSHA256: []byte(strings.Repeat("a", 32)), Sid: "a", ConsumerID: amelia.ID, PasswordChangedAt: amelia.PasswordChangedAt,
		ACR: "loa1", AMR: []string{"pwd"}, Idle: time.Hour, Absolute: time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}

	clients, err := store.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	for _, client := range clients {
		if client.ClientID == "site" {
			if err := store.RememberConsent(t.Context(), in.Session.ID, client.ID, []string{"openid", "email"}); err != nil {
				t.Fatal(err)
			}
		}
	}

	var views []consentView

	decode(t, i.run("", "consumer", "consents", "Amelia@brand.example", "--json"), &views)

	if len(views) != 1 || views[0].GivenAt.IsZero() || !views[0].GivenAt.Equal(views[0].ChangedAt) {
		t.Fatalf("%+v", views)
	}

	views[0].GivenAt, views[0].ChangedAt = time.Time{}, time.Time{}
	if diff := cmp.Diff([]consentView{{ClientID: "site", Scope: "openid email"}}, views); diff != "" {
		t.Error(diff)
	}

	if got := i.run("", "consumer", "consents", "amelia"); got.code != 0 || !strings.Contains(got.stdout, "openid email") {
		t.Errorf("%+v", got)
	}

	for _, c := range []struct {
		arguments []string
		says      string
	}{
		{[]string{"nobody"}, "there is no consumer"},
		{[]string{"amelia", "--withdraw", "messaging"}, "--withdraw: the consumer has allowed nothing"},
		{[]string{"amelia", "--withdraw", ""}, "--withdraw: the consumer has allowed nothing"},
		{[]string{"amelia", "--withdraw", "site", "--json"}, "withdraw"},
	} {
		if got := i.run("", append([]string{"consumer", "consents"}, c.arguments...)...); got.code != 1 || !strings.Contains(got.stderr, c.says) {
			t.Errorf("%v: %+v", c.arguments, got)
		}
	}

	if got := i.run("", "consumer", "consents", "amelia", "--withdraw", "site"); got.code != 0 || !strings.HasPrefix(got.stdout, "The consent is withdrawn") {
		t.Errorf("%+v", got)
	}

	decode(t, i.run("", "consumer", "consents", "amelia", "--json"), &views)

	if len(views) != 0 {
		t.Errorf("after the withdrawal: %+v", views)
	}
}
