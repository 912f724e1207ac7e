package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/web/webtest"
)

// Whoever is removed between the steps of a request that is about them is not there: no
// operation calls that a fault of ours. The removal holds their row until the request
// stands at it, or has gone by.
func TestAConsumerIsRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	d, all := rowsOf(t, p)
	key := p.APIKey(nil, op.APIScopes()...)
	conn, err := pgx.Connect(t.Context(), p.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	stood := map[string]bool{}
	for id, o := range d.operations() {
		if o.method == http.MethodGet {
			continue
		}
		t.Run(id, func(t *testing.T) {
			who := somebody(t, p)
			p.Call(key, http.MethodPatch, "/consumers/"+who, `{"external_id":"`+who+`"}`).Want(http.StatusOK)
			good := all[id]
			if good.prepare == nil && good.values["client_id"] == "" {
				good.values = map[string]string{"sub": who, "external_id": who}
			}
			good.body = strings.NewReplacer("rory-sub", who, "amelia-sub", who, "crm-2", who, `:"rory"`, `:"`+who+`"`).Replace(good.body)
			r := good.request(t, p, o)
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if _, err := tx.Exec(t.Context(), "delete from consumers where sub not in ('amelia-sub', 'rory-sub')"); err != nil {
				t.Fatal(err)
			}
			answered := make(chan *webtest.Reply, 1)
			go func() { answered <- send(p, key, r) }()
			webtest.Eventually(t, "it stands or is answered", func() bool {
				stands := webtest.Query[bool](p, "select exists (select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database())")
				stood[id] = stood[id] || stands
				return stands || len(answered) > 0
			})
			if err := tx.Commit(t.Context()); err != nil {
				t.Fatal(err)
			}
			reply := <-answered
			if reply.Status >= http.StatusInternalServerError {
				t.Errorf("%s %s: %d %s", r.method, r.path, reply.Status, reply.Body)
			}
		})
	}
	for _, id := range []string{"put-password", "patch-consumer", "delete-consumer", "end-sessions", "accept-login-challenge"} {
		if !stood[id] {
			t.Errorf("%s went by without the consumer's row", id)
		}
	}
}
