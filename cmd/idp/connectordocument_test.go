package main

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// TestConnectorDocumentTellsWhatIsPasted: nobody has to say so here, only to paste.
func TestConnectorDocumentTellsWhatIsPasted(t *testing.T) {
	t.Parallel()

	i, _ := connected(t)
	withAccount := strings.Replace(brandYAML, "variant: rfc", `variant: rfc, account_id: "12345678"`, 1)

	if applied := i.run(withAccount, "apply", "-f", "-"); applied.code != 0 {
		t.Fatalf("%+v", applied)
	}

	line := func() string {
		return strings.TrimSpace(i.run("", "key", "export", "--client", "messaging-code", "--format", "one-line").stdout)
	}
	connector := standin.Connector{ID: "c", CodeFlow: true, ClientID: "messaging-code", Keys: standin.KeysPasted, PublicKey: line()}

	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)

	cloud, err := standin.New(standin.Options{
		Address: server.URL, AccountID: "12345678", Connectors: []standin.Connector{connector},
		Client: server.Client(), Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}

	cloud.Routes(mux)

	i.environ = append(i.environ, "IDP_ISSUER=http://localhost:8080",
		"IDP_CONVERSATIONAL_CLOUD_CONNECTOR_DOCUMENT_URL="+server.URL+"/api/account/{account_id}/configuration/le-connectors/all-connectors")

	i.run("", "connector", "rotate", "messaging-code", "--step", "publish")

	if early := i.run("", "connector", "rotate", "messaging-code", "--step", "activate"); early.code != 1 || !strings.Contains(early.stderr, "is not pasted yet") {
		t.Errorf("%+v", early)
	}

	led := i.talk("connector", "rotate", "messaging-code")
	connector.PublicKey = lineOf(t, led.until("Waiting until"))
	cloud.Configure(connector)

	if done := led.end(); done.code != 0 || !strings.Contains(done.stdout, "signs from now on") || line() != connector.PublicKey {
		t.Errorf("%+v", done)
	}
}
