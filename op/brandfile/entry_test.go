package brandfile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
)

func TestReadConsumer(t *testing.T) {
	t.Parallel()
	entry, faults := brandfile.ReadConsumer([]byte(`{"external_id":"crm-17","username":"Amelia","password":"correct horse battery",
		"claims":{"email":"Amelia@brand.example","email_verified":true,"given_name":"\ud83d\ude00"},"customer_info":{"balance":-400.99}}`))
	if faults != nil {
		t.Fatal(faults)
	}
	c := entry.Consumer
	if c.ExternalID != "crm-17" || c.Username != "amelia" || c.Claims.GivenName != "😀" || *c.CustomerInfo.Balance != -400.99 ||
		len(entry.Identifiers) != 2 || entry.Password != "correct horse battery" || !entry.Named() {
		t.Errorf("%+v", entry)
	}
	// An escaped backslash escapes nothing else.
	if entry, faults := brandfile.ReadConsumer([]byte(`{"username":"\\ud800"}`)); faults != nil || entry.Consumer.Username != `\ud800` {
		t.Errorf("%+v, %v", entry, faults)
	}
	if entry, faults := brandfile.ReadConsumer([]byte("{}")); faults != nil || entry.Named() {
		t.Errorf("%+v, %v", entry, faults)
	}
}

func TestReadConsumerTellsEveryFaultByItsPlace(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"usrname":"a","claims":{"email":7,"gender":null},"personal_info":{"contacts":[{"phoneType":"CELL"}]},"external_id":"é"}`: {
			"/claims/email", "/claims/gender", "/external_id", "/personal_info/contacts/0/phoneType", "/usrname",
		},
		`{"username":"a","username":"b"}`: {"/username"}, `[]`: {""}, `7`: {""}, `{`: {""}, ``: {""}, `{} {}`: {""}, `{"a":}`: {""},
		`{"username":"\ud800"}`: {""}, `{"username":"\udc00\ud800"}`: {""},
		"{\"username\":\"\xff\"}": {""}, strings.Repeat("[", 1000): {""}, `{"customer_info":{"balance":0.1234567890123456789}}`: {"/customer_info/balance"},
		`{"claims":{"email":"` + strings.Repeat("a", brandfile.MaxEntryBytes) + `"}}`: {""},
	} {
		entry, faults := brandfile.ReadConsumer([]byte(text))
		var places []string
		for _, fault := range faults {
			places = append(places, fault.Pointer())
			if strings.Contains(fault.Rule, "CELL") {
				t.Errorf("the rule repeats what was sent: %s", fault.Rule)
			}
		}
		if diff := cmp.Diff(want, places); diff != "" || entry != nil {
			t.Errorf("%.80s: %+v\n%s", text, entry, diff)
		}
	}
}

func FuzzReadConsumer(f *testing.F) {
	for _, seed := range []string{
		`{"username":"a","claims":{"email":"a@b.example","email_verified":true}}`, `{"a":[[[1e400]]]}`, `{"username":"\ud83d\ude00"}`,
		` {"username" : "a\\b\u00e9\"" , "claims" : { "given_name":"\\\\" } ,"disabled":false,"attributes":{"a":-0.10e1,"b":true,"c":"x","d":null}}`,
		`{"attributes":{"a":1,"a":2}}`, `{"customer_info":{"balance":-0,"age":{"age":3}},"personal_info":{"contacts":[{"phone":"1"},{}]}}`,
		`{"sub":1}`, `[]`, `null`, `"a"`, `{"sub":"a"}x`, `[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]`, `{"personal_info":[{}]}`, "{\"sub\":\n\t\"\x7f\"}",
		`{"` + strings.Repeat(`a":1,"`, 40) + `b":2}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		entry, faults := brandfile.ReadConsumer(data)
		if (entry == nil) == (faults == nil) {
			t.Errorf("entry %v, faults %v", entry, faults)
		}
		// Both ways of reading agree.
		placed, placedFaults := brandfile.ReadPlaced(data)
		if diff := cmp.Diff(placed, entry); diff != "" || !slices.Equal(faults, placedFaults) {
			t.Errorf("faults %v and %v, entries (-placed +read):\n%s", placedFaults, faults, diff)
		}
		for _, fault := range faults {
			if pointer := fault.Pointer(); pointer != "" && pointer[0] != '/' {
				t.Errorf("pointer %q", pointer)
			}
		}
	})
}
