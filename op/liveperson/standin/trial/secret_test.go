package trial_test

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/op/liveperson/standin/trial"
	"github.com/brandidp/idp/web/webtest"
)

// random is what codes, tokens, cookies, tickets, proofs and verifiers look like.
var random = regexp.MustCompile(`[A-Za-z0-9_-]{32,}`)

// Nothing random that went over the wire, in either direction, is told.
func TestTellsNoSecret(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, delegatingBrand)
	var (
		mu  sync.Mutex
		all = map[string]bool{password: true, clientSecret: true}
	)
	take := func(text string) {
		mu.Lock()
		defer mu.Unlock()
		for _, value := range random.FindAllString(text, -1) {
			all[value] = true
		}
	}
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		p.Server.Handler().ServeHTTP(answer, r)
		take(r.URL.RawQuery + " " + r.Header.Get("Authorization") + " " + r.Header.Get("Cookie") + " " + string(body))
		take(answer.Header().Get("Location") + " " + strings.Join(answer.Header().Values("Set-Cookie"), " ") + " " + answer.Body.String())
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}))
	t.Cleanup(between.Close)
	opts := delegatingOptions(p.Issuer)
	opts.Address, opts.Now = between.URL, p.Now
	report, err := trial.Run(t.Context(), opts)
	if err != nil || !report.Passed {
		t.Fatalf("%v: %+v", err, report)
	}
	told, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 60 {
		t.Errorf("only %d random values went over the wire", len(all))
	}
	for value := range all {
		if bytes.Contains(told, []byte(value)) {
			t.Errorf("it tells %s", value)
		}
	}
	for _, step := range report.Steps {
		if step.Outcome != standin.Passed {
			t.Errorf("%s: %s: %s", step.Name, step.Outcome, step.Found)
		}
	}
}
