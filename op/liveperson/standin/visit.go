package standin

import (
	"encoding/json"
	"net/http"
	"sync"

	"github.com/brandidp/idp/op/liveperson"
)

// acrAnonymous is the acr of somebody whom nobody vouches for.
const acrAnonymous = "0"

// Identity is who a page says is there. It identifies and proves nothing.
type Identity struct {
	Issuer  string `json:"iss"`
	ACR     string `json:"acr"`
	Subject string `json:"sub"`
}

// visit is one visitor on one page.
type visit struct {
	visitor  string
	identity *Identity // nil if the page named nobody
	// page is Customer Info and Personal Info as the page said it, which nobody
	// vouches for.
	page []liveperson.SDE

	mu   sync.Mutex
	sent string // what the latest external window is to get back: state, or its configuration
}

func (v *visit) send(text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.sent = text
}

func (v *visit) sentBack(text string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.sent == text
}

// engage takes down what the page's identity functions named, and its engagement
// attributes, as the cloud's tag and its Monitoring API do.
func (c *Cloud) engage(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Identities []Identity        `json:"identities"`
		Attributes []json.RawMessage `json:"engagementAttributes"`
	}
	if refusal := readJSON(w, r, &request); refusal != nil {
		refuse(w, refusal)
		return
	}
	v := &visit{visitor: c.newID()}
	if len(request.Identities) > 0 {
		v.identity = &request.Identities[0]
	}
	for _, attribute := range request.Attributes {
		var sde liveperson.SDE // of the other types nothing is shown here
		if json.Unmarshal(attribute, &sde) == nil && (sde.Info != nil || sde.Personal != nil) {
			v.page = append(v.page, sde)
		}
	}
	session := c.newID()
	c.visits.put(session, v)
	writeJSON(w, http.StatusOK, map[string]string{"sessionId": session, "visitorId": v.visitor})
}
