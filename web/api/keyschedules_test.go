package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/web/webtest"
)

func TestKeySchedule(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.ScopeKeysRead, op.ScopeKeysWrite)
	const path = "/key-schedules/RS256"
	list := func() []keys.ScheduleStatus {
		var list struct{ Schedules []keys.ScheduleStatus }
		p.Call(key, "GET", "/key-schedules", nil).Want(http.StatusOK).Into(&list)
		return list.Schedules
	}
	for _, c := range []struct {
		path, body string
		status     int
		place      []string
	}{
		{path, `{}`, http.StatusBadRequest, []string{""}},
		{path, `{"every":7776000,"wait":60}`, http.StatusBadRequest, []string{"/wait"}},
		{path, `{"every":7776000,"keep":60}`, http.StatusBadRequest, []string{"/keep"}},
		{path, `{"every":86400}`, http.StatusBadRequest, []string{"/every"}},
		{path, `{"every":7776000,"wait":"1d"}`, http.StatusBadRequest, []string{"/wait"}},
		{path + "?client_id=messaging", `{"every":7776000}`, http.StatusConflict, nil},
		{"/key-schedules/ES256?client_id=messaging", `{"every":7776000}`, http.StatusBadRequest, []string{"alg"}},
		{path + "?client_id=site", `{"every":7776000}`, http.StatusBadRequest, nil},
		{path + "?client_id=nobody", `{"every":7776000}`, http.StatusNotFound, nil},
		{"/key-schedules/HS256", `{"every":7776000}`, http.StatusBadRequest, []string{"alg"}},
	} {
		wantProblem(t, p.Call(key, "PUT", c.path, c.body), c.status, c.place...)
	}
	for _, method := range []string{"PUT", "DELETE"} {
		wantProblem(t, p.Call(key, method, path+"/pause", nil), http.StatusNotFound)
	}
	if all := list(); len(all) != 0 {
		t.Errorf("%+v", all)
	}

	p.Call(key, "PUT", path, `{"every":7776000}`).Want(http.StatusNoContent)
	all := list()
	if len(all) != 1 || all[0].Every != 7776000 || all[0].Wait != 86400 || all[0].Keep != 172800 || all[0].Next != keys.Create || !all[0].PausedAt.IsZero() {
		t.Errorf("%+v", all)
	}
	p.Call(key, "PUT", path+"/pause", nil).Want(http.StatusNoContent)
	p.Call(key, "PUT", path, `{"every":2592000}`).Want(http.StatusNoContent)
	if all := list(); all[0].PausedAt.IsZero() || all[0].Every != 2592000 {
		t.Errorf("%+v", all)
	}
	p.Call(key, "DELETE", path+"/pause", nil).Want(http.StatusNoContent)
	if all := list(); !all[0].PausedAt.IsZero() {
		t.Errorf("%+v", all)
	}
	p.Call(key, "DELETE", path, nil).Want(http.StatusNoContent)
	wantProblem(t, p.Call(key, "DELETE", path, nil), http.StatusNotFound)
	told := webtest.Query[string](p, "select string_agg(action || ' ' || actor_kind, ' ' order by id) from audit_events where target_kind = 'key_schedule' and action like 'key_%'")
	if want := "key_schedules.set api_key key_schedules.pause api_key key_schedules.set api_key key_schedules.resume api_key key_schedules.remove api_key"; told != want {
		t.Errorf("%s", strings.ReplaceAll(told, " api_key", ""))
	}
}
