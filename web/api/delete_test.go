package api_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/web/webtest"
)

func TestDeletedConsumerIsGone(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	signedIn := tokensOf(t, p, "amelia")
	tag := p.Call(key, "GET", "/consumers/amelia-sub", nil).Want(http.StatusOK).Header.Get("ETag")
	wantProblem(t, p.Call(key, "DELETE", "/consumers/amelia-sub", nil, "If-Match", `"x"`), http.StatusPreconditionFailed)
	wantProblem(t, p.Call(key, "DELETE", "/consumers/nobody", nil), http.StatusNotFound)
	p.Call(key, "DELETE", "/consumers/amelia-sub", nil, "If-Match", tag).Want(http.StatusNoContent)
	wantProblem(t, p.Call(key, "GET", "/consumers/amelia-sub", nil), http.StatusNotFound)
	wantProblem(t, p.Call(key, "DELETE", "/consumers/amelia-sub", nil), http.StatusNotFound)
	for _, table := range []string{"sessions", "authorization_codes", "refresh_families", "access_tokens", "consents"} {
		if n := webtest.Query[int](p, "select count(*) from "+table); n != 0 {
			t.Errorf("%d rows of %s are left", n, table)
		}
	}
	b := p.Browser(t)
	info := b.Request("/userinfo", nil)
	info.Header.Set("Authorization", "Bearer "+signedIn.AccessToken)
	if page := b.Do(info); page.Status != http.StatusUnauthorized {
		t.Errorf("userinfo: %d %s", page.Status, page.Body)
	}
	event := webtest.Query[map[string]any](p, "select to_jsonb(e) from audit_events e where action = 'delete-consumer'")
	if before, _ := event["before"].(map[string]any); event["target"] != "amelia-sub" || before["username"] != "********" || before["disabled"] != false {
		t.Errorf("%v", event)
	}
	// What was hers is free again, but for the sub.
	p.Call(key, "PUT", "/consumers/by-external-id/crm-1", `{"username":"amelia"}`).Want(http.StatusCreated)
}

func TestConsumerIsDeletedByExternalID(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	const path = "/consumers/by-external-id/crm-1"
	tag := p.Call(key, "GET", path, nil).Want(http.StatusOK).Header.Get("ETag")
	wantProblem(t, p.Call(key, "DELETE", path, nil, "If-Match", `"x"`), http.StatusPreconditionFailed)
	wantProblem(t, p.Call(key, "DELETE", "/consumers/by-external-id/amelia-sub", nil), http.StatusNotFound)
	p.Call(key, "DELETE", path, nil, "If-Match", tag).Want(http.StatusNoContent)
	wantProblem(t, p.Call(key, "GET", "/consumers/amelia-sub", nil), http.StatusNotFound)
	wantProblem(t, p.Call(key, "DELETE", path, nil), http.StatusNotFound)
	event := webtest.Query[map[string]any](p, "select to_jsonb(e) from audit_events e where action = 'delete-consumer-by-external-id'")
	if event["target"] != "amelia-sub" || event["target_kind"] != "consumer" {
		t.Errorf("%v", event)
	}
	// The external id is free, and the sub is not.
	wantProblem(t, p.Call(key, "PUT", path, `{"sub":"amelia-sub"}`), http.StatusConflict, "/sub")
	p.Call(key, "PUT", path, `{}`).Want(http.StatusCreated)
}

// By none of the ways in which consumers are made does one get the sub of another who is
// gone, whatever deleted that one.
//
//contract:1.9-never-reused
func TestSubIsNeverGivenToAnother(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	p.Call(key, "DELETE", "/consumers/amelia-sub", nil).Want(http.StatusNoContent)
	p.Exec("delete from consumers where sub = 'rory-sub'")
	for _, sub := range []string{"amelia-sub", "rory-sub"} {
		wantProblem(t, p.Call(key, "POST", "/consumers", `{"sub":"`+sub+`"}`), http.StatusConflict, "/sub")
		wantProblem(t, p.Call(key, "PUT", "/consumers/"+sub, `{}`), http.StatusConflict, "/sub")
		wantProblem(t, p.Call(key, "PUT", "/consumers/by-external-id/crm-9", `{"sub":"`+sub+`"}`), http.StatusConflict, "/sub")
		wantProblem(t, p.Call(key, "POST", "/consumers/batch", `{"consumers":[{"sub":"`+sub+`"}]}`), http.StatusConflict, "/consumers/0/sub")
		err := p.Store.Administer(t.Context(), func(tx *storage.Tx) error {
			return tx.InsertConsumer(t.Context(), &storage.Consumer{Sub: sub, ManagedBy: "apply"}, nil)
		})
		if !errors.Is(err, storage.ErrConflict) {
			t.Errorf("insert: %v", err)
		}
	}
	if n := webtest.Query[int](p, "select count(*) from consumers"); n != 0 {
		t.Errorf("%d consumers", n)
	}
}
