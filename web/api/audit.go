package api

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

// audit is the event of a call that does something to a target. Storage takes it into
// the transaction of the change.
func (*API) audit(ctx context.Context, of target) storage.AuditEvent {
	c := callOf(ctx)
	return storage.AuditEvent{
		Actor: c.caller.Name, ActorKind: c.caller.Kind, Action: c.operation, Target: of.name, TargetKind: of.kind,
		Address: c.caller.Address, RequestID: op.RequestID(ctx),
	}
}

// auditEvent is an event as the API tells of it.
type auditEvent struct {
	ID         int64           `json:"id"`
	At         time.Time       `json:"at"`
	Actor      string          `doc:"name of the API key, client_id, user of the operating system or schedule" json:"actor"`
	ActorKind  string          `enum:"api_key,client,command,schedule"                                         json:"actor_kind"`
	Action     string          `doc:"id of the operation in this document, or the command"                     json:"action"`
	TargetKind string          `json:"target_kind"`
	Target     string          `doc:"sub, client_id or name"                                                   json:"target"`
	Address    string          `doc:"network address of the caller"                                            json:"address,omitempty"`
	RequestID  string          `json:"request_id"`
	Before     json.RawMessage `doc:"what has changed; secrets and personal data masked"                       json:"before,omitempty"`
	After      json.RawMessage `doc:"what it has become"                                                       json:"after,omitempty"`
}

type auditPage struct {
	Events []auditEvent `json:"events"`
	Next   int64        `doc:"after of the next page" json:"next"`
}

func (a *API) registerAudit() {
	register(a, operation{
		ID: "list-audit-events", Method: http.MethodGet, Path: "/audit-events", Tag: "Audit", Scope: op.ScopeAuditRead,
		Summary: "Who did what, in the order in which it happened",
		Description: "Whoever goes on after the last event that was read misses none: events are listed once they are sealed, within seconds. They are kept for 400 days. " +
			"Parameters given together must all hold; one that is looked for by action alone is quicker found with since.",
	}, a.listAuditEvents)
}

func (a *API) listAuditEvents(ctx context.Context, in *struct {
	After  int64     `doc:"id of the last event that was read"  minimum:"0"              query:"after"`
	Limit  int       `default:"100"                             maximum:"1000"           minimum:"1"    query:"limit"`
	Actor  string    `doc:"name of an API key, or client_id"    pattern:"^[ -~]{1,255}$" query:"actor"`
	Action string    `doc:"id of an operation in this document" pattern:"^[ -~]{1,255}$" query:"action"`
	Target string    `doc:"sub, client_id or name"              pattern:"^[ -~]{1,255}$" query:"target"`
	Since  time.Time `doc:"from then on"                        query:"since"`
	Until  time.Time `doc:"before then"                         query:"until"`
},
) (*struct{ Body auditPage }, error) {
	events, err := a.provider.Store().AuditEvents(ctx, storage.AuditFilter{
		After: in.After, Limit: in.Limit, Actor: in.Actor, Action: in.Action, Target: in.Target, Since: in.Since, Until: in.Until,
	})
	if err != nil {
		return nil, err
	}
	page := auditPage{Events: []auditEvent{}, Next: in.After}
	for _, e := range events {
		told := auditEvent{
			ID: e.ID, At: e.At.UTC(), Actor: e.Actor, ActorKind: e.ActorKind, Action: e.Action, TargetKind: e.TargetKind, Target: e.Target,
			RequestID: e.RequestID, Before: e.Before, After: e.After,
		}
		if e.Address.IsValid() {
			told.Address = e.Address.String()
		}
		page.Events, page.Next = append(page.Events, told), e.ID
	}
	callOf(ctx).target = target{"audit_events", ""}
	return &struct{ Body auditPage }{page}, nil
}
