package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

const (
	// generated is how many requests are made up for an operation, with one seed.
	generated = 50
	// again is after how many of them what they are about is made anew: it may be gone.
	again = 10
)

// TestGeneratedRequestsAreAnsweredAsDocumented makes requests up for every operation,
// valid ones and others. Each answer has to be one that the document has for the
// operation, none may be a fault on our side, and no problem repeats what was sent.
//
// The seed is always the same; IDP_TEST_PROPERTY=10m goes on with the next ones for that
// long (and go test needs a -timeout that is longer).
func TestGeneratedRequestsAreAnsweredAsDocumented(t *testing.T) {
	t.Parallel()
	var during time.Duration
	if text := os.Getenv("IDP_TEST_PROPERTY"); text != "" {
		var err error
		if during, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
	}
	until := time.Now().Add(during)
	for seed := uint64(1); ; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { ask(t, seed) })
		if t.Failed() || !time.Now().Before(until) {
			return
		}
	}
}

// ask asks a provider for everything.
func ask(t *testing.T, seed uint64) {
	p := webtest.Start(t, nil, brand)
	d, all := rowsOf(t, p)
	operations := d.operations()
	for id, good := range all { // none has been changed yet
		wantSuccess(t, send(p, p.APIKey(nil, operations[id].scopes...), good.request(t, p, operations[id])), id)
	}
	for id, good := range all {
		t.Run(id, func(t *testing.T) {
			t.Parallel()
			a := &asker{t: t, p: p, document: d, operation: operations[id], key: p.APIKey(nil, op.APIScopes()...), statuses: map[int]int{}}
			hash := fnv.New64()
			_, _ = hash.Write([]byte(id))
			g := &generator{Rand: rand.New(rand.NewPCG(seed, hash.Sum64())), schemas: d.Components.Schemas}
			var values map[string]string
			for i := range generated {
				if i%again == 0 {
					values = good.place(t, p)
				}
				a.send(g.request(a.operation, good, values))
			}
			t.Logf("statuses %v", a.statuses)
			if a.statuses[http.StatusTooManyRequests] > 0 {
				t.Error("there were too many requests to learn anything")
			}
		})
	}
}

// asker asks for one operation.
type asker struct {
	t         *testing.T
	p         *webtest.Provider
	document  *document
	operation *operation
	key       string
	statuses  map[int]int // how often each was the answer
}

func (a *asker) send(s sent) {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), a.operation.method, a.p.Address+"/api/v1"+a.operation.at(s.values), bytes.NewReader(s.body))
	if err != nil {
		a.t.Fatal(err)
	}
	request.URL.RawQuery = s.query.Encode()
	request.Header = s.header
	request.Header.Set("Authorization", "Bearer "+a.key)
	response, err := a.p.Browser(a.t).Client.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // read whole
	body, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	a.statuses[response.StatusCode]++
	faults := a.document.check(a.operation, request, response, body)
	if response.StatusCode >= http.StatusInternalServerError {
		faults = append(faults, "it is a fault on our side: "+a.logged(body))
	}
	if response.StatusCode >= http.StatusBadRequest && s.marked() && bytes.Contains(bytes.ToLower(body), []byte(marker)) {
		faults = append(faults, "it repeats what was sent")
	}
	if response.Header.Get("Cache-Control") != "no-store" {
		faults = append(faults, "it may be stored")
	}
	if faults != nil {
		a.t.Errorf("%s %s\n%v\n%.2000q\nis answered with %d\n%.2000s\n%s",
			request.Method, request.URL, s.header, s.body, response.StatusCode, body, strings.Join(faults, "\n"))
	}
}

// marked says that the marker is in the request; it may have become the name of a client
// by another one, and is told as such.
func (s sent) marked() bool {
	whole := fmt.Sprint(s.values, s.query, s.header) + string(s.body)
	return strings.Contains(strings.ToLower(whole), marker)
}

// logged is what was logged of the request that a problem is the answer to.
func (a *asker) logged(problem []byte) string {
	var told struct {
		RequestID string `json:"request_id"`
	}
	if err := json.Unmarshal(problem, &told); err != nil || told.RequestID == "" {
		return "it bears no request_id"
	}
	var lines []string
	for line := range strings.Lines(a.p.Log.String()) {
		if strings.Contains(line, told.RequestID) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}
