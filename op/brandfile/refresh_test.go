package brandfile_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

// TestDefaultsOfRefreshTokens: a client with the grant may ask for offline_access,
// and a connector with it gets LivePerson's callbacks; a second run changes nothing.
//
//contract:2.8-callbacks
func TestDefaultsOfRefreshTokens(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	const file = `clients:
  - client_id: connector
    redirect_uris: [https://rp.example/cb]
    grant_types: [authorization_code, refresh_token]
    conversational_cloud: {variant: rfc, account_id: "1"}
  - client_id: plain
    redirect_uris: [https://rp.example/cb]
`
	apply(t, store, file, brandfile.Changes{})
	if again := apply(t, store, file, brandfile.Changes{}); !again.Diff.Empty() {
		t.Errorf("a second run changes\n%s", again.Diff)
	}
	clients, err := store.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	connector, plain := clients[0], clients[1]
	if connector.RefreshTokenLifetime != storage.Seconds(30*24*3600) || connector.Scope != "openid profile email address phone offline_access" ||
		len(connector.Callbacks()) != 2*len(liveperson.DefaultIDPDomains) {
		t.Errorf("connector %+v", connector)
	}
	if diff := cmp.Diff(liveperson.DefaultIDPDomains, connector.ConversationalCloud.IDPDomains); diff != "" {
		t.Error(diff)
	}
	if plain.RefreshTokenLifetime != 0 || plain.Scope != "openid profile email address phone" || plain.Callbacks() != nil {
		t.Errorf("plain %+v", plain)
	}
	if offline, ofItself := plain.Refreshes(); offline || ofItself {
		t.Error("refresh tokens without the grant")
	}
}
