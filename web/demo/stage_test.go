package demo_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web/demo"
	"github.com/brandidp/idp/web/webtest"
)

// stage is the three parties of a demonstration, started for one test.
type stage struct {
	demo.Addresses

	Provider *webtest.Provider
	Secrets  demo.Secrets
	Cloud    *standin.Cloud
}

// open starts a site at an address on localhost that is known before its handler.
func open(t *testing.T) (*httptest.Server, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	return server, strings.Replace("http://"+server.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
}

func start(t *testing.T) *stage {
	t.Helper()
	s := &stage{Provider: webtest.Start(t, nil)}
	brandServer, brandAddress := open(t)
	cloudServer, cloudAddress := open(t)
	s.Addresses = demo.Addresses{Provider: s.Provider.Issuer, Brand: brandAddress, Cloud: cloudAddress}
	var err error
	if s.Secrets, err = demo.MakeSecrets(rand.Reader); err != nil {
		t.Fatal(err)
	}
	file, err := demo.BrandFile(s.Addresses, s.Secrets)
	if err != nil {
		t.Fatal(err)
	}
	s.Provider.Apply(string(file))
	connectors, err := demo.Connectors(s.Secrets, func(clientID string) ([]liveperson.ConnectorField, error) {
		return s.fields(t, clientID), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 10 * time.Second}
	s.Cloud, err = standin.New(standin.Options{
		Address: cloudAddress, AccountID: demo.AccountID, Connectors: connectors, PageOrigins: []string{brandAddress},
		Client: client, Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	if cloudServer.Config.Handler, err = demo.NewCloud(s.Cloud, s.Addresses, connectors); err != nil {
		t.Fatal(err)
	}
	cloudServer.Start()
	brandServer.Config.Handler, err = demo.NewBrand(t.Context(), demo.BrandOptions{
		Addresses: s.Addresses, Secrets: s.Secrets, Client: client, Now: time.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	brandServer.Start()
	return s
}

// fields are those of the connector's form for a client.
func (s *stage) fields(t *testing.T, clientID string) []liveperson.ConnectorField {
	t.Helper()
	snapshot, err := s.Provider.Store.ReadSnapshot(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, client := range snapshot.Clients {
		if client.ClientID != clientID {
			continue
		}
		for _, key := range snapshot.Keys {
			if key.ClientID != client.ID {
				continue
			}
			public, err := keys.OneLine(key.PublicJWK)
			if err != nil {
				t.Fatal(err)
			}
			issuer := s.Provider.Issuer
			return liveperson.Registration{
				Settings: client.ConversationalCloud, ClientID: clientID, CodeFlow: client.Allows("code"), ImplicitFlow: client.Allows("id_token"),
				Issuer: issuer, AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token",
				JWKSEndpoint: issuer + "/jwks/" + clientID + ".json", PublicKey: public,
			}.ConnectorFields()
		}
	}
	t.Fatalf("no client %s with a key of its own", clientID)
	return nil
}
