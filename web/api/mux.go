package api

import (
	"net/http"
	"slices"
	"strings"
)

// byExternalID begins the paths that would clash with those of a consumer's parts, such
// as consumers/{sub}/sessions, if one mux had both.
const byExternalID = "/consumers/by-external-id/"

// mux leads to operations. What there is none for it answers with a problem.
type mux struct {
	base string
	// external has the paths below byExternalID.
	plain, external *http.ServeMux
	otherwise       func(w http.ResponseWriter, r *http.Request, allowed []string)
}

// HandleFunc has a pattern answered, a method and a path.
func (m *mux) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	if strings.Contains(pattern, byExternalID) {
		m.external.HandleFunc(pattern, handler)
	} else {
		m.plain.HandleFunc(pattern, handler)
	}
}

// ServeHTTP answers a request.
func (m *mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	inner := m.plain
	if strings.HasPrefix(r.URL.EscapedPath(), m.base+byExternalID) {
		inner = m.external
	}
	if _, pattern := inner.Handler(r); pattern != "" {
		inner.ServeHTTP(w, r)
		return
	}
	m.otherwise(w, r, allowed(inner, r))
}

// allowed are the methods that something is there for at the address of a request.
func allowed(inner *http.ServeMux, r *http.Request) []string {
	return slices.DeleteFunc([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		func(method string) bool {
			probe := *r
			probe.Method = method
			_, pattern := inner.Handler(&probe)
			return pattern == ""
		})
}
