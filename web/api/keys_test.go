package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

func TestStepThatBreaksSomebodyTellsHowItIsForced(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.APIScopes()...)
	var made struct{ Kid string }
	p.Call(key, "POST", "/keys", `{}`).Want(http.StatusCreated).Into(&made)
	steps := "/keys/" + made.Kid + "/steps"
	const way = `"force": true does it all the same`
	if early := wantProblem(t, p.Call(key, "POST", steps, `{"step":"activate","force":true}`), http.StatusConflict); strings.Contains(early.Detail, way) {
		t.Errorf("force does not help: %+v", early)
	}
	p.Call(key, "POST", steps, `{"step":"publish"}`).Want(http.StatusOK)
	var broken problem
	webtest.Eventually(t, "each instance publishes the key", func() bool {
		broken = wantProblem(t, p.Call(key, "POST", steps, `{"step":"activate"}`), http.StatusConflict)
		return strings.Contains(broken.Detail, "would break")
	})
	if !strings.HasSuffix(broken.Detail, way) {
		t.Errorf("%+v", broken)
	}
	p.Call(key, "POST", steps, `{"step":"activate","force":true}`).Want(http.StatusOK)
}
