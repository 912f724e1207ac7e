package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

// problem is what errors look like (RFC 9457).
type problem struct {
	Type, Title, Detail string
	Status              int
	RequestID           string `json:"request_id"`
	Errors              []struct {
		Pointer   *string
		Parameter string
		Detail    string
	}
}

// places are where the faults of a problem are: pointers, and names of parameters.
func (p problem) places() []string {
	var places []string
	for _, fault := range p.Errors {
		if fault.Pointer != nil {
			places = append(places, *fault.Pointer)
		} else {
			places = append(places, fault.Parameter)
		}
	}
	return places
}

// wantProblem checks that a reply is a problem document with a status, and gives it.
func wantProblem(t *testing.T, reply *webtest.Reply, status int, places ...string) problem {
	t.Helper()
	var p problem
	if media := reply.Header.Get("Content-Type"); media != "application/problem+json" {
		t.Errorf("%s: %s", media, reply.Body)
	}
	reply.Want(status).Into(&p)
	if p.Status != status || p.Type != "about:blank" || p.Title != http.StatusText(status) || p.Detail == "" || p.RequestID == "" {
		t.Errorf("%+v", p)
	}
	if diff := cmp.Diff(places, p.places()); diff != "" {
		t.Errorf("places of faults:\n%s\n%s", diff, reply.Body)
	}
	return p
}

type consumer struct {
	Sub          string
	ExternalID   string `json:"external_id"`
	Username     string
	Disabled     bool
	HasPassword  bool            `json:"has_password"`
	ManagedBy    string          `json:"managed_by"`
	Claims       map[string]any  `json:"claims"`
	PersonalInfo json.RawMessage `json:"personal_info"`
	CustomerInfo json.RawMessage `json:"customer_info"`
}

// readWrite is a key for consumers.
func readWrite(p *webtest.Provider) string {
	return p.APIKey(nil, op.ScopeConsumersRead, op.ScopeConsumersWrite)
}

func TestConsumerIsMadeReadAndChanged(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	key := readWrite(p)
	var made consumer
	reply := p.Call(key, "POST", "/consumers", `{"external_id":"crm/17","username":"Amelia","password":"correct horse battery",
		"claims":{"given_name":"Amelia","email":"Amelia@brand.example","email_verified":true},"customer_info":{"balance":-400.99}}`).
		Want(http.StatusCreated).Into(&made)
	if made.Username != "amelia" || !made.HasPassword || made.ManagedBy != "api" || reply.Header.Get("Location") != p.Issuer+"/api/v1/consumers/"+made.Sub {
		t.Errorf("%s %v", reply.Body, reply.Header)
	}
	for _, path := range []string{"/consumers/" + made.Sub, "/consumers/by-external-id/crm%2F17"} {
		again := p.Call(key, "GET", path, nil).Want(http.StatusOK)
		if string(again.Body) != string(reply.Body) || again.Header.Get("ETag") != reply.Header.Get("ETag") || again.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %s\n%v", path, again.Body, again.Header)
		}
	}
	changed := p.Call(key, "PATCH", "/consumers/"+made.Sub, `{"claims":{"given_name":null,"family_name":"Pond"},"customer_info":{"ctype":"vip"}}`,
		"Content-Type", "application/merge-patch+json", "If-Match", reply.Header.Get("ETag")).Want(http.StatusOK)
	var after consumer
	changed.Into(&after)
	if _, named := after.Claims["given_name"]; named || after.Claims["family_name"] != "Pond" || string(after.CustomerInfo) != `{"ctype":"vip","balance":-400.99}` {
		t.Errorf("%s", changed.Body)
	}
	wantProblem(t, p.Call(key, "PATCH", "/consumers/"+made.Sub, `{"disabled":true}`, "If-Match", reply.Header.Get("ETag")), http.StatusPreconditionFailed)
	var replaced consumer
	p.Call(key, "PUT", "/consumers/"+made.Sub, `{"username":"amelia"}`, "If-Match", changed.Header.Get("ETag")).Want(http.StatusOK).Into(&replaced)
	if replaced.ExternalID != "" || replaced.CustomerInfo != nil || !replaced.HasPassword {
		t.Errorf("%+v", replaced)
	}
}

func TestEveryFaultOfABodyIsTold(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil)
	key := readWrite(p)
	const body = `{"usrname":"hunter2","claims":{"email":"hunter2","gender":7},"personal_info":{"contacts":[{"phoneType":"hunter2"}]},"external_id":"é"}`
	want := []string{"/claims/email", "/claims/gender", "/external_id", "/personal_info/contacts/0/phoneType", "/usrname"}
	for _, reply := range []*webtest.Reply{
		p.Call(key, "POST", "/consumers", body), p.Call(key, "PUT", "/consumers/a", body), p.Call(key, "PUT", "/consumers/by-external-id/a", body),
	} {
		wantProblem(t, reply, http.StatusBadRequest, want...)
		if strings.Contains(string(reply.Body), "hunter2") {
			t.Errorf("repeats what was sent: %s", reply.Body)
		}
	}
}
