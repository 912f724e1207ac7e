package op

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/brandidp/idp/storage"
)

// modeWebMessage is the mode of the OAuth 2.0 Web Message Response Mode draft:
// a page of ours posts the response to the window that opened it, or to the page
// that frames it. It serves pages of another site than ours, which get no cookie
// of ours along with what they fetch. It is switched on client by client.
//
// No page of a sign-in may ever send a Cross-Origin-Opener-Policy: it would cut
// the pop-up off from its opener. Nor may the opener's, but for
// same-origin-allow-popups.
const modeWebMessage = "web_message"

// webMessage is what is posted (Web Message Response Mode draft, 4.1).
type webMessage struct {
	Type     string            `json:"type"`
	Response map[string]string `json:"response"`
}

// WebMessageAddresses gives for each origin whose pages may ask for messages the
// redirect address by which they ask, none for a client without the mode.
func WebMessageAddresses(client *storage.Client) map[string]string {
	addresses := map[string]string{}
	for _, address := range client.RedirectURIs {
		if origin, ok := client.WebMessageOrigin(address); ok && addresses[origin] == "" {
			addresses[origin] = address
		}
	}
	return addresses
}

// sendWebMessage answers with the page that posts the response. Where to is the
// client's registration alone: nothing of the request, its Referer or its opener
// has a say.
func (p *Provider) sendWebMessage(w http.ResponseWriter, r *http.Request, client *storage.Client, request *authRequest, a answer) {
	origin, ok := client.WebMessageOrigin(request.RedirectURI)
	if !ok { // refused before; without a target nothing may leave
		p.ShowError(w, r, errWebMessage)
		return
	}
	message := webMessage{Type: "authorization_response", Response: map[string]string{}}
	for _, param := range p.whole(request, a) {
		message.Response[param.name] = param.value
	}
	body, err := json.Marshal(message)
	if err != nil {
		p.ShowError(w, r, asError(fmt.Errorf("write web message: %w", err)))
		return
	}
	p.opts.Pages.WebMessage(w, r, WebMessagePage{
		Origin: origin, Message: string(body), Framed: request.prompts(promptNone),
		ClientName: client.ClientName, UILocales: request.UILocales,
	})
}

var errWebMessage = invalidRequest("response_mode web_message is not switched on for this client, or the origin of redirect_uri is not one of its web_origins")
