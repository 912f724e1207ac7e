package main

import (
	"strings"
	"testing"
)

func TestWebhookSecret(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	secret := func(args ...string) string {
		got := i.run("", append([]string{"webhook", "secret"}, args...)...)
		if got.code != 0 || !strings.HasPrefix(got.stdout, "whsec_") || strings.Count(got.stdout, "\n") != 1 {
			t.Fatalf("%v: %+v", args, got)
		}

		return got.stdout
	}

	first := secret()
	if again := secret(); again != first {
		t.Error("asked again, there is another secret")
	}

	second := secret("--rotate")
	if second == first || secret() != second {
		t.Error("the secret was not replaced")
	}
}
