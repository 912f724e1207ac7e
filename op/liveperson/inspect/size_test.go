package inspect_test

import (
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

// A token that travels in no address may be of any length.
func TestSizeOfAnAddress(t *testing.T) {
	t.Parallel()
	const size = inspect.AddressLimit + 1
	for notInAddress, want := range map[bool]inspect.Outcome{true: inspect.Passed, false: inspect.Warned} {
		report := inspect.Payload([]byte(`{"sub":"a"}`), size, inspect.Options{NotInAddress: notInAddress})
		for _, check := range report.Checks {
			if check.Name == "size" && check.Outcome != want {
				t.Errorf("not in an address: %v, %+v", notInAddress, check)
			}
		}
	}
}

//contract:1.5-address 1.5-consumer-token
func TestSizes(t *testing.T) {
	t.Parallel()
	role := func(length int) map[string]any {
		return claims(map[string]any{"lp_sdes": document(`[{"type":"ctmrinfo","info":{"role":"` + strings.Repeat("x", length) + `"}}]`)})
	}
	for length, want := range map[int][]string{300: nil, 600: {"consumer warned"}, 4000: {"size warned", "consumer warned"}} {
		report := inspect.Token(sign(t, brandKey, jose.RS256, role(length), nil), options(t))
		if diff := cmp.Diff(want, faults(report)); diff != "" || report.Verdict != inspect.Accepted {
			t.Errorf("%d characters: faults (-want +got):\n%s", length, diff)
		}
	}
}
