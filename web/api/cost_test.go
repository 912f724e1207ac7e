package api_test

import (
	"net/http"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

func TestRoundTripsAndCommitsOfEachOperation(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key, client := p.APIKey(nil, op.APIScopes()...), token(t, p, "backend")
	p.Counts.Take()
	for _, c := range []struct {
		key, method, path string
		body              any
		headers           []string
		status            int

		roundTrips, commits int
	}{
		{"", "GET", "/consumers/amelia-sub", nil, nil, http.StatusUnauthorized, 0, 0},
		{"idp_k_0123456789012345678901234567890123456789012", "GET", "/consumers/amelia-sub", nil, nil, http.StatusUnauthorized, 0, 0},
		{key, "GET", "/consumers/amelia-sub", nil, nil, http.StatusOK, 1, 0},
		{client, "GET", "/consumers/amelia-sub", nil, nil, http.StatusOK, 2, 0},
		{key, "GET", "/consumers", nil, nil, http.StatusOK, 1, 0},
		{key, "GET", "/consumers?username=amelia", nil, nil, http.StatusOK, 1, 0},
		{key, "POST", "/consumers", `{"username":"a"}`, nil, http.StatusCreated, 1, 1},
		{key, "POST", "/consumers", `{"username":"b"}`, []string{"Idempotency-Key", "k"}, http.StatusCreated, 5, 2},
		{key, "PUT", "/consumers/by-external-id/c", `{"username":"c"}`, nil, http.StatusCreated, 2, 1},
		{key, "PUT", "/consumers/by-external-id/c", `{"username":"c"}`, nil, http.StatusOK, 1, 0},
		{key, "PUT", "/consumers/by-external-id/c", `{"username":"d"}`, nil, http.StatusOK, 2, 1},
		{key, "PATCH", "/consumers/amelia-sub", `{"claims":{"name":"Amelia"}}`, nil, http.StatusOK, 2, 1},
		{key, "PATCH", "/consumers/amelia-sub/customer-info", `{"ctype":"vip"}`, nil, http.StatusOK, 2, 1},
		{key, "GET", "/consumers/amelia-sub/sessions", nil, nil, http.StatusOK, 2, 0},
		{key, "DELETE", "/consumers/amelia-sub/sessions", nil, nil, http.StatusOK, 2, 1},
		{key, "GET", "/clients", nil, nil, http.StatusOK, 1, 0},
		{key, "GET", "/clients/messaging", nil, nil, http.StatusOK, 1, 0},
		{key, "GET", "/clients/messaging/connector-settings", nil, nil, http.StatusOK, 2, 0},
		{key, "POST", "/clients/messaging/token-preview", `{"sub":"amelia-sub"}`, nil, http.StatusOK, 3, 0},
	} {
		p.Call(c.key, c.method, c.path, c.body, c.headers...).Want(c.status)
		roundTrips, commits, statements := p.Counts.Take()
		if roundTrips != c.roundTrips || commits != c.commits {
			t.Errorf("%s %s: %d round trips and %d commits, want %d and %d: %q", c.method, c.path, roundTrips, commits, c.roundTrips, c.commits, statements)
		}
	}
}
