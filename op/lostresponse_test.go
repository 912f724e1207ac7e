package op_test

import (
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/webtest"
)

// writing is a way of a request that writes. Once the writing is committed, the answer
// may be lost all the same; then whoever has sent it sends it again.
type writing struct {
	name  string
	route string // it is sent to
	// anew: each request is given something of its own. What was lost is nobody's then,
	// since nobody has its value. Any other request is given the same again, or nothing.
	anew bool
	// ends: sent again, it ends what it gave, rather than giving it again.
	ends bool
	// proven: it bears an assertion of its client, which is good for one request.
	proven bool
	// spare is the commit that the answer does not depend on, counted from 1.
	spare int
	// begin prepares what comes before it.
	begin func(s *scene) sending
}

// scene is where something is written.
type scene struct {
	t *testing.T
	p *webtest.Provider
	b *webtest.Browser // in which Amelia is signed in
}

// sending is a request that is to be sent.
type sending struct {
	b *webtest.Browser
	// request makes it. What a client makes afresh each time is another each time.
	request func() *http.Request
	// done checks what came of it in the end.
	done func(o ending)
}

// ending is how a request went that was sent until there was an answer.
type ending struct {
	// lost is the answer that was lost on its way to who asked; nil if it was not.
	lost *webtest.Page
	// taken tells that the last commit was done before the answer was lost.
	taken bool
	// answer is what came in the end.
	answer *webtest.Page
}

// TestALostAnswer loses the answer to each request that writes: on its way to whoever
// asked, and that to each of its commits on the way from PostgreSQL. The request is
// sent again, comes to its end, and nothing was issued twice.
func TestALostAnswer(t *testing.T) {
	t.Parallel()
	for _, w := range writings() {
		t.Run(w.route+", "+w.name, func(t *testing.T) {
			t.Parallel()
			w.test(t)
		})
	}
}

func (w writing) test(t *testing.T) {
	t.Helper()
	p := webtest.Start(t, func(o *web.Options) { o.RefreshGrace = time.Minute }, brand, refreshBrand, retryBrand, backendBrand(t), hearing)
	s := &scene{t: t, p: p}

	// As it is when nothing is lost.
	sent := w.prepare(s)
	before := stateOf(p)
	p.Counts.Take()
	request := sent.request()
	if got := request.Method + " " + strings.TrimPrefix(request.URL.Path, "/"); got != strings.Replace(w.route, "/", "", 1) {
		t.Fatalf("it is sent to %s", got)
	}
	answer := sent.b.Do(request)
	_, commits, _ := p.Counts.Take()
	if commits == 0 {
		t.Fatalf("nothing is written\n%s", answer.Body)
	}
	once := stateOf(p).since(before)
	sent.done(ending{answer: answer})

	t.Run("to who asked", func(t *testing.T) {
		s.t = t
		sent := w.prepare(s)
		before := stateOf(p)
		request := sent.request()
		lost := sent.b.Lose(request.Clone(t.Context()))
		w.again(s, sent, once, before, ending{lost: lost, taken: true}, request)
	})
	for n := range commits {
		t.Run(fmt.Sprintf("to commit %d of %d", n+1, commits), func(t *testing.T) {
			s.t = t
			sent := w.prepare(s)
			before := stateOf(p)
			request := sent.request()
			happened := p.Counts.LoseCommit(n + 1)
			answer := sent.b.Do(request)
			if !happened() {
				t.Fatalf("no answer was lost: status %d\n%s", answer.Status, answer.Body)
			}
			if n+1 == w.spare {
				sent.done(ending{answer: answer})
				return
			}
			wantTryAgain(t, answer)
			w.again(s, sent, once, before, ending{taken: n+1 == commits}, request)
		})
	}
}

func (w writing) prepare(s *scene) sending {
	s.b = amelia(s.t, s.p)
	sent := w.begin(s)
	if sent.b == nil {
		sent.b = s.b
	}
	return sent
}

// again sends a request again whose answer was lost, and checks what was issued in all.
func (w writing) again(s *scene, sent sending, once, before state, o ending, request *http.Request) {
	s.t.Helper()
	first := stateOf(s.p)
	if w.proven {
		same := request.Clone(s.t.Context())
		same.Body, _ = request.GetBody()
		wantWire(s.t, sent.b.Do(same), http.StatusUnauthorized, "invalid_client")
	}
	o.answer = sent.b.Do(sent.request())
	all := stateOf(s.p)
	for _, table := range tablesThatIssue {
		total := all.since(before).Issued[table]
		switch lost, now, want := first.since(before).Issued[table], all.since(first).Issued[table], once.Issued[table]; {
		case !w.anew && total != want:
			s.t.Errorf("%d %s were issued, want %d", total, table, want)
		case lost > want || now > want || total < want:
			s.t.Errorf("%d %s were issued by the request whose answer was lost and %d by the next; one that is not lost issues %d", lost, table, now, want)
		}
	}
	if got := all.since(before).Rows; !w.anew && !w.ends && !maps.Equal(got, once.Rows) {
		s.t.Errorf("rows: %v; if nothing is lost %v", got, once.Rows)
	}
	if got := all.since(before).Rows; w.ends && o.taken && got["access_tokens"]+got["refresh_families"] != 0 {
		s.t.Errorf("tokens are left that were issued: %v", got)
	}
	sent.done(o)
}

// wantTryAgain checks that whoever asks is told to ask again, and of nothing else.
func wantTryAgain(t *testing.T, page *webtest.Page) {
	t.Helper()
	if page.Target() != "" {
		wantError(t, page, "temporarily_unavailable")
		return
	}
	if page.Status != http.StatusServiceUnavailable || page.Header.Get("Retry-After") == "" || !strings.Contains(page.Body, "temporarily_unavailable") {
		t.Errorf("status %d, Retry-After %q\n%s", page.Status, page.Header.Get("Retry-After"), page.Body)
	}
}

// tablesThatIssue are those in which a row is something that was issued, or is to be
// told to somebody. Their ids count what was issued, whatever has become of it.
var tablesThatIssue = []string{"authorization_codes", "access_tokens", "refresh_families", "sessions", "logout_notices"}

// state is what has been issued so far, and what there is, by table.
type state struct{ Issued, Rows map[string]int }

// stateSQL reads a state in one go.
var stateSQL = func() string {
	var issued, rows []string
	for _, table := range tablesThatIssue {
		issued = append(issued, "'"+table+"', coalesce(pg_sequence_last_value(pg_get_serial_sequence('"+table+"', 'id')::regclass), 0)")
	}
	for _, table := range append([]string{"consents", "session_clients", "refresh_successors"}, tablesThatIssue...) {
		rows = append(rows, "'"+table+"', (select count(*) from "+table+")")
	}
	return "select jsonb_build_object('Issued', jsonb_build_object(" + strings.Join(issued, ", ") + "), 'Rows', jsonb_build_object(" + strings.Join(rows, ", ") + "))"
}()

func stateOf(p *webtest.Provider) state { return webtest.Query[state](p, stateSQL) }

// since is what has been added, and taken away, since before.
func (s state) since(before state) state {
	out := state{maps.Clone(s.Issued), maps.Clone(s.Rows)}
	for table, n := range before.Issued {
		out.Issued[table] -= n
	}
	for table, n := range before.Rows {
		out.Rows[table] -= n
	}
	return out
}

// TestWhatDoesNotWrite sends a request to each route that TestALostAnswer leaves out.
func TestWhatDoesNotWrite(t *testing.T) {
	t.Parallel()
	p := webtest.Start(t, nil, brand)
	b := amelia(t, p)
	token := silent(t, b, implicitRequest("response_type", "id_token token")).Get("access_token")
	asks := func(method, address string, headers ...string) *http.Request {
		return b.RawRequest(method, address, "", "", headers...)
	}
	reading := map[string]*http.Request{
		"GET /.well-known/openid-configuration": asks("GET", "/.well-known/openid-configuration"),
		"GET /jwks.json":                        asks("GET", "/jwks.json"),
		"GET /jwks/{file}":                      asks("GET", "/jwks/messaging.json"),
		"OPTIONS /token":                        asks("OPTIONS", "/token", "Origin", pageOrigin),
		"OPTIONS /revoke":                       asks("OPTIONS", "/revoke", "Origin", pageOrigin),
		"OPTIONS /userinfo":                     asks("OPTIONS", "/userinfo", "Origin", pageOrigin),
		"OPTIONS /token-source":                 asks("OPTIONS", "/token-source", "Origin", messagingOrigin),
		"GET /userinfo":                         asks("GET", "/userinfo", "Authorization", "Bearer "+token),
		"POST /userinfo":                        asks("POST", "/userinfo", "Authorization", "Bearer "+token),
		"HEAD /continue-login":                  asks("HEAD", "/continue-login?login_verifier=x"),
		"HEAD /continue-logout":                 asks("HEAD", "/continue-logout?logout_verifier=x"),
		"GET /consents":                         asks("GET", "/consents"),
		"GET /assets/":                          asks("GET", "/assets/style.0123456789abcdef.css"),
		"GET /token-source.js":                  asks("GET", "/token-source.js?client_id=messaging"),
		"GET /token-source.d.ts":                asks("GET", "/token-source.d.ts"),
		"GET /health/live":                      asks("GET", "/health/live"),
		"GET /health/ready":                     asks("GET", "/health/ready"),
		"/api/":                                 asks("GET", "/api/openapi.json"), // its operations: package api's tests
		"/":                                     asks("GET", "/nothing"),
	}
	for route, request := range reading {
		p.Counts.Take()
		page := b.Do(request)
		if (page.Status >= http.StatusBadRequest) != (route == "/" || strings.HasPrefix(route, "HEAD ")) {
			t.Errorf("%s: status %d\n%s", route, page.Status, page.Body)
		}
		if _, commits, statements := p.Counts.Take(); commits > 0 {
			t.Errorf("%s writes: %s", route, statements)
		}
	}
	// What a verifier opens it opens once: TestALostAnswerAfterTheBrandsLogin.
	written := map[string]bool{"GET /continue-login": true, "GET /continue-logout": true}
	for _, w := range writings() {
		written[w.route] = true
	}
	for _, route := range registered(t) {
		if written[route] == (reading[route] != nil) {
			t.Errorf("%s belongs either to what writes, or to what does not", route)
		}
		delete(written, route)
		delete(reading, route)
	}
	if len(written)+len(reading) > 0 {
		t.Errorf("no such routes: %v, %v", written, slices.Collect(maps.Keys(reading)))
	}
}

// registered gives the routes of the provider, without the issuer's path, as they
// stand where they are hung up: a mux does not tell.
func registered(t *testing.T) []string {
	t.Helper()
	names := map[string]string{
		"endpointToken": "/token", "endpointIntrospect": "/introspect", "endpointRevoke": "/revoke", "assetsPath": "/assets/", "base": "",
		"pathContinueLogin": "/continue-login", "pathContinueLogout": "/continue-logout",
	}
	var routes []string
	for _, file := range []string{"routes.go", "../web/handler.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		calls := regexp.MustCompile(`mux\.Handle(?:Func)?\(([^,]+),`).FindAllStringSubmatch(string(source), -1)
		if len(calls) != strings.Count(string(source), "mux.Handle")-strings.Count(string(source), "mux.Handler(") {
			t.Errorf("%s: not every route can be read", file)
		}
		for _, call := range calls {
			route := ""
			for part := range strings.SplitSeq(call[1], "+") {
				text, isText := strings.CutPrefix(part, `"`)
				if name, known := names[part]; known {
					text = name
				} else if !isText {
					t.Errorf("%s: what is %s?", file, part)
				}
				route += strings.TrimSuffix(text, `"`)
			}
			routes = append(routes, route)
		}
	}
	return routes
}
