package main

import (
	"slices"
	"testing"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

func TestConsumerDelete(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)

	store := i.store()

	amelia, err := store.FindConsumer(t.Context(), "amelia")
	if err != nil {
		t.Fatal(err)
	}

	for _, args := range [][]string{{}, {amelia.Sub, "another"}, {amelia.Sub, "--external-id", "crm-1"}, {"nobody"}, {"--external-id", "nobody"}} {
		if got := i.run("", append([]string{"consumer", "delete"}, args...)...); got.code == 0 {
			t.Errorf("%v: %+v", args, got)
		}
	}

	if got := i.run("", "consumer", "delete", "Amelia"); got.code != 0 || got.stdout != "The consumer "+amelia.Sub+" is removed.\n" {
		t.Errorf("%+v", got)
	}

	if _, err := store.ConsumerBySub(t.Context(), amelia.Sub); err == nil {
		t.Error("the consumer is there")
	}

	webtest.Eventually(t, "the event is told", func() bool {
		events, err := store.FindAuditEvents(t.Context(), storage.AuditFilter{Target: amelia.Sub, Limit: 100})
		if err != nil {
			t.Fatal(err)
		}

		return slices.ContainsFunc(events, func(e storage.AuditEvent) bool {
			return e.Action == "consumer delete" && e.Target == amelia.Sub && e.TargetKind == "consumer" && e.ActorKind == "command"
		})
	})
}
