package demo_test

import (
	"context"
	"crypto/rand"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/op/liveperson/standin"
	"github.com/brandidp/idp/web"
	"github.com/brandidp/idp/web/demo"
	"github.com/brandidp/idp/web/webtest"
)

// stage is the three parties of a demonstration, started for one test, each under
// a name of its own: the brand and its provider on one site, or on two.
type stage struct {
	demo.Addresses
	Provider *webtest.Provider
	Secrets  demo.Secrets
	Cloud    *standin.Cloud
	// returns are the queries that the external window was led back with.
	returns *returns
}

type returns struct {
	sync.Mutex

	queries []url.Values
}

// record keeps what a server sees of the answers to the external window.
func (r *returns) record(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if query := request.URL.Query(); request.URL.Path == standin.WindowPath && (len(query) == 0 || query.Has(standin.WindowReturnParameter)) {
			r.Lock()
			r.queries = append(r.queries, query)
			r.Unlock()
		}
		next.ServeHTTP(w, request)
	})
}

// The names of the parties. To a browser, the first two are of one site.
const (
	providerName   = "id.larkspur.localhost"
	brandName      = "www.larkspur.localhost"
	otherBrandName = "www.larkspur-mobile.localhost"
	cloudName      = "cloud.conversation.localhost"
)

// open starts a site whose address is known before its handler.
func open(t *testing.T, name string) (*httptest.Server, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	t.Cleanup(server.Close)
	return server, strings.Replace("http://"+server.Listener.Addr().String(), "127.0.0.1", name, 1)
}

// loopback reaches every name on this machine, as a browser does those below
// localhost.
func loopback() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
	}
	return transport
}

// browser is one without JavaScript.
func (s *stage) browser(t *testing.T) *webtest.Browser {
	t.Helper()
	b := s.Provider.Browser(t)
	b.Client.Transport = loopback()
	return b
}

func start(t *testing.T) *stage {
	t.Helper()
	return startAt(t, brandName, func(brandFile string) string { return brandFile })
}

// startAt starts them with the brand's site under a name, and with a changed brand
// file, and a provider of other signers than the tests', if any.
func startAt(t *testing.T, brand string, change func(brandFile string) string, signers ...*keys.Signers) *stage {
	t.Helper()
	s := &stage{returns: &returns{}, Provider: webtest.Start(t, func(opts *web.Options) {
		opts.Issuer = strings.Replace(opts.Issuer, "localhost", providerName, 1)
		for _, others := range signers {
			opts.Signers = others
		}
	})}
	brandServer, brandAddress := open(t, brand)
	cloudServer, cloudAddress := open(t, cloudName)
	s.Addresses = demo.Addresses{Provider: s.Provider.Issuer, Brand: brandAddress, Cloud: cloudAddress}
	var err error
	if s.Secrets, err = demo.MakeSecrets(rand.Reader); err != nil {
		t.Fatal(err)
	}
	file, err := demo.BrandFile(s.Addresses, s.Secrets, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.Provider.Apply(change(string(file)))
	connectors, err := demo.Connectors(s.Secrets, func(clientID string) ([]liveperson.ConnectorField, error) {
		return s.fields(t, clientID), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Timeout: 10 * time.Second, Transport: loopback()}
	s.Cloud, err = standin.New(standin.Options{
		Address: cloudAddress, AccountID: demo.AccountID, Connectors: connectors, PageOrigins: []string{brandAddress},
		Client: client, Now: s.Provider.Now, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := demo.NewCloud(s.Cloud, s.Addresses, connectors)
	if err != nil {
		t.Fatal(err)
	}
	cloudServer.Config.Handler = s.returns.record(cloud)
	cloudServer.Start()
	brandServer.Config.Handler, err = demo.NewBrand(t.Context(), demo.BrandOptions{
		Addresses: s.Addresses, Secrets: s.Secrets, Client: client, Now: s.Provider.Now, Rand: rand.Reader,
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
				Settings: client.ConversationalCloud, ClientID: clientID, CodeFlow: client.Allows("code"), ImplicitFlow: client.Allows("id_token"), RequirePKCE: client.RequirePKCE,
				Issuer: issuer, AuthorizationEndpoint: issuer + "/authorize", TokenEndpoint: issuer + "/token",
				JWKSEndpoint: issuer + "/jwks/" + clientID + ".json", PublicKey: public,
			}.ConnectorFields()
		}
	}
	t.Fatalf("no client %s with a key of its own", clientID)
	return nil
}
