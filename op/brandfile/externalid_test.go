package brandfile_test

import (
	"strings"
	"testing"

	"github.com/brandidp/idp/op/brandfile"
)

func TestConsumersAreFoundByTheirExternalID(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	apply(t, store, "consumers: [{external_id: crm-1, username: amelia}, {external_id: crm-2}, {username: rory}]", brandfile.Changes{})
	amelia := find(t, store, "amelia")
	if find(t, store, "crm-1").ID != amelia.ID {
		t.Error("not found by external id")
	}
	// Another user name, the same person; and rory gets an external id.
	apply(t, store, "consumers: [{external_id: crm-1, username: amelia-pond}, {username: rory, external_id: crm-3}]", brandfile.Changes{})
	if again := find(t, store, "amelia-pond"); again.Sub != amelia.Sub {
		t.Error("somebody else was made")
	}
	if find(t, store, "crm-3").Username != "rory" {
		t.Error("rory has no external id")
	}
	if again := apply(t, store, "consumers: [{external_id: crm-2}]", brandfile.Changes{}); !again.Diff.Empty() {
		t.Errorf("changed at the second time: %v", again.Diff)
	}
	sub := find(t, store, "rory").Sub
	for text, want := range map[string]string{
		"consumers: [{sub: " + sub + ", external_id: crm-2}]":                   "consumers[0].external_id: must not be that of another consumer",
		"consumers: [{external_id: a, sub: b}, {external_id: a}]":               "consumers[1].external_id: must be unique",
		"consumers: [{external_id: crm-3}, {username: rory, sub: " + sub + "}]": "consumers[1]: must be unique",
	} {
		file, faults := brandfile.Parse("f", []byte(text), options())
		told := faults.Error()
		if faults == nil {
			_, err := brandfile.Plan(t.Context(), store, file, brandfile.Changes{})
			if err == nil {
				t.Errorf("%s is taken", text)
				continue
			}
			told = err.Error()
		}
		if !strings.Contains(told, want) {
			t.Errorf("%s: %s", text, told)
		}
	}
}
