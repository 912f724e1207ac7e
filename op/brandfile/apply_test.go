package brandfile_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
	"github.com/brandidp/idp/storage/storagetest"
)

func openStore(t *testing.T) *storage.Store {
	t.Helper()
	store, err := storage.Open(t.Context(), storage.Options{URL: storagetest.New(t), MaxConnections: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	return store
}

func parse(t *testing.T, text string) *brandfile.File {
	t.Helper()
	file, faults := brandfile.Parse("brand.yaml", []byte(text), options())
	if faults != nil {
		t.Fatal(faults)
	}
	return file
}

// makers make what the tests can tell apart; a password's hash is itself.
func makers() brandfile.Makers {
	return brandfile.Makers{
		HashPassword: func(_ context.Context, password string) (string, error) { return "hash of " + password, nil },
		SigningKey: func(alg string) (*storage.SigningKey, error) {
			return &storage.SigningKey{
				Kid: rand.Text(), Alg: alg, State: "active", PublicJWK: json.RawMessage(`{}`), PrivateSealed: []byte{1},
			}, nil
		},
		Rand: rand.Reader,
	}
}

func apply(t *testing.T, store *storage.Store, text string, changes brandfile.Changes) *brandfile.Result {
	t.Helper()
	result, err := brandfile.Apply(t.Context(), store, parse(t, text), changes, makers())
	if err != nil {
		t.Fatal(err)
	}
	return result
}

func clients(t *testing.T, store *storage.Store) map[string]*storage.Client {
	t.Helper()
	rows, err := store.Clients(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]*storage.Client{}
	for _, row := range rows {
		byID[row.ClientID] = row
	}
	return byID
}

func find(t *testing.T, store *storage.Store, identifier string) *storage.Consumer {
	t.Helper()
	c, err := store.FindConsumer(t.Context(), identifier)
	if err != nil {
		t.Fatalf("%s: %v", identifier, err)
	}
	return c
}

func TestApplyMakesTheStoreMatch(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	planned, err := brandfile.Plan(t.Context(), store, parse(t, brand), brandfile.Changes{})
	if err != nil {
		t.Fatal(err)
	}
	if len(clients(t, store)) != 0 {
		t.Error("planning has made clients")
	}
	result := apply(t, store, brand, brandfile.Changes{})
	if diff := cmp.Diff(planned, result.Diff); diff != "" {
		t.Errorf("planned and applied differ:\n%s", diff)
	}

	rows := clients(t, store)
	connector, app := rows["messaging-code"], rows["app"]
	if len(result.Secrets) != 1 || result.Secrets[0].ClientID != "messaging-code" || len(result.Secrets[0].ClientSecret) < 43 {
		t.Fatalf("secrets: %d", len(result.Secrets))
	}
	if sum := sha256.Sum256([]byte(result.Secrets[0].ClientSecret)); string(sum[:]) != string(connector.SecretSHA256) {
		t.Error("the secret shown is not the one stored")
	}
	if app.SecretSHA256 != nil || !app.Public() {
		t.Error("the public client has a secret")
	}
	if app.ClaimsPolicy != "strict" || app.Scope != "openid profile email address phone" || app.IDTokenLifetime != 3600 {
		t.Errorf("defaults: %+v", app)
	}
	keys, err := store.SigningKeys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 1 || keys[0].ClientID != connector.ID {
		t.Errorf("%d signing keys, want one of the connector", len(keys))
	}

	amelia := find(t, store, "0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10")
	for _, identifier := range []string{"amelia", "amelia@brand.example"} {
		if find(t, store, identifier).ID != amelia.ID {
			t.Errorf("%s is somebody else", identifier)
		}
	}
	if _, err := store.FindConsumer(t.Context(), "+49301234567"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("a number that is not verified signs in: %v", err)
	}
	if amelia.PasswordHash != "hash of correct horse battery" || amelia.Claims.Email != "Amelia@brand.example" {
		t.Errorf("consumer: %+v", amelia)
	}
	if rory := find(t, store, "rory"); !rory.Disabled || rory.Sub == "" || rory.PasswordHash != "" {
		t.Errorf("consumer: %+v", rory)
	}

	if again := apply(t, store, brand, brandfile.Changes{Prune: true}); !again.Diff.Empty() || again.Diff.Unchanged != 4 || again.Secrets != nil {
		t.Errorf("a second run changes:\n%s", again.Diff)
	}
	if diff := cmp.Diff(rows, clients(t, store)); diff != "" {
		t.Errorf("a second run changed clients:\n%s", diff)
	}
}

func TestApplyReturnsAbsentFieldsToTheirDefaults(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	apply(t, store, brand, brandfile.Changes{})
	before := clients(t, store)["messaging-code"]
	result := apply(t, store, `
clients:
  - client_id: messaging-code
    redirect_uris: [https://rp.example/cb]
consumers:
  - username: amelia
    password: another password
    claims: {given_name: Amy}
`, brandfile.Changes{})

	want := `update client messaging-code
  ~ claims_policy: "everything" -> "strict"
  - client_name: "Messaging, code flow"
  - conversational_cloud.account_id: "12345678"
  - conversational_cloud.js_context: "window"
  - conversational_cloud.js_method: "lpGetAuthenticationToken"
  - conversational_cloud.response_placement: "fragment"
  - conversational_cloud.token_parameter: "id_token"
  - conversational_cloud.variant: "rfc"
  ~ redirect_uris: ["https://lpcdn.lpsnmedia.net/le_unified_window/index.html","https://liveperson.net"] -> ["https://rp.example/cb"]
  ~ scope: "openid profile email offline_access" -> "openid profile email address phone"
  - web_origins: ["https://www.brand.example"]
update consumer amelia
  - claims.birthdate: "1980-04-15"
  - claims.email: "Amelia@brand.example"
  - claims.email_verified: true
  - claims.family_name: "Pond"
  ~ claims.given_name: "Amelia" -> "Amy"
  - claims.phone_number: "+49 30 1234567"
  - customer_info.balance: -400.99
  - customer_info.ctype: "vip"
  - customer_info.currency: "USD"
  - customer_info.customerId: "138766AC"
  - customer_info.loginStatus: 0
  - personal_info.age.age: 34
  - personal_info.age.day: 15
  - personal_info.age.month: 4
  - personal_info.age.year: 1980
  - personal_info.contacts: [{"email":"amelia@brand.example","phoneType":"MOBILE"}]
  - personal_info.firstname: "Amelia"
0 to create, 2 to update, 0 to delete, 0 unchanged
`
	if diff := cmp.Diff(want, result.Diff.String()); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	after := clients(t, store)
	if string(after["messaging-code"].SecretSHA256) != string(before.SecretSHA256) {
		t.Error("the secret did not stay")
	}
	if after["app"] == nil {
		t.Error("a client that the file lacks is gone")
	}
	amelia := find(t, store, "amelia")
	if amelia.Sub != "0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10" || amelia.PasswordHash != "hash of correct horse battery" {
		t.Error("sub or password did not stay")
	}
	if _, err := store.FindConsumer(t.Context(), "amelia@brand.example"); !errors.Is(err, storage.ErrNotFound) {
		t.Errorf("an address that is gone still signs in: %v", err)
	}
}

//contract:5.2-secret
func TestApplySecrets(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	first, second := strings.Repeat("a", 32), strings.Repeat("b", 32)
	for _, step := range []struct{ lines, secret, want string }{
		{"client_secret: " + first, first, "create"},
		{"client_secret: " + first, first, ""},
		{"require_pkce: true", first, "  + require_pkce: true"},
		{"client_secret: " + second, second, `  ~ client_secret: "********" -> "********"`},
	} {
		result := apply(t, store, client(step.lines), brandfile.Changes{})
		if text := result.Diff.String(); !strings.Contains(text, step.want) || strings.Contains(text, first) || strings.Contains(text, second) {
			t.Errorf("%.20s: difference\n%s", step.lines, text)
		}
		sum := sha256.Sum256([]byte(step.secret))
		if string(clients(t, store)["rp"].SecretSHA256) != string(sum[:]) || result.Secrets != nil {
			t.Errorf("%.20s: not the secret of the file", step.lines)
		}
	}
}

// A client that becomes a connector gets its key then.
//
//contract:1.6-one-key
func TestApplyMakesOneKeyForAConnector(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	const connector = "conversational_cloud: {variant: rfc}"
	for _, step := range []struct {
		file string
		keys int
	}{{client(), 0}, {client(connector), 1}, {client(connector), 1}, {client(), 1}, {client(connector), 1}} {
		apply(t, store, step.file, brandfile.Changes{})
		if keys, err := store.SigningKeys(t.Context()); err != nil || len(keys) != step.keys {
			t.Errorf("%d keys, want %d; %v", len(keys), step.keys, err)
		}
	}
}

func TestApplyPrunesClientsAlone(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	apply(t, store, brand, brandfile.Changes{})

	_, err := brandfile.Plan(t.Context(), store, parse(t, "consumers: []"), brandfile.Changes{Prune: true})
	if faults, refused := errors.AsType[brandfile.Faults](err); !refused || faults[0].Field != "clients" {
		t.Errorf("pruning by a file without clients: %v", err)
	}

	result := apply(t, store, client(), brandfile.Changes{Prune: true})
	if got, want := result.Diff.String(), "1 to create, 0 to update, 2 to delete, 0 unchanged"; !strings.Contains(got, want) {
		t.Errorf("difference:\n%s", got)
	}
	if rows := clients(t, store); len(rows) != 1 || rows["rp"] == nil {
		t.Errorf("%d clients are left", len(rows))
	}
	find(t, store, "amelia")
}

func TestApplyResetsPasswordsOnRequest(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	apply(t, store, consumer("password: first password"), brandfile.Changes{})
	for _, step := range []struct {
		reset bool
		want  string
	}{{false, "hash of first password"}, {true, "hash of second password"}} {
		result := apply(t, store, consumer("password: second password"), brandfile.Changes{ResetPasswords: step.reset})
		if got := find(t, store, "amelia").PasswordHash; got != step.want {
			t.Errorf("password hash is %q, want %q", got, step.want)
		}
		if text := result.Diff.String(); strings.Contains(text, "********") != step.reset || strings.Contains(text, "second") {
			t.Errorf("difference:\n%s", text)
		}
	}
}

func TestApplyRefusesAndChangesNothing(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	apply(t, store, brand, brandfile.Changes{})
	err := store.Administer(t.Context(), func(tx *storage.Tx) error {
		return tx.InsertConsumer(t.Context(), &storage.Consumer{Username: "river", ManagedBy: "api"},
			[]storage.Identifier{{Value: "river", Kind: "username"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, consumers, want string }{
		{"another's address", "- {username: new, claims: {email: AMELIA@brand.example, email_verified: true}}", "consumers[1].claims.email"},
		{"another's name", "- {sub: new, username: amelia}", "consumers[1].username"},
		{"a name of the management API's", "- {username: river}", "consumers[1].username"},
		{
			"one consumer twice",
			"- {sub: 0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10}\n  - {username: amelia}", "consumers[2]",
		},
	} {
		text := "clients: [{client_id: new, redirect_uris: [https://rp.example/cb]}]\nconsumers:\n  - {username: before}\n  " + test.consumers + "\n"
		_, err := brandfile.Apply(t.Context(), store, parse(t, text), brandfile.Changes{}, makers())
		faults, refused := errors.AsType[brandfile.Faults](err)
		if !refused || len(faults) != 1 || faults[0].Field != test.want || faults[0].Line < 4 {
			t.Errorf("%s: %v", test.name, err)
		}
		if _, err := store.FindConsumer(t.Context(), "before"); !errors.Is(err, storage.ErrNotFound) || clients(t, store)["new"] != nil {
			t.Errorf("%s: something was changed: %v", test.name, err)
		}
	}
}

// What fails in the middle of the transaction leaves nothing behind.
func TestApplyIsAllOrNothing(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	broken := makers()
	boom := errors.New("boom")
	broken.Rand = iotest.ErrReader(boom) // the public client has been written when the other's secret is made
	text := "clients:\n  - {client_id: a, token_endpoint_auth_method: none, redirect_uris: [https://rp.example/cb]}\n" +
		"  - {client_id: b, redirect_uris: [https://rp.example/cb]}\n"
	if _, err := brandfile.Apply(t.Context(), store, parse(t, text), brandfile.Changes{}, broken); !errors.Is(err, boom) {
		t.Errorf("err = %v", err)
	}
	if rows := clients(t, store); len(rows) != 0 {
		t.Errorf("%d clients are left", len(rows))
	}
}

func TestApplyWithoutStore(t *testing.T) {
	t.Parallel()
	store, err := storage.Open(t.Context(), storage.Options{URL: "postgres://nobody@127.0.0.1:1/none"})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	if _, err := brandfile.Plan(t.Context(), store, parse(t, brand), brandfile.Changes{}); !errors.Is(err, storage.ErrUnavailable) {
		t.Errorf("err = %v", err)
	}
}

// Two runs at once agree: one makes everything, the other finds it made.
func TestApplyTwiceAtOnce(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	results := make(chan error, 2)
	for range cap(results) {
		file := parse(t, brand)
		go func() {
			_, err := brandfile.Apply(t.Context(), store, file, brandfile.Changes{}, makers())
			results <- err
		}()
	}
	for range cap(results) {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if keys, err := store.SigningKeys(t.Context()); err != nil || len(keys) != 1 {
		t.Errorf("%d keys; %v", len(keys), err)
	}
}
