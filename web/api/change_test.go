package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

func TestOneRequestUnderAnIdempotencyKeyHappensOnce(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	key, other := readWrite(p), readWrite(p)
	const body = `{"username":"amelia","password":"correct horse battery staple"}`
	first := p.Call(key, "POST", "/consumers", body, "Idempotency-Key", "k1").Want(http.StatusCreated)
	again := p.Call(key, "POST", "/consumers", body, "Idempotency-Key", "k1").Want(http.StatusCreated)
	if strings.TrimSpace(string(first.Body)) != string(again.Body) || first.Header.Get("Location") != again.Header.Get("Location") ||
		first.Header.Get("ETag") != again.Header.Get("ETag") {
		t.Errorf("%s\n%s", first.Body, again.Body)
	}
	wantProblem(t, p.Call(key, "POST", "/consumers", `{"username":"rory"}`, "Idempotency-Key", "k1"), http.StatusUnprocessableEntity)
	// Somebody else's key of the same name is another, and so is one of a request that changed nothing.
	wantProblem(t, p.Call(other, "POST", "/consumers", body, "Idempotency-Key", "k1"), http.StatusConflict, "/username")
	p.Call(other, "POST", "/consumers", `{"username":"rory"}`, "Idempotency-Key", "k1").Want(http.StatusCreated)
	wantProblem(t, p.Call(key, "POST", "/consumers", "{}", "Idempotency-Key", strings.Repeat("a", 256)), http.StatusBadRequest, "Idempotency-Key")

	// At the same time: one is made, the others hear of it or get the same answer.
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			reply := p.Call(key, "POST", "/consumers", `{"external_id":"crm-9"}`, "Idempotency-Key", "k2")
			if reply.Status != http.StatusCreated && reply.Status != http.StatusConflict {
				t.Errorf("%d %s", reply.Status, reply.Body)
			}
		})
	}
	wait.Wait()
	if n := webtest.Query[int](p, "select count(*) from consumers"); n != 3 {
		t.Errorf("%d consumers", n)
	}
	if n := webtest.Query[int](p, "select count(*) from idempotency_keys where position('amelia' in encode(answer_sealed, 'escape')) > 0"); n != 0 {
		t.Error("an answer is stored in the clear")
	}
}

func TestUpsertsAtTheSameTimeMakeOneConsumer(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	key := readWrite(p)
	statuses := make(chan int, 16)
	for range cap(statuses) {
		go func() {
			statuses <- p.Call(key, "PUT", "/consumers/by-external-id/crm-1", `{"username":"amelia"}`).Status
		}()
	}
	created := 0
	for range cap(statuses) {
		switch status := <-statuses; status {
		case http.StatusCreated:
			created++
		case http.StatusOK:
		default:
			t.Errorf("status %d", status)
		}
	}
	if n := webtest.Query[int](p, "select count(*) from consumers"); n != 1 || created != 1 {
		t.Errorf("%d consumers, %d made", n, created)
	}
	wantProblem(t, p.Call(key, "PUT", "/consumers/by-external-id/crm-1", `{}`, "If-None-Match", "*"), http.StatusPreconditionFailed)
}

func TestNoPatchIsLost(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	var wait sync.WaitGroup
	const patches = 12
	for i := range patches {
		wait.Go(func() {
			if reply := p.Call(key, "PATCH", "/consumers/amelia-sub", fmt.Sprintf(`{"attributes":{"a%d":true}}`, i)); reply.Status != http.StatusOK {
				t.Errorf("%d %s", reply.Status, reply.Body)
			}
		})
	}
	wait.Wait()
	if n := webtest.Query[int](p, "select count(*) from consumers, jsonb_object_keys(attributes) where sub = 'amelia-sub'"); n != patches {
		t.Errorf("%d of %d patches are there", n, patches)
	}
}

func TestClashesAreNamed(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	p.Exec("insert into consumer_tombstones (sub) values ('gone')")
	key := readWrite(p)
	wantProblem(t, p.Call(key, "POST", "/consumers",
		`{"sub":"amelia-sub","external_id":"crm-2","username":"rory","claims":{"email":"Amelia@Brand.example","email_verified":true}}`),
		http.StatusConflict, "/sub", "/external_id", "/claims/email", "/username")
	wantProblem(t, p.Call(key, "PUT", "/consumers/gone", `{}`), http.StatusConflict, "/sub")
	wantProblem(t, p.Call(key, "PATCH", "/consumers/rory-sub", `{"external_id":"crm-1"}`), http.StatusConflict, "/external_id")
	wantProblem(t, p.Call(key, "PUT", "/consumers/by-external-id/crm-2", `{"username":"amelia"}`), http.StatusConflict, "/username")
	wantProblem(t, p.Call(key, "PUT", "/consumers/by-external-id/crm-2", `{"sub":"amelia-sub","external_id":"x"}`), http.StatusBadRequest, "/sub", "/external_id")
	wantProblem(t, p.Call(key, "PATCH", "/consumers/rory-sub", `{"sub":"x","password":"y","usrname":1}`), http.StatusBadRequest, "/password", "/sub", "/usrname")
	wantProblem(t, p.Call(key, "PATCH", "/consumers/nobody", `{}`), http.StatusNotFound)
}

func TestInfoIsAtAddressesOfItsOwn(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	const path = "/consumers/amelia-sub/personal-info"
	wantProblem(t, p.Call(key, "GET", path, nil), http.StatusNotFound)
	p.Call(key, "PATCH", path, `{"firstname":"Amelia","company":null}`).Want(http.StatusOK)
	p.Call(key, "PATCH", path, `{"lastname":"Pond"}`).Want(http.StatusOK)
	if got := p.Call(key, "GET", path, nil).Want(http.StatusOK); strings.TrimSpace(string(got.Body)) != `{"firstname":"Amelia","lastname":"Pond"}` {
		t.Errorf("%s", got.Body)
	}
	wantProblem(t, p.Call(key, "PATCH", path, `{"gender":"x","contacts":[{"phoneType":"x"}],"a":1}`), http.StatusBadRequest, "/a", "/contacts/0/phoneType", "/gender")
	wantProblem(t, p.Call(key, "PUT", path, `[]`), http.StatusBadRequest, "")
	wantProblem(t, p.Call(key, "PUT", path, `null`), http.StatusBadRequest, "")
	wantProblem(t, p.Call(key, "PATCH", path, `null`), http.StatusBadRequest, "")
	put := p.Call(key, "PUT", path, `{"lastname":"Williams"}`).Want(http.StatusOK)
	wantProblem(t, p.Call(key, "DELETE", path, nil, "If-Match", `"x"`), http.StatusPreconditionFailed)
	p.Call(key, "DELETE", path, nil, "If-Match", put.Header.Get("ETag")).Want(http.StatusNoContent)
	wantProblem(t, p.Call(key, "GET", path, nil), http.StatusNotFound)
}

func TestPasswordAndDisablingEndSessions(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	signIn := func(password string) int {
		b := p.Browser(t)
		b.Authorize(map[string][]string{
			"client_id": {"site"}, "response_type": {"code"}, "scope": {"openid"}, "redirect_uri": {"https://www.brand.example/callback"},
		}).SignIn("amelia", password)
		return webtest.Query[int](p, "select count(*) from sessions")
	}
	if n := signIn("correct horse battery staple"); n != 1 {
		t.Fatalf("%d sessions", n)
	}
	wantProblem(t, p.Call(key, "PUT", "/consumers/amelia-sub/password", `{"password":"short"}`), http.StatusBadRequest, "/password")
	p.Call(key, "PUT", "/consumers/amelia-sub/password", `{"password":"another horse battery"}`).Want(http.StatusNoContent)
	if n := webtest.Query[int](p, "select count(*) from sessions"); n != 0 {
		t.Errorf("%d sessions", n)
	}
	if n := signIn("another horse battery"); n != 1 {
		t.Fatalf("%d sessions", n)
	}
	p.Call(key, "PATCH", "/consumers/amelia-sub", `{"disabled":true}`).Want(http.StatusOK)
	if n := webtest.Query[int](p, "select count(*) from sessions"); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

func TestConsumersAreListedAndFound(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	type list struct {
		Consumers []consumer
		Next      string `json:"next_cursor"`
	}
	var subs []string
	for cursor := ""; ; {
		var page list
		p.Call(key, "GET", "/consumers?limit=1&cursor="+cursor, nil).Want(http.StatusOK).Into(&page)
		for _, c := range page.Consumers {
			subs = append(subs, c.Sub)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if strings.Join(subs, " ") != "amelia-sub rory-sub" {
		t.Errorf("%v", subs)
	}
	for query, want := range map[string]string{
		"username=AMELIA": "amelia-sub", "email=Amelia@Brand.Example": "amelia-sub", "identifier=rory": "rory-sub", "external_id=crm-2": "rory-sub",
		"username=nobody": "", "external_id=amelia": "",
	} {
		var page list
		p.Call(key, "GET", "/consumers?"+query, nil).Want(http.StatusOK).Into(&page)
		if got := fmt.Sprint(page.Consumers); (want == "") != (len(page.Consumers) == 0) || !strings.Contains(got, want) {
			t.Errorf("%s: %s", query, got)
		}
	}
}

func TestChangesAndReadsAreToldWithoutPersonalData(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.APIScopes()...)
	p.Call(key, "PUT", "/consumers/by-external-id/secret-ref", `{"username":"secret-name","password":"secret horse battery","claims":{"given_name":"secret-given"},
		"personal_info":{"company":"secret-company"},"attributes":{"tier":"secret-tier"}}`).Want(http.StatusCreated)
	p.Call(key, "PUT", "/consumers/by-external-id/secret-ref", `{"username":"secret-name2","disabled":true}`).Want(http.StatusOK)
	p.Call(key, "GET", "/consumers/by-external-id/secret-ref", nil).Want(http.StatusOK)
	var page struct {
		Events []struct {
			ID                             int64
			Actor, Action, Target, Address string
			ActorKind                      string `json:"actor_kind"`
			RequestID                      string `json:"request_id"`
			Before, After                  map[string]any
		}
		Next int64
	}
	webtest.Eventually(t, "a read is told", func() bool {
		page.Events = nil
		p.Call(key, "GET", "/audit-events?limit=3", nil).Want(http.StatusOK).Into(&page)
		return len(page.Events) == 3
	})
	for i, action := range []string{"put-consumer-by-external-id", "put-consumer-by-external-id", "get-consumer-by-external-id"} {
		e := page.Events[i]
		if e.Action != action || e.ActorKind != "api_key" || len(e.Target) != 36 || e.Address != "127.0.0.1" || e.RequestID == "" {
			t.Errorf("%+v", e)
		}
	}
	if e := page.Events[1]; e.Before["disabled"] != false || e.After["disabled"] != true || e.Before["claims.given_name"] != "********" || e.After["attributes.tier"] != nil {
		t.Errorf("%+v", e)
	}
	rows := webtest.Query[json.RawMessage](p, "select jsonb_agg(to_jsonb(e)) from audit_events e")
	for _, text := range []string{string(rows), p.Log.String()} {
		if strings.Contains(text, "secret") || strings.Contains(text, key) {
			t.Errorf("tells what is secret: %s", text)
		}
	}
	webtest.Eventually(t, "the use of the key is told", func() bool { return webtest.Query[int](p, "select count(*) from api_key_uses") == 1 })
}
