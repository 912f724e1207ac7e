package api_test

import (
	"sync"
	"testing"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

// TestEachProblemHasItsOwnRequestID: of those that come at once, too.
func TestEachProblemHasItsOwnRequestID(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	key := p.APIKey(nil, op.ScopeConsumersRead)
	var (
		wait sync.WaitGroup
		mu   sync.Mutex
		ids  = map[string]bool{}
	)
	const requests = 40
	for range requests {
		wait.Go(func() {
			var got problem
			p.Call(key, "GET", "/consumers/nobody", nil).Into(&got)
			mu.Lock()
			defer mu.Unlock()
			ids[got.RequestID] = true
		})
	}
	wait.Wait()
	if len(ids) != requests {
		t.Errorf("%d ids of %d requests", len(ids), requests)
	}
}
