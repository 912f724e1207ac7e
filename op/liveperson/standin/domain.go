package standin

import (
	"net/http"
	"net/url"
	"slices"
)

// services are those of the Domain API that are served here, all on one host.
var services = []string{"accountConfigReadOnly", "acCdnDomain", "idp", "smt"}

// baseURI is one line of the Domain API: where a service of the account answers.
type baseURI struct {
	Service string `json:"service"`
	Account string `json:"account"`
	BaseURI string `json:"baseURI"` // a bare host
}

// domain is the Domain API: the host of one service, or of all.
func (c *Cloud) domain(w http.ResponseWriter, r *http.Request) {
	service := r.PathValue("service")
	switch {
	case r.URL.Query().Get("version") != "1.0":
		refuse(w, &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeUnknownVersion, Message: "version must be 1.0"})
		return
	case service != "" && !slices.Contains(services, service):
		refuse(w, &RefusalError{Status: http.StatusBadRequest, InternalErrorCode: codeMalformed, Message: "there is no such service"})
		return
	}
	var host string
	if u, err := url.Parse(c.opts.Address); err == nil {
		host = u.Host
	}
	if service != "" {
		writeJSON(w, http.StatusOK, baseURI{service, c.opts.AccountID, host})
		return
	}
	var all []baseURI
	for _, name := range services {
		all = append(all, baseURI{name, c.opts.AccountID, host})
	}
	writeJSON(w, http.StatusOK, map[string]any{"baseURIs": all})
}

// allConnectors publishes the account's connectors, to anybody.
func (c *Cloud) allConnectors(w http.ResponseWriter, _ *http.Request) {
	all := []connectorDocument{}
	for _, connector := range c.Connectors() {
		all = append(all, connector.document())
	}
	writeJSON(w, http.StatusOK, all)
}
