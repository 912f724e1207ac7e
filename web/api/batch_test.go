package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/brandidp/idp/web/webtest"
)

type batchAnswer struct {
	Results []struct {
		Status     int
		Sub        string
		ExternalID string `json:"external_id"`
		Errors     []struct{ Pointer, Detail string }
	}
}

// summary says each result in short: its status and the places of its faults.
func (a batchAnswer) summary() string {
	var all []string
	for _, result := range a.Results {
		text := fmt.Sprint(result.Status)
		for _, fault := range result.Errors {
			text += " " + fault.Pointer
		}
		all = append(all, text)
	}
	return strings.Join(all, ", ")
}

func TestBatchIsWrittenWhole(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	const hash = "$2b$10$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa"
	const body = `{"consumers":[
		{"external_id":"crm-1","username":"amelia","attributes":{"tier":"gold"}},
		{"sub":"rory-sub","username":"roranicus"},
		{"external_id":"crm-9","username":"river","password_hash":"` + hash + `"},
		{"sub":"bill-sub","external_id":"crm-10","claims":{"email":"bill@brand.example","email_verified":true}}]}`
	var answer batchAnswer
	p.Call(key, "POST", "/consumers/batch", body).Want(http.StatusOK).Into(&answer)
	if got := answer.summary(); got != "200, 200, 201, 201" {
		t.Fatal(got)
	}
	if a, r, b := answer.Results[0], answer.Results[2], answer.Results[3]; a.Sub != "amelia-sub" || len(r.Sub) != 36 || r.ExternalID != "crm-9" || b.Sub != "bill-sub" {
		t.Errorf("%+v", answer)
	}
	var amelia, rory, river consumer
	p.Call(key, "GET", "/consumers/amelia-sub", nil).Want(http.StatusOK).Into(&amelia)
	p.Call(key, "GET", "/consumers/rory-sub", nil).Want(http.StatusOK).Into(&rory)
	p.Call(key, "GET", "/consumers?username=river", nil).Want(http.StatusOK)
	p.Call(key, "GET", "/consumers/by-external-id/crm-9", nil).Want(http.StatusOK).Into(&river)
	if amelia.Username != "amelia" || rory.Username != "roranicus" || rory.ExternalID != "" || river.Sub != answer.Results[2].Sub {
		t.Errorf("%+v %+v %+v", amelia, rory, river)
	}
	if n := webtest.Query[int](p, "select count(*) from audit_events where action = 'upsert-consumers' and target_kind = 'consumer' and target <> ''"); n != 4 {
		t.Errorf("%d events of 4 consumers", n)
	}

	// The same again changes nothing, and is told as nothing.
	p.Call(key, "POST", "/consumers/batch", body).Want(http.StatusOK).Into(&answer)
	if got := answer.summary(); got != "200, 200, 200, 200" {
		t.Error(got)
	}
	if n := webtest.Query[int](p, "select count(*) from audit_events where action = 'upsert-consumers'"); n != 4 {
		t.Errorf("%d events", n)
	}

	// A password is for who is made; one that nobody gets is told of.
	reply := p.Call(key, "POST", "/consumers/batch", `{"consumers":[{"sub":"bill-sub","external_id":"crm-10","password_hash":"`+hash+`"}]}`).Want(http.StatusOK)
	if !strings.Contains(string(reply.Body), `"warnings":[{"pointer":"/consumers/0/password_hash","detail":"is not set: `) {
		t.Errorf("%s", reply.Body)
	}

	// Whoever is disabled is signed out.
	p.Exec("insert into sessions (handle_sha256, sid, consumer_id, auth_time, acr, amr, expires_at, ends_at) " +
		"select sha256('x'), 'sid', id, now(), 'loa1', '{}', now() + interval '1h', now() + interval '1h' from consumers where sub = 'bill-sub'")
	p.Call(key, "POST", "/consumers/batch", `{"consumers":[{"sub":"bill-sub","disabled":true}]}`).Want(http.StatusOK)
	if n := webtest.Query[int](p, "select count(*) from sessions"); n != 0 {
		t.Errorf("%d sessions", n)
	}
}

// What is wrong with a batch is told of every consumer in it, and none is written but
// with partial, where each is told of by itself.
func TestFaultsOfABatchAreToldTogether(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	p.Exec("insert into consumer_tombstones (sub) values ('gone')")
	key := readWrite(p)
	const consumers = `"consumers":[
		{"external_id":"crm-9","username":"river"},
		{"username":"nameless"},
		{"sub":"a","external_id":"crm-2","usrname":1},
		{"sub":"b","external_id":"crm-2"},
		{"sub":"gone"},
		{"sub":"c","username":"Amelia","claims":{"email":"amelia@brand.example","email_verified":true}},
		{"sub":"d","password":"correct horse battery staple"},
		{"sub":"rory-sub","username":"rory","external_id":"crm-2"},
		{"external_id":"crm-2"},
		{"sub":"e","external_id":"crm-9"},
		{"sub":"f","username":"RIVER"},
		7]`
	places := []string{
		"/consumers/1", "/consumers/2/usrname", "/consumers/3/external_id", "/consumers/4/sub", "/consumers/5/username", "/consumers/5/claims/email",
		"/consumers/6/password", "/consumers/7/external_id", "/consumers/8/external_id", "/consumers/9/external_id", "/consumers/10/username", "/consumers/11",
	}
	wantProblem(t, p.Call(key, "POST", "/consumers/batch", "{"+consumers+"}"), http.StatusBadRequest, places...)
	if n := webtest.Query[int](p, "select count(*) from consumers"); n != 2 {
		t.Errorf("%d consumers", n)
	}
	wantProblem(t, p.Call(key, "POST", "/consumers/batch", `{"consumers":[{"sub":"a"},{"sub":"gone"}]}`), http.StatusConflict, "/consumers/1/sub")

	var answer batchAnswer
	p.Call(key, "POST", "/consumers/batch", `{"partial":true,`+consumers+"}", "Idempotency-Key", "k").Want(http.StatusOK).Into(&answer)
	const want = "201, 400 /consumers/1, 400 /consumers/2/usrname, 409 /consumers/3/external_id, 409 /consumers/4/sub, " +
		"409 /consumers/5/username /consumers/5/claims/email, 400 /consumers/6/password, 400 /consumers/7/external_id, 400 /consumers/8/external_id, " +
		"400 /consumers/9/external_id, 400 /consumers/10/username, 400 /consumers/11"
	if got := answer.summary(); got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
	if n := webtest.Query[int](p, "select count(*) from consumers"); n != 3 {
		t.Errorf("%d consumers", n)
	}

	many := `{"consumers":[` + strings.Repeat(`{"sub":"x"},`, 1000) + `{"sub":"x"}]}`
	for body, places := range map[string][]string{
		`{}`: {"/consumers"}, `{"consumers":[]}`: {"/consumers"}, many: {"/consumers"}, `[]`: {""}, `{"consumers":[],`: {""},
		`{"consumers":{},"partial":null,"consumer":1,"consumers":[]}`: {"/consumers", "/partial", "/consumer", "/consumers"},
	} {
		wantProblem(t, p.Call(key, "POST", "/consumers/batch", body), http.StatusBadRequest, places...)
	}
}

func TestBatchesAtTheSameTimeLoseNothing(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := readWrite(p)
	const size = 50
	var forth, back []string
	for i := range size {
		forth = append(forth, fmt.Sprintf(`{"external_id":"c-%d","username":"u%d"}`, i, i))
		back = append([]string{fmt.Sprintf(`{"external_id":"c-%d","username":"u%d","attributes":{"n":%d}}`, i, i, i)}, back...)
	}
	var wait sync.WaitGroup
	for i := range 8 {
		consumers := forth
		if i%2 == 0 {
			consumers = back
		}
		wait.Go(func() {
			body := `{"consumers":[` + strings.Join(consumers, ",") + `]}`
			reply := p.Call(key, "POST", "/consumers/batch", body)
			for tries := 0; reply.Header.Get("Retry-After") != "" && tries < 20; tries++ { // a slow machine has it given up
				reply = p.Call(key, "POST", "/consumers/batch", body)
			}
			if reply.Status != http.StatusOK {
				t.Errorf("%d %s", reply.Status, reply.Body)
			}
		})
	}
	wait.Wait()
	if n := webtest.Query[int](p, "select count(distinct external_id) from consumers where external_id like 'c-%'"); n != size {
		t.Errorf("%d consumers", n)
	}
}

// A batch that is in the way of others time and again is given up before long.
func TestBatchThatOthersKeepChangingIsGivenUp(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	p.Exec("create sequence tries")
	p.Exec("create function another() returns trigger language plpgsql as $$ begin perform nextval('tries'); raise unique_violation; end $$")
	p.Exec("create trigger another before insert on consumers for each row execute function another()")
	reply := p.Call(readWrite(p), "POST", "/consumers/batch", `{"consumers":[{"sub":"a"}]}`)
	wantProblem(t, reply, http.StatusConflict)
	if tries := webtest.Query[int](p, "select last_value::int from tries"); tries != 5 || reply.Header.Get("Retry-After") != "1" {
		t.Errorf("%d tries, %v", tries, reply.Header)
	}
}
