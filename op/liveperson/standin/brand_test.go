package standin_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/brandidp/idp/op/liveperson/standin"
)

const (
	account  = "12345678"
	clientID = "messaging"
	secret   = "correct horse battery staple, in full"
	subject  = "0b6c3d52-8f7e-4d6b-9a7c-3f1e2d4c5b6a"
	origin   = "https://www.brand.example"
)

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// testKeys are made once: making them is what takes time.
var testKeys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var keys [2]*rsa.PrivateKey
	for i := range keys {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		keys[i] = key
	}
	return keys
})

// brand is a provider of a few lines, which can be told to do wrong.
type brand struct {
	*httptest.Server

	t     *testing.T
	cloud *standin.Cloud
	api   *httptest.Server
	later *atomic.Int64 // how far the cloud's clock is ahead of now
	// jwks and answer are what the endpoints say.
	jwks   func(w http.ResponseWriter)
	answer func(w http.ResponseWriter, r *http.Request)
}

func oneLine(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(der)
}

func keySet(kid string, key *rsa.PrivateKey) jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: kid, Algorithm: "RS256", Use: "sig"}}}
}

// newBrand starts a brand and a stand-in with its connectors, "implicit" and
// "code". change, if not nil, edits them first.
func newBrand(t *testing.T, change func(*standin.Connector)) *brand {
	t.Helper()
	b := &brand{t: t, later: new(atomic.Int64)}
	b.jwks = func(w http.ResponseWriter) { _ = json.NewEncoder(w).Encode(keySet("first", testKeys()[0])) }
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jwks/messaging.json", func(w http.ResponseWriter, _ *http.Request) { b.jwks(w) })
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) { b.answer(w, r) })
	b.Server = httptest.NewServer(mux)
	t.Cleanup(b.Close)
	implicit := standin.Connector{
		ID: "implicit", Issuer: b.URL, AuthorizationEndpoint: b.URL + "/authorize", ClientID: clientID,
		JWKSEndpoint: b.URL + "/jwks/messaging.json", PublicKey: oneLine(t, testKeys()[0]),
	}
	code := implicit
	code.ID, code.CodeFlow, code.TokenEndpoint, code.ClientSecret = "code", true, b.URL+"/token", secret
	if change != nil {
		change(&implicit)
		change(&code)
	}
	mux = http.NewServeMux()
	b.api = httptest.NewServer(mux)
	t.Cleanup(b.api.Close)
	cloud, err := standin.New(standin.Options{
		Address: b.api.URL, AccountID: account, Connectors: []standin.Connector{implicit, code}, PageOrigins: []string{origin},
		Client: b.Client(), Now: func() time.Time { return now.Add(time.Duration(b.later.Load())) }, Rand: rand.Reader,
	})
	if err != nil {
		t.Fatal(err)
	}
	cloud.Routes(mux)
	b.cloud = cloud
	return b
}

// in has a subtest's failures reported there.
func (b *brand) in(t *testing.T) *brand {
	t.Helper()
	copied := *b
	copied.t = t
	return &copied
}

// goodClaims are those of a token that passes every check.
func (b *brand) goodClaims() map[string]any {
	return map[string]any{
		"iss": b.URL, "sub": subject, "aud": clientID, "iat": now.Unix() - 5, "exp": now.Unix() + 3600,
		"given_name": "Amelia", "family_name": "Pond", "email": "amelia@brand.example", "phone_number": "+441632960000",
		"lp_sdes": []any{
			map[string]any{"type": "ctmrinfo", "info": map[string]any{
				"ctype": "vip", "balance": -400.99, "companySize": 500,
				"lastPaymentDate": map[string]any{"day": 29, "month": 2, "year": 2024},
			}},
			map[string]any{"type": "personal", "personal": map[string]any{
				"firstname": "Amy", "language": "en-GB", "gender": "FEMALE", "age": map[string]any{"age": 30},
				"contacts": []any{map[string]any{"email": "amelia@brand.example", "phoneType": "MOBILE", "address": map[string]any{"country": "GB"}}},
			}},
		},
	}
}

// sign signs claims as the brand does.
func sign(t *testing.T, claims any, alg jose.SignatureAlgorithm, key any, kid string) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	if kid != "" {
		options = options.WithHeader("kid", kid)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

func (b *brand) token(claims map[string]any) string {
	b.t.Helper()
	return sign(b.t, claims, jose.RS256, testKeys()[0], "first")
}

// post calls the stand-in.
func (b *brand) post(path, body string) (*http.Response, map[string]any) {
	b.t.Helper()
	return b.call(http.MethodPost, path, "", body)
}

// call calls the stand-in with an Authorization header, if it is not "".
func (b *brand) call(method, path, authorization, body string) (*http.Response, map[string]any) {
	b.t.Helper()
	request, err := http.NewRequestWithContext(b.t.Context(), method, b.api.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if authorization != "" {
		request.Header.Set("Authorization", authorization)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Origin", origin)
	response, err := b.api.Client().Do(request)
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	data, err := io.ReadAll(response.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	var answer map[string]any
	if len(bytes.TrimSpace(data)) > 0 {
		if err := json.Unmarshal(data, &answer); err != nil {
			b.t.Fatalf("%s: %v", data, err)
		}
	}
	return response, answer
}

// exchange brings something to a connector and gives the attempt.
func (b *brand) exchange(connector string, body map[string]string) (*standin.Conversation, *http.Response, map[string]any) {
	b.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		b.t.Fatal(err)
	}
	response, answer := b.post("/api/account/"+account+"/app/"+connector+"/authenticate?v=3.0", string(text))
	attempt, ok := b.cloud.Conversation(strings.TrimPrefix(response.Header.Get("Content-Location"), standin.ConversationPath))
	if !ok {
		b.t.Fatalf("no details of the attempt: status %d, %v", response.StatusCode, answer)
	}
	return attempt, response, answer
}

// visit has a page name somebody and gives the session.
func (b *brand) visit(identities string) string {
	b.t.Helper()
	response, answer := b.post("/api/account/"+account+"/app/tag/engagement?v=1.1", `{"identities":[`+identities+`]}`)
	if response.StatusCode != http.StatusOK {
		b.t.Fatalf("engagement: status %d, %v", response.StatusCode, answer)
	}
	return answer["sessionId"].(string)
}

// launch opens the external window of a connector and gives its request.
func (b *brand) launch(connector, session string) url.Values {
	b.t.Helper()
	request, _ := b.launchFor(connector, session, "")
	return request
}

// launchFor does so for a conversation, if it is not "", and gives the sealed
// verifier, too.
func (b *brand) launchFor(connector, session, conversation string) (url.Values, string) {
	b.t.Helper()
	launched, err := b.cloud.Launch(
		`{"accountId":"`+account+`","engConf":{"ssid":"`+session+`","conversationId":"`+conversation+`","connector":{"id":"`+connector+`"}}}`, origin)
	if err != nil {
		b.t.Fatal(err)
	}
	before, query, _ := strings.Cut(launched.Address, "?")
	if want := b.URL + "/authorize"; before != want {
		b.t.Errorf("the window begins at %s, want %s", before, want)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		b.t.Fatal(err)
	}
	return values, launched.CodeVerifier
}

// failed are the names of the checks that failed.
func failed(attempt *standin.Conversation) []string {
	var names []string
	for _, check := range attempt.Checks {
		if check.Outcome == standin.Failed {
			names = append(names, check.Name)
		}
	}
	return names
}

// outcomes are the checks by name.
func outcomes(attempt *standin.Conversation) map[string]standin.Outcome {
	all := map[string]standin.Outcome{}
	for _, check := range attempt.Checks {
		all[check.Name] = check.Outcome
	}
	return all
}

func queryOf(t *testing.T, address string) url.Values {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Query()
}
