package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/storage"
)

// SchedulePath names the schedule of an owner's keys.
type SchedulePath struct {
	Alg      string `enum:"RS256,PS256,ES256,EdDSA"                                               path:"alg"`
	ClientID string `doc:"the connector whose keys it replaces; the provider's if it is left out" maxLength:"255" query:"client_id"`
}

// scheduleToSet are the times of a schedule, in seconds.
type scheduleToSet struct {
	Every int64 `doc:"seconds from the activation of one key to that of the next" json:"every"                                                    maximum:"315360000"   minimum:"1"`
	Wait  int64 `default:"86400"                                                  doc:"seconds from the publication of a key to its activation"   json:"wait,omitempty" maximum:"315360000" minimum:"1"`
	Keep  int64 `default:"172800"                                                 doc:"seconds for which a key stays published that was replaced" json:"keep,omitempty" maximum:"315360000" minimum:"1"`
}

type scheduleList struct {
	Schedules []keys.ScheduleStatus `json:"schedules"`
}

func (a *API) registerKeySchedules() {
	const path = "/key-schedules/{alg}"
	missing := []int{http.StatusNotFound}
	register(a, operation{
		ID: "list-key-schedules", Method: http.MethodGet, Path: "/key-schedules", Tag: tagKeys, Scope: op.ScopeKeysRead,
		Summary: "Schedules by which signing keys are replaced, with what each does next and when", Description: "Times are in seconds.",
	}, a.listKeySchedules)
	register(a, operation{
		ID: "put-key-schedule", Method: http.MethodPut, Path: path, Tag: tagKeys, Scope: op.ScopeKeysWrite,
		Errors:  []int{http.StatusNotFound, http.StatusConflict},
		Summary: "Have signing keys replaced by a schedule, or change it",
		Description: "What would break a relying party is refused: with 409 for a connector that may hold a pasted key. " +
			"A schedule that is paused stays so.",
	}, a.putKeySchedule)
	for _, change := range []struct {
		id, method, path, summary string
		make                      func(context.Context, *storage.Store, op.ScheduledKeys) error
	}{
		{"delete-key-schedule", http.MethodDelete, path, "Remove a schedule; the keys stay as they are", op.RemoveKeySchedule},
		{"pause-key-schedule", http.MethodPut, path + "/pause", "Have a schedule do nothing until it is resumed", pausing(true)},
		{"resume-key-schedule", http.MethodDelete, path + "/pause", "Have a paused schedule go on", pausing(false)},
	} {
		register(a, operation{
			ID: change.id, Method: change.method, Path: change.path, Tag: tagKeys, Scope: op.ScopeKeysWrite, Errors: missing, Summary: change.summary,
		}, func(ctx context.Context, in *SchedulePath) (*struct{}, error) {
			return nil, scheduleProblem(change.make(ctx, a.provider.Store(), a.scheduled(ctx, in)))
		})
	}
}

func pausing(paused bool) func(context.Context, *storage.Store, op.ScheduledKeys) error {
	return func(ctx context.Context, store *storage.Store, of op.ScheduledKeys) error {
		return op.PauseKeySchedule(ctx, store, of, paused)
	}
}

// scheduled are the keys that a call is about; the event's action and target are op's.
func (a *API) scheduled(ctx context.Context, in *SchedulePath) op.ScheduledKeys {
	return op.ScheduledKeys{ClientID: in.ClientID, Alg: in.Alg, Audit: a.audit(ctx, target{})}
}

func (a *API) listKeySchedules(ctx context.Context, _ *struct{}) (*struct{ Body scheduleList }, error) {
	callOf(ctx).target = target{"key_schedule", ""}
	snapshot, err := a.provider.Store().ReadSnapshot(ctx)
	if err != nil {
		return nil, err
	}
	life, list := op.LifeOf(snapshot, a.provider.KeySettings()), scheduleList{Schedules: []keys.ScheduleStatus{}}
	for _, schedule := range snapshot.Schedules {
		list.Schedules = append(list.Schedules, life.ScheduleStatus(schedule))
	}
	return &struct{ Body scheduleList }{list}, nil
}

func (a *API) putKeySchedule(ctx context.Context, in *struct {
	SchedulePath

	Body scheduleToSet
},
) (*struct{}, error) {
	seconds := func(n int64) time.Duration { return time.Duration(n) * time.Second }
	return nil, scheduleProblem(op.SetKeySchedule(ctx, a.provider.Store(), a.provider.KeySettings(), a.scheduled(ctx, &in.SchedulePath),
		seconds(in.Body.Every), seconds(in.Body.Wait), seconds(in.Body.Keep)))
}

// scheduleProblem says what is wrong with a schedule, or with whose it is.
func scheduleProblem(err error) error {
	if wrong, ok := errors.AsType[*keys.ScheduleError](err); ok {
		return problem(http.StatusBadRequest, detailFaults, at("/"+wrong.Field, wrong.Rule))
	}
	switch {
	case errors.Is(err, keys.ErrPasted):
		return problem(http.StatusConflict, keys.ErrPasted.Error())
	case errors.Is(err, keys.ErrAlg):
		return problem(http.StatusBadRequest, detailFaults, Fault{Parameter: "alg", Detail: ruleAlg})
	case errors.Is(err, storage.ErrNotFound):
		return notFound("schedule, or no client,")
	case err == nil:
		return nil
	}
	return keyProblem(err)
}
