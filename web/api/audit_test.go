package api_test

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

func TestAuditEventsAreFiltered(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	named := func(name string) string {
		return p.APIKey(func(k *storage.APIKey) { k.Name = name }, op.ScopeConsumersWrite)
	}
	crm, shop, reader := named("crm"), named("shop"), p.APIKey(nil, op.ScopeAuditRead)
	p.Call(crm, "PATCH", "/consumers/amelia-sub", `{"attributes":{"n":1}}`).Want(http.StatusOK)
	p.Call(crm, "PUT", "/consumers/bill-sub", `{}`).Want(http.StatusCreated)
	p.Advance(time.Hour)
	between := p.Now().Add(-30 * time.Minute).Format(time.RFC3339)
	p.Call(shop, "PATCH", "/consumers/amelia-sub", `{"attributes":{"n":2}}`).Want(http.StatusOK)
	p.Call(shop, "PATCH", "/consumers/rory-sub", `{"attributes":{"n":2}}`).Want(http.StatusOK)
	const first, made, second, rory = "crm patch-consumer amelia-sub", "crm put-consumer bill-sub", "shop patch-consumer amelia-sub", "shop patch-consumer rory-sub"
	read := func(query string) (events []string) {
		var page struct {
			Events []struct{ Actor, Action, Target string }
		}
		p.Call(reader, "GET", "/audit-events?"+query, nil).Want(http.StatusOK).Into(&page)
		for _, e := range page.Events {
			if e.Actor == "crm" || e.Actor == "shop" {
				events = append(events, fmt.Sprint(e.Actor, " ", e.Action, " ", e.Target))
			}
		}
		return events
	}
	webtest.Eventually(t, "all are told", func() bool { return len(read("")) == 4 })
	for query, want := range map[string][]string{
		"actor=crm":                                                {first, made},
		"target=amelia-sub":                                        {first, second},
		"action=patch-consumer":                                    {first, second, rory},
		"action=patch-consumer&actor=crm":                          {first},
		"target=amelia-sub&actor=nobody":                           nil,
		"until=" + url.QueryEscape(between):                        {first, made},
		"since=" + url.QueryEscape(between):                        {second, rory},
		"since=" + url.QueryEscape(between) + "&target=amelia-sub": {second},
		"target=amelia-sub&limit=1":                                {first},
	} {
		if diff := cmp.Diff(want, read(query)); diff != "" {
			t.Errorf("%s:\n%s", query, diff)
		}
	}
	const rule = "must be a time of RFC 3339, such as 2026-01-31T08:00:00Z"
	if bad := wantProblem(t, p.Call(reader, "GET", "/audit-events?since=7d", nil), http.StatusBadRequest, "since"); len(bad.Errors) == 1 && bad.Errors[0].Detail != rule {
		t.Errorf("%+v", bad)
	}
	wantProblem(t, p.Call(reader, "GET", "/audit-events?since=yesterday&target=%00", nil), http.StatusBadRequest, "target", "since")
}

// An event without somebody who did it, or with a kind that the document does not have,
// is refused together with the change that it tells of.
func TestAnAuditEventSaysWhoDidIt(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	made := func(event storage.AuditEvent) error {
		event.Action = "api-key create"
		sum := sha256.Sum256([]byte(event.ActorKind))
		return p.Store.InsertAPIKey(t.Context(), &storage.APIKey{Name: "of-" + event.ActorKind, SHA256: sum[:], Scopes: op.APIScopes()}, event)
	}
	for _, event := range []storage.AuditEvent{{}, {ActorKind: storage.ActorCommand}, {Actor: "amelia"}, {Actor: "amelia", ActorKind: "robot"}} {
		if err := made(event); err == nil {
			t.Errorf("%+v is told", event)
		}
	}
	if n := webtest.Query[int](p, "select count(*) from api_keys"); n != 0 {
		t.Errorf("%d keys were made all the same", n)
	}
	properties, _ := readDocument(t, p).Components.Schemas["AuditEvent"]["properties"].(map[string]any)
	kind, _ := properties["actor_kind"].(map[string]any)
	kinds, _ := kind["enum"].([]any)
	if len(kinds) == 0 {
		t.Fatalf("no kinds in %v", properties)
	}
	for _, kind := range kinds {
		if err := made(storage.AuditEvent{Actor: "amelia", ActorKind: fmt.Sprint(kind)}); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
}
