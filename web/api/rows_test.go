package api_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/op/keys"
	"github.com/brandidp/idp/web/webtest"
)

// row is a request that succeeds, for one operation.
type row struct {
	// values are those of the path, beyond the usual ones.
	values map[string]string
	// query is what stands behind the path.
	query string
	// body is JSON, "" if the operation takes none. One that can be sent once is made anew.
	body string
	anew func() string
	// prepare makes what the request is about, and gives values of the path.
	prepare func(*testing.T, *webtest.Provider) map[string]string
	// client is the client that a caller may be narrowed to, "" if they may be to none.
	client string
	// hidden says that a caller who is narrowed to another client is told that there is
	// nothing, and not that it is none of theirs.
	hidden bool
	// safe says that a POST changes nothing, so that no idempotency key is kept for it.
	safe bool
}

// rows has a request for every operation of the document. Each can be sent again and
// again, after its prepare, beside the others. What they change is rory and kiosk, or was
// made for it.
func rows() map[string]row {
	rory, kiosk := map[string]string{"sub": "rory-sub"}, map[string]string{"client_id": "kiosk"}
	return map[string]row{
		"list-consumers":  {query: "limit=2"},
		"create-consumer": {body: `{"claims":{"name":"River"}}`},
		"upsert-consumers": {body: `{"consumers":[{"sub":"rory-sub","external_id":"crm-2","username":"rory"},{"external_id":"crm-4","username":"clara"},
			{"sub":"bill-sub","password_hash":"$2b$10$nOUIs5kJ7naTuTFkBy1veuK0kSxUFXfuaOKdOKf9xYT0KKIGSJwFa"}],"partial":false}`},
		"get-consumer":                   {},
		"get-consumer-by-external-id":    {},
		"put-consumer":                   {values: rory, body: `{"external_id":"crm-2","username":"rory","attributes":{"tier":"gold"}}`},
		"put-consumer-by-external-id":    {values: map[string]string{"external_id": "crm-3"}, body: `{"username":"river","claims":{"locale":"en"}}`},
		"patch-consumer":                 {values: rory, body: `{"claims":{"given_name":"Rory","nickname":null}}`},
		"delete-consumer":                {prepare: informed},
		"delete-consumer-by-external-id": {prepare: informed},
		"put-password":                   {values: rory, body: `{"password":"correct horse battery staple"}`},
		"get-personal-info":              {prepare: informed},
		"put-personal-info":              {body: `{"firstname":"Amelia","age":{"age":21},"contacts":[{"phone":"+44 20 7946 0000","phoneType":"HOME"}]}`},
		"patch-personal-info":            {body: `{"lastname":"Pond","company":null}`},
		"delete-personal-info":           {prepare: informed},
		"get-customer-info":              {prepare: informed},
		"put-customer-info":              {body: `{"ctype":"vip","balance":-400.99,"lastPaymentDate":{"day":1,"month":2,"year":2026}}`},
		"patch-customer-info":            {body: `{"role":"broker","imei":null}`},
		"delete-customer-info":           {prepare: informed},
		"list-sessions":                  {prepare: signedIn},
		"end-sessions":                   {prepare: signedIn},
		"end-session":                    {prepare: signedIn},
		"list-grants":                    {prepare: signedIn},
		"end-grant":                      {prepare: signedIn, client: "site"},

		"get-session":             {prepare: handedOver, client: "shop", hidden: true},
		"extend-session":          {prepare: handedOver, client: "shop", hidden: true, body: `{"lifetime":600}`},
		"delete-session":          {prepare: handedOver, client: "shop", hidden: true},
		"get-login-challenge":     {prepare: challenged, client: "shop", hidden: true},
		"accept-login-challenge":  {prepare: challenged, body: `{"sub":"rory-sub","acr":"gold","amr":["pwd"]}`},
		"reject-login-challenge":  {prepare: challenged, client: "shop", hidden: true, body: `{"error":"access_denied"}`},
		"get-logout-challenge":    {prepare: leaving, client: "shop", hidden: true},
		"accept-logout-challenge": {prepare: leaving, client: "shop", hidden: true},

		"list-clients":           {query: "limit=2"},
		"get-client":             {values: kiosk, client: "kiosk"},
		"put-client":             {values: kiosk, body: `{"client_name":"Kiosk","redirect_uris":["https://kiosk.brand.example/cb"],"id_token_lifetime":"10m"}`},
		"patch-client":           {values: kiosk, client: "kiosk", body: `{"client_name":"Kiosk","client_uri":null}`},
		"delete-client":          {prepare: registered},
		"replace-client-secret":  {values: kiosk, client: "kiosk"},
		"get-connector-settings": {values: map[string]string{"client_id": "messaging"}, client: "messaging"},
		"preview-token":          {safe: true, body: `{"sub":"amelia-sub"}`},

		"list-keys":  {query: "client_id=messaging"},
		"create-key": {body: `{"alg":"ES256"}`},
		"step-key":   {prepare: keyed, body: `{"step":"publish"}`},
		"export-key": {prepare: keyed},
		"import-key": {body: elsewhere(), anew: elsewhere},
		"revoke-key": {prepare: keyed, body: `{"compromised":true}`},

		"list-key-schedules":  {},
		"put-key-schedule":    {values: map[string]string{"alg": "RS256"}, body: `{"every":7776000,"wait":86400,"keep":604800}`},
		"pause-key-schedule":  {prepare: scheduled("ES256")},
		"resume-key-schedule": {prepare: scheduled("PS256")},
		"delete-key-schedule": {prepare: scheduled("EdDSA")},

		"engage":            {client: "messaging", body: `{"client_id":"messaging","sub":"amelia-sub","claims":{"locale":"en"}}`},
		"list-audit-events": {query: "limit=1"},
	}
}

// rowsOf is the table and the document that it is for, with an error where one of the
// two has an operation that the other lacks.
func rowsOf(t *testing.T, p *webtest.Provider) (*document, map[string]row) {
	t.Helper()
	d, all := readDocument(t, p), rows()
	p.Apply(handed)
	listed, documented := slices.Sorted(maps.Keys(all)), slices.Sorted(maps.Keys(d.operations()))
	if diff := cmp.Diff(documented, listed); diff != "" {
		t.Fatalf("the document (-) and the table of its operations (+):\n%s", diff)
	}
	for id, o := range d.operations() {
		if takes := len(o.RequestBody.Content) > 0; takes != (all[id].body != "") {
			t.Errorf("%s: has a body in the document: %v", id, takes)
		}
	}
	return d, all
}

const password = "correct horse battery staple"

// somebody makes a consumer, who signs in by their sub and password, and has it as their
// external id, too.
func somebody(t *testing.T, p *webtest.Provider) (sub string) {
	t.Helper()
	sub = strings.ToLower(rand.Text())
	p.Call(p.APIKey(nil, op.ScopeConsumersWrite), "PUT", "/consumers/"+sub,
		`{"external_id":"`+sub+`","username":"`+sub+`","password":"`+password+`","personal_info":{"firstname":"Clara"},"customer_info":{"ctype":"vip"}}`).Want(http.StatusCreated)
	return sub
}

// informed makes a consumer with a Personal Info and a Customer Info.
func informed(t *testing.T, p *webtest.Provider) map[string]string {
	t.Helper()
	sub := somebody(t, p)
	return map[string]string{"sub": sub, "external_id": sub}
}

// signedIn has somebody sign in at the client site, which gets a refresh token.
func signedIn(t *testing.T, p *webtest.Provider) map[string]string {
	t.Helper()
	sub := somebody(t, p)
	return map[string]string{"sub": sub, "sid": sidOf(t, tokensOf(t, p, sub).IDToken)}
}

// keyed makes a signing key.
func keyed(t *testing.T, p *webtest.Provider) map[string]string {
	t.Helper()
	key, err := op.CreateKey(t.Context(), p.Store, op.NewKey{Alg: keys.ES256, Audit: webtest.Operator, Make: p.NewSigningKey})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"kid": key.Kid}
}

// elsewhere makes a signing key as somebody else does who brings it in.
func elsewhere() string {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		panic(err)
	}
	return `{"key":"` + base64.StdEncoding.EncodeToString(der) + `"}`
}

// scheduled has the provider's keys of an algorithm replaced by a schedule.
func scheduled(alg string) func(*testing.T, *webtest.Provider) map[string]string {
	return func(t *testing.T, p *webtest.Provider) map[string]string {
		t.Helper()
		p.Call(p.APIKey(nil, op.ScopeKeysWrite), "PUT", "/key-schedules/"+alg, `{"every":7776000}`).Want(http.StatusNoContent)
		return map[string]string{"alg": alg}
	}
}

// challenged begins a sign-in at the shop, whose login is the brand's own.
func challenged(t *testing.T, p *webtest.Provider) map[string]string {
	t.Helper()
	_, path := challenge(t, p)
	return map[string]string{"challenge": strings.TrimPrefix(path, "/login-challenges/")}
}

// handedOver has somebody sign in at the shop by the brand's own login.
func handedOver(t *testing.T, p *webtest.Provider) map[string]string {
	t.Helper()
	_, sid := signInAtShop(t, p)
	return map[string]string{"sid": sid}
}

// leaving has somebody, who came by the brand's own login, begin to sign out.
func leaving(t *testing.T, p *webtest.Provider) map[string]string {
	t.Helper()
	b, _ := signInAtShop(t, p)
	page := b.Get("/end_session?client_id=shop").Submit("sign-out", nil)
	target, err := url.Parse(page.Target())
	if err != nil || target.Query().Get("logout_challenge") == "" {
		t.Fatalf("status %d, target %q", page.Status, page.Target())
	}
	return map[string]string{"challenge": target.Query().Get("logout_challenge")}
}

func signInAtShop(t *testing.T, p *webtest.Provider) (b *webtest.Browser, sid string) {
	t.Helper()
	b, path := challenge(t, p)
	var next struct {
		RedirectTo string `json:"redirect_to"`
	}
	p.Call(p.APIKey(nil, op.ScopeLogins), "POST", path+"/accept", `{"sub":"`+somebody(t, p)+`"}`).Want(http.StatusOK).Into(&next)
	return b, sidOf(t, b.Get(next.RedirectTo).Answer().Get("id_token"))
}

// sidOf is the session that an ID token is of.
func sidOf(t *testing.T, idToken string) string {
	t.Helper()
	_, rest, _ := strings.Cut(idToken, ".")
	payload, _, _ := strings.Cut(rest, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(payload)
	var claims struct {
		Sid string `json:"sid"`
	}
	if err == nil {
		err = json.Unmarshal(decoded, &claims)
	}
	if err != nil || claims.Sid == "" {
		t.Fatalf("%v: ID token %q", err, idToken)
	}
	return claims.Sid
}

// registered makes a client that nobody needs.
func registered(t *testing.T, p *webtest.Provider) map[string]string {
	t.Helper()
	id := strings.ToLower(rand.Text())
	p.Call(p.APIKey(nil, op.ScopeClientsWrite), "PUT", "/clients/"+id, `{"redirect_uris":["https://`+id+`.example/cb"]}`).Want(http.StatusCreated)
	return map[string]string{"client_id": id}
}

// tokensOf has a consumer sign in at the client site, and gives the tokens that it gets.
func tokensOf(t *testing.T, p *webtest.Provider, username string) (tokens struct {
	AccessToken  string `json:"access_token"`
	IDToken      string `json:"id_token"`
	RefreshToken string `json:"refresh_token"`
},
) {
	t.Helper()
	const callback = "https://www.brand.example/callback"
	b := p.Browser(t)
	page := b.Authorize(url.Values{
		"client_id": {"site"}, "response_type": {"code"}, "scope": {"openid offline_access idp:consumers:read"}, "redirect_uri": {callback},
	})
	code := page.SignIn(username, password).Answer().Get("code")
	request := b.Request("/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {callback}})
	request.SetBasicAuth("site", "a-secret-that-is-long-enough-for-it")
	if err := json.Unmarshal([]byte(b.Do(request).Body), &tokens); err != nil || tokens.RefreshToken == "" {
		t.Fatalf("%v %+v", err, tokens)
	}
	return tokens
}

// request is a request to an operation.
type request struct {
	method, path string
	body         []byte
}

// request gives the row's.
func (r row) request(t *testing.T, p *webtest.Provider, o *operation) request {
	t.Helper()
	made := request{method: o.method, path: o.at(r.place(t, p))}
	if r.query != "" {
		made.path += "?" + r.query
	}
	if r.body != "" {
		made.body = []byte(r.body)
	}
	if r.anew != nil {
		made.body = []byte(r.anew())
	}
	return made
}

// place has what the row is about made, and gives the values of the path.
func (r row) place(t *testing.T, p *webtest.Provider) map[string]string {
	t.Helper()
	values := map[string]string{"sub": "amelia-sub", "external_id": "crm-1", "client_id": "site"}
	maps.Copy(values, r.values)
	if r.prepare != nil {
		maps.Copy(values, r.prepare(t, p))
	}
	return values
}

// at is the path of an operation with values in it.
func (o *operation) at(values map[string]string) string {
	path := o.path
	for _, name := range namesIn(path) {
		path = strings.ReplaceAll(path, "{"+name+"}", escaped(values[name]))
	}
	return path
}

// escaped is a value as a segment of a path. One of dots alone would be a step up.
func escaped(value string) string {
	if strings.Trim(value, ".") == "" {
		return strings.ReplaceAll(value, ".", "%2E")
	}
	return url.PathEscape(value)
}
