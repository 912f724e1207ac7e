package liveperson_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
)

// The documented examples have no fault; of others every fault is told, with
// whether it is a documented one.
func TestCheckClaim(t *testing.T) {
	t.Parallel()

	for text, want := range map[string][]liveperson.ClaimError{
		"[" + documentedCustomer + "," + documentedPersonal + "]": nil,
		"[]": nil,
		`[{"type":"ctmrinfo","info":{"balance":"1","customerID":"x"}},{"type":"ctmrinfo","info":{}}]`: {
			{Path: "lp_sdes[0].info.balance", Rule: "is text, and must be a number", Documented: true},
			{Path: "lp_sdes[0].info.customerID", Rule: "is no documented field, which is written customerId: nobody will see it"},
			{Path: "lp_sdes[1].type", Rule: "is there twice: which entry counts is not documented"},
		},
		`[{"type":"personal","personal":{"language":"english"}},[]]`: {
			{Path: "lp_sdes[0].personal.language", Rule: "is not written as a language and a country, such as en-US"},
			{Path: "lp_sdes[1]", Rule: "is an array, and must be an object", Documented: true},
		},
		`[{"type":"ctmrinfo","info":{"lastPaymentDate":{"day":1,"month":0,"year":2020}}}]`: {
			{Path: "lp_sdes[0].info.lastPaymentDate", Rule: "is not in the calendar", Documented: true},
		},
	} {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()

		var value any
		if err := decoder.Decode(&value); err != nil {
			t.Fatal(err)
		}

		if diff := cmp.Diff(want, liveperson.CheckClaim(value)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}
