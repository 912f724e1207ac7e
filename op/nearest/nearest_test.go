package nearest_test

import (
	"testing"

	"github.com/brandidp/idp/op/nearest"
)

func TestOf(t *testing.T) {
	t.Parallel()
	known := []string{"claims", "external_id", "password", "sub", "username"}
	for name, want := range map[string]string{
		"Username": "username", "usrename": "username", "user_name": "username", "externalId": "external_id",
		"pasword": "password", "claim": "claims", "subs": "sub", "sbu": "", "zip": "", "vip": "", "id": "", "": "", "nickname": "", "loyalty": "",
	} {
		if got := nearest.Of(name, known); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
	if got := nearest.Of("sub", nil); got != "" {
		t.Errorf("of nothing: %q", got)
	}
}
