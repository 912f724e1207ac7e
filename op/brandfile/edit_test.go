package brandfile_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

func someone() *storage.Consumer {
	return &storage.Consumer{
		ID: 7, Sub: "s", ExternalID: "crm-1", Username: "amelia", ManagedBy: "api", PasswordHash: "hash",
		Claims:       storage.Claims{GivenName: "Amelia", Email: "amelia@brand.example", Address: &storage.Address{Country: "GB"}},
		PersonalInfo: &liveperson.PersonalInfo{FirstName: "Amelia", Contacts: []liveperson.Contact{{Email: "a@b.example"}}},
		Attributes:   storage.Attributes{"tier": "gold"},
	}
}

func TestEditConsumer(t *testing.T) {
	t.Parallel()
	const all = `"external_id":"crm-1","username":"amelia","disabled":false`
	const claims = `"claims":{"given_name":"Amelia","email":"amelia@brand.example","address":{"country":"GB"}}`
	const personal, attributes = `"personal_info":{"firstname":"Amelia","contacts":[{"email":"a@b.example"}]}`, `"attributes":{"tier":"gold"}`
	for _, c := range []struct {
		part  string
		merge bool
		data  string
		want  string
	}{
		{"", true, `{}`, all + "," + claims + "," + personal + "," + attributes},
		{
			"", true, `{"claims":{"address":{"country":null,"region":"x"},"email":null},"attributes":null,"personal_info":{"contacts":[{"phone":"1"}]}}`,
			all + `,"claims":{"given_name":"Amelia","address":{"region":"x"}},"personal_info":{"firstname":"Amelia","contacts":[{"phone":"1"}]}`,
		},
		{"", true, `{"customer_info":{"ctype":"vip","role":null}}`, all + "," + claims + "," + personal + `,"customer_info":{"ctype":"vip"},` + attributes},
		{"personal_info", true, `{"firstname":null,"company":"x"}`, all + "," + claims + `,"personal_info":{"contacts":[{"email":"a@b.example"}],"company":"x"},` + attributes},
		{"personal_info", false, `{"company":"x"}`, all + "," + claims + `,"personal_info":{"company":"x"},` + attributes},
		{"personal_info", false, "", all + "," + claims + "," + attributes},
	} {
		edit := brandfile.Edit{Part: c.part, Merge: c.merge}
		if c.data != "" {
			edit.Data = []byte(c.data)
		}
		old := someone()
		entry, faults := brandfile.EditConsumer(old, edit)
		if faults != nil {
			t.Errorf("%+v: %v", c, faults)
			continue
		}
		got, err := json.Marshal(brandfile.DocumentOf(&entry.Consumer))
		if diff := cmp.Diff(`{"sub":"s",`+c.want+"}", string(got)); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", c.data, err, diff)
		}
		if entry.Consumer.ID != 7 || entry.Consumer.PasswordHash != "hash" || entry.Consumer.ManagedBy != "api" || len(entry.Identifiers) != 1 {
			t.Errorf("%+v", entry)
		}
		if diff := cmp.Diff(someone(), old); diff != "" {
			t.Errorf("the consumer itself was changed:\n%s", diff)
		}
	}
}

func TestEditConsumerTellsFaultsByTheirPlaceInWhatWasSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		part  string
		merge bool
		data  string
		want  []string
	}{
		{"", true, `{"sub":"x","password":"x","password_hash":"x","claims":{"email":7}}`, []string{"/claims/email", "/password", "/password_hash", "/sub"}},
		{"", true, `[]`, []string{""}},
		{"", true, `{"username":"a","username":"b"}`, []string{"/username"}},
		{"", true, `{"claims":{"gender":[null]}}`, []string{"/claims/gender"}},
		{"", true, `{`, []string{""}},
		{"personal_info", true, `7`, []string{""}},
		{"personal_info", true, `{"gender":"x"}`, []string{"/gender"}},
		{"personal_info", false, `{"gender":null}`, []string{"/gender"}},
		{"personal_info", false, `null`, []string{""}},
		{"personal_info", false, ``, []string{""}},
	} {
		entry, faults := brandfile.EditConsumer(someone(), brandfile.Edit{Part: c.part, Merge: c.merge, Data: []byte(c.data)})
		var places []string
		for _, fault := range faults {
			places = append(places, fault.Pointer())
		}
		if diff := cmp.Diff(c.want, places); diff != "" || entry != nil {
			t.Errorf("%s: %+v\n%s", c.data, entry, diff)
		}
	}
}

func TestConsumerChangeTellsNoValues(t *testing.T) {
	t.Parallel()
	changed := someone()
	changed.Disabled, changed.Claims.GivenName, changed.Attributes = true, "", nil
	before, after, err := brandfile.ConsumerChange(someone(), changed)
	if err != nil || string(before) != `{"attributes.tier":"********","claims.given_name":"********","disabled":false}` || string(after) != `{"disabled":true}` {
		t.Errorf("%s %s %v", before, after, err)
	}
	if before, after, err = brandfile.ConsumerChange(changed, changed); before != nil || after != nil || err != nil {
		t.Errorf("%s %s %v", before, after, err)
	}
}

// A consumer of the largest size can still be edited, and disabled above all.
func TestEditConsumerOfAnySize(t *testing.T) {
	t.Parallel()
	c := &storage.Consumer{Sub: "s", Claims: storage.Claims{Address: &storage.Address{Formatted: strings.Repeat("<", brandfile.MaxEntryBytes-100)}}}
	entry, faults := brandfile.EditConsumer(c, brandfile.Edit{Merge: true, Data: []byte(`{"disabled":true}`)})
	if faults != nil || !entry.Consumer.Disabled || entry.Consumer.Claims.Address.Formatted != c.Claims.Address.Formatted {
		t.Errorf("%v", faults)
	}
}
