package standin_test

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// The external window of a connector: what it asks of the brand.
func Example() {
	cloud, err := standin.New(standin.Options{
		Address: "http://localhost:8082", AccountID: "12345678", PageOrigins: []string{"http://localhost:8081"},
		Connectors: []standin.Connector{{ID: "messaging", ClientID: "messaging", AuthorizationEndpoint: "http://localhost:8080/authorize"}},
		Client:     http.DefaultClient, Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	mux := http.NewServeMux()
	cloud.Routes(mux)

	// The tag on the brand's page says who is there …
	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/api/account/12345678/app/tag/engagement?v=1.1", http.NoBody))
	session := strings.Split(answer.Body.String(), `"`)[3]

	// … and opens the window.
	launched, err := cloud.Launch(`{"accountId":"12345678","engConf":{"ssid":"`+session+`","connector":{"id":"messaging"}}}`, "http://localhost:8081")
	if err != nil {
		fmt.Println(err)
		return
	}
	address, err := url.Parse(launched.Address)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, name := range []string{"response_type", "client_id", "scope", "redirect_uri"} {
		fmt.Println(name, address.Query().Get(name))
	}
	// Output:
	// response_type id_token
	// client_id messaging
	// scope openid
	// redirect_uri http://localhost:8082/le_unified_window/index.html
}
