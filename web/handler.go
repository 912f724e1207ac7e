package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"runtime/debug"
	"strings"

	"github.com/brandidp/idp/op"
)

// handler puts the protocol, the management API, the pages' files, the page script and
// the health checks together.
func handler(p *op.Provider, pages *Pages, management http.Handler, opts Options) http.Handler {
	base := p.BasePath()
	mux := http.NewServeMux()
	p.Routes(mux)
	mux.Handle(base+"/api/", management)
	mux.Handle("GET "+base+assetsPath, pages.Assets())
	mux.Handle("GET "+base+"/token-source.js", tokenSourceScript(p))
	mux.HandleFunc("GET "+base+"/token-source.d.ts", tokenSourceDeclarations)
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) { writeHealth(w, nil) })
	mux.HandleFunc("GET /health/ready", func(w http.ResponseWriter, r *http.Request) { writeHealth(w, p.Ready(r.Context())) })
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		if allowed := methodsOf(mux, r); len(allowed) > 0 {
			w.Header().Set("Allow", strings.Join(allowed, ", "))
			p.ShowError(w, r, &op.Error{
				Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "this address does not take that method",
			})
			return
		}
		p.ShowError(w, r, &op.Error{Status: http.StatusNotFound, Code: "not_found", Description: "there is no page at this address"})
	})
	return op.WithRequestID(opts.Rand, recovered(pages, opts, mux))
}

// methodsOf gives the methods that something is served for at the address of a
// request, none if nothing is. The mux would answer 405 itself if it had no
// pattern for everything else.
func methodsOf(mux *http.ServeMux, r *http.Request) []string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions} {
		probe := *r
		probe.Method = method
		if _, pattern := mux.Handler(&probe); pattern != "/" {
			allowed = append(allowed, method)
		}
	}
	return allowed
}

// recovered answers a panic with an error page. The log line bears the request
// id and where it happened, and nothing of the request.
func recovered(pages *Pages, opts Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // the request has its context
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(cause)
			}
			opts.Log.ErrorContext(r.Context(), "panic", "request_id", op.RequestID(r.Context()), "path", r.Pattern,
				"stack", string(debug.Stack()))
			pages.Error(w, r, op.ErrorPage{
				Status: http.StatusInternalServerError, Code: "server_error", Description: "something went wrong on our side",
				RequestID: op.RequestID(r.Context()),
			})
		}()
		next.ServeHTTP(w, r)
	})
}

// writeHealth answers a health check: 200, or 503 with the part that is not
// ready. The cause itself may name hosts, so it goes to the log of whoever
// failed, not here.
func writeHealth(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	health := struct {
		Status   string `json:"status"`
		NotReady string `json:"not_ready,omitempty"`
	}{Status: "ok"}
	status := http.StatusOK
	if err != nil {
		health.Status, health.NotReady = "unavailable", op.NotReadyPart(err)
		w.Header().Set("Retry-After", "5")
		status = http.StatusServiceUnavailable
	}
	body, err := json.Marshal(health)
	if err != nil { // two strings cannot fail
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
