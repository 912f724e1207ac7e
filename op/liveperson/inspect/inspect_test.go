package inspect_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson/inspect"
)

const (
	issuer = "https://id.brand.example"
	sub    = "0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10"
)

var now = time.Date(2026, 3, 14, 15, 9, 26, 0, time.UTC)

// brandKey signs, strangerKey is nobody's.
var brandKey, strangerKey = newKey(2048), newKey(2048)

func newKey(bits int) *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return key
}

// claims are those of a token without a fault, changed.
func claims(change map[string]any) map[string]any {
	all := map[string]any{
		"iss": issuer, "sub": sub, "aud": "messaging", "acr": "loa1",
		"iat": now.Add(-5 * time.Second).Unix(), "exp": now.Add(time.Hour).Unix(),
		"given_name": "Amelia", "email": "amelia@brand.example", "phone_number": "+12125550123",
		"lp_sdes": document(`[{"type":"ctmrinfo","info":{"ctype":"vip","balance":-400.99,"companySize":500,
			"lastPaymentDate":{"day":15,"month":10,"year":2014}}},
			{"type":"personal","personal":{"firstname":"Amelia","gender":"FEMALE","language":"en-US","age":{"age":34},
			"contacts":[{"phoneType":"MOBILE","phone":"+1 212","address":{"country":"US"}}]}}]`),
	}
	maps.Copy(all, change)
	for name, value := range change {
		if value == nil {
			delete(all, name)
		}
	}
	return all
}

func document(text string) json.RawMessage { return json.RawMessage(text) }

// sign makes a token of claims, or of a string as it is; the header's values come
// over RS256, kid and typ.
func sign(tb testing.TB, key any, alg jose.SignatureAlgorithm, claims any, header map[jose.HeaderKey]any) string {
	tb.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	maps.Copy(options.ExtraHeaders, header)
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: jose.JSONWebKey{Key: key, KeyID: "one"}}, options)
	if err != nil {
		tb.Fatal(err)
	}
	payload, isText := claims.(string)
	if !isText {
		encoded, err := json.Marshal(claims)
		if err != nil {
			tb.Fatal(err)
		}
		payload = string(encoded)
	}
	signed, err := signer.Sign([]byte(payload))
	if err != nil {
		tb.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return compact
}

func good(tb testing.TB) string { tb.Helper(); return sign(tb, brandKey, jose.RS256, claims(nil), nil) }

func spki(tb testing.TB, public any) []byte {
	tb.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func keySet(tb testing.TB, keys ...jose.JSONWebKey) *inspect.Keys {
	tb.Helper()
	document, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		tb.Fatal(err)
	}
	return parse(tb, document)
}

func parse(tb testing.TB, key []byte) *inspect.Keys {
	tb.Helper()
	keys, err := inspect.ParseKeys(key)
	if err != nil {
		tb.Fatal(err)
	}
	return keys
}

func options(tb testing.TB) inspect.Options {
	tb.Helper()
	return inspect.Options{
		Now: now, Issuer: issuer, ClientID: "messaging", AccountID: "12345678",
		Keys: keySet(tb, jose.JSONWebKey{Key: brandKey.Public(), KeyID: "one", Use: "sig", Algorithm: "RS256"}),
	}
}

// faults are the checks that did not pass, as "name outcome".
func faults(report *inspect.Report) []string {
	var all []string
	for _, check := range report.Checks {
		if check.Outcome != inspect.Passed {
			all = append(all, check.Name+" "+string(check.Outcome))
		}
	}
	return all
}

// found is what the checks of a name say.
func found(report *inspect.Report, name string) string {
	var all []string
	for _, check := range report.Checks {
		if check.Name == name {
			all = append(all, check.Found)
		}
	}
	return strings.Join(all, "\n")
}

func TestATokenWithoutFaultIsAccepted(t *testing.T) {
	t.Parallel()
	report := inspect.Token(good(t), options(t))
	if report.Verdict != inspect.Accepted || faults(report) != nil || report.Encrypted {
		t.Errorf("%s: %q", report.Verdict, faults(report))
	}
	for _, check := range report.Checks {
		if check.Title == "" || check.Section == "" || check.Found == "" {
			t.Errorf("%+v has no title, section or finding", check)
		}
	}
	written, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, personal := range []string{"Amelia", "amelia", sub, "212", "FEMALE", "vip", "eyJ"} {
		if strings.Contains(string(written), personal) {
			t.Errorf("the report tells %q", personal)
		}
	}
}

//contract:1.2-iss-case 1.2-milliseconds 1.8-longest 1.9-discouraged 1.10-bad-claims
func TestClaims(t *testing.T) {
	t.Parallel()
	milliseconds := now.UnixMilli()
	for name, test := range map[string]struct {
		claims map[string]any
		want   []string
		says   string // what the first of them says
	}{
		"iss missing":        {map[string]any{"iss": nil}, []string{"iss failed"}, "missing"},
		"iss of a stranger":  {map[string]any{"iss": "https://else.example"}, []string{"iss failed"}, `"https://id.brand.example"`},
		"iss with a slash":   {map[string]any{"iss": issuer + "/"}, []string{"iss failed"}, "slash at the end"},
		"iss in other case":  {map[string]any{"iss": "https://ID.brand.example"}, []string{"iss failed"}, "upper and lower case"},
		"iat missing":        {map[string]any{"iat": nil}, []string{"iat failed"}, "iat is missing"},
		"iat as text":        {map[string]any{"iat": "1446115352"}, []string{"iat failed"}, "iat is text"},
		"iat in ms":          {map[string]any{"iat": milliseconds}, []string{"iat failed"}, "milliseconds"},
		"iat with decimals":  {map[string]any{"iat": 1446115352.5}, []string{"iat failed"}, "whole"},
		"iat a little ahead": {map[string]any{"iat": now.Unix() + 30}, []string{"iat warned"}, "30 s in the future"},
		"iat ahead":          {map[string]any{"iat": now.Unix() + 300}, []string{"iat failed"}, "5 min in the future"},
		"exp in ms":          {map[string]any{"exp": milliseconds}, []string{"exp failed"}, "milliseconds"},
		"exp negative":       {map[string]any{"exp": -1}, []string{"exp failed"}, "1970"},
		"exp huge":           {map[string]any{"exp": document("1e400")}, []string{"exp failed"}, "whole"},
		"exp past":           {map[string]any{"iat": now.Unix() - 100, "exp": now.Unix() - 2}, []string{"exp failed"}, "expired, 2 s ago"},
		"exp before iat": {
			map[string]any{"iat": now.Unix() + 20, "exp": now.Unix() + 10},
			[]string{"iat warned", "lifetime failed"},
			"20 s",
		},
		"a short life": {map[string]any{"exp": now.Unix() + 20}, []string{"lifetime warned"}, "25 s"},
		"a long life":  {map[string]any{"exp": now.Unix() + 30*86400}, []string{"lifetime warned"}, "30 d"},
		"nbf ahead":    {map[string]any{"nbf": now.Unix() + 1}, []string{"nbf failed"}, "not valid yet"},
		"nbf as text":  {map[string]any{"nbf": "now"}, []string{"nbf failed"}, "nbf is text"},
		"sub missing":  {map[string]any{"sub": nil}, []string{"sub failed"}, "missing"},
		"sub a number": {map[string]any{"sub": 7}, []string{"sub failed"}, "not text"},
		"sub long":     {map[string]any{"sub": strings.Repeat("a", 256)}, []string{"sub failed"}, "255"},
		"sub not ASCII": {
			map[string]any{"sub": "amélia-a-very-long-name"}, []string{"sub failed"}, "ASCII",
		},
		"sub an address":          {map[string]any{"sub": "amelia@brand.example"}, []string{"sub warned"}, "e-mail address"},
		"sub a telephone":         {map[string]any{"sub": "+1 (212) 788-8877"}, []string{"sub warned"}, "telephone"},
		"sub digits dialled":      {map[string]any{"sub": "2127888877"}, []string{"sub warned"}, "telephone"},
		"sub a serial number":     {map[string]any{"sub": "138766"}, []string{"sub warned"}, "serial number"},
		"sub a serial with words": {map[string]any{"sub": "customer-0004711"}, []string{"sub warned"}, "serial number"},
		"sub short":               {map[string]any{"sub": "amy"}, []string{"sub warned"}, "short"},
		"sub a UUID of the clock": {
			map[string]any{"sub": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}, []string{"sub warned"}, "clock",
		},
		"sub the user name": {
			map[string]any{"sub": "amelia.jessica.pond", "preferred_username": "amelia.jessica.pond"}, []string{"sub warned"}, "user name",
		},
		"aud missing":              {map[string]any{"aud": nil}, []string{"aud warned"}, "missing"},
		"aud of a stranger":        {map[string]any{"aud": "shop"}, []string{"aud failed"}, `"shop"`},
		"aud of several":           {map[string]any{"aud": []string{"shop", "messaging"}}, []string{"aud warned"}, "azp is missing"},
		"aud of several, with azp": {map[string]any{"aud": []string{"shop", "messaging"}, "azp": "messaging"}, nil, ""},
		"azp of a stranger":        {map[string]any{"azp": "shop"}, []string{"aud failed"}, "another client"},
		"azp alone":                {map[string]any{"aud": "shop", "azp": "messaging"}, []string{"aud warned"}, "only azp"},
		"aud the account, and azp": {map[string]any{"aud": "acc:12345678", "azp": "messaging"}, nil, ""},
		"aud the account":          {map[string]any{"aud": "acc:12345678"}, nil, ""},
		"aud another account":      {map[string]any{"aud": "acc:87654321"}, []string{"aud failed"}, "acc:87654321"},
		"aud no text":              {map[string]any{"aud": []any{7}}, []string{"aud failed"}, "array of texts"},
		"acr of nobody":            {map[string]any{"acr": "0"}, []string{"acr warned"}, "not authenticated"},
		"acr unknown":              {map[string]any{"acr": "loa2"}, []string{"acr warned"}, "loa1"},
		"acr absent":               {map[string]any{"acr": nil}, nil, ""},
		"a name that is a number":  {map[string]any{"given_name": 7}, []string{"claims failed"}, "given_name is not text"},
		"email that is none":       {map[string]any{"email": "Amelia <a@b.example>"}, []string{"claims warned"}, "e-mail"},
		"telephone not in E.164":   {map[string]any{"phone_number": "212 788"}, []string{"claims warned"}, "E.164"},
		"phone_number the IMEI": {map[string]any{
			"phone_number": "3543546543545688", "lp_sdes": document(`[{"type":"ctmrinfo","info":{"imei":"3543546543545688"}}]`),
		}, nil, ""},
		"phone_number another IMEI": {map[string]any{
			"phone_number": "3543546543545688", "lp_sdes": document(`[{"type":"ctmrinfo","info":{"imei":"1"}}]`),
		}, []string{"claims warned"}, "E.164"},
		"no standard claims": {map[string]any{"given_name": nil, "email": nil, "phone_number": nil}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := inspect.Token(sign(t, brandKey, jose.RS256, claims(test.claims), nil), options(t))
			if diff := cmp.Diff(test.want, faults(report)); diff != "" {
				t.Fatalf("faults (-want +got):\n%s", diff)
			}
			if test.want == nil {
				return
			}
			check, _, _ := strings.Cut(test.want[0], " ")
			if !strings.Contains(found(report, check), test.says) {
				t.Errorf("it says %q, not %q", found(report, check), test.says)
			}
			if refused := strings.Contains(strings.Join(test.want, ","), "failed"); refused != (report.Verdict == inspect.Refused) {
				t.Errorf("verdict %s", report.Verdict)
			}
		})
	}
}

//contract:1.4-address-older 1.4-gender-number 1.4-object 1.4-types 1.10-bad-claims
func TestCustomClaims(t *testing.T) {
	t.Parallel()
	const failed, warned = "lp_sdes failed", "lp_sdes warned"
	info := func(members string) string { return `[{"type":"ctmrinfo","info":{` + members + `}}]` }
	personal := func(members string) string { return `[{"type":"personal","personal":{` + members + `}}]` }
	for _, test := range []struct {
		sdes, outcome, says string
	}{
		{`{"customerInfo":{}}`, failed, "must be an array"},
		{`"vip"`, failed, "lp_sdes is text"},
		{`[7]`, failed, "lp_sdes[0] is a number, and must be an object"},
		{`[{"info":{}}]`, failed, "lp_sdes[0].type is missing"},
		{`[{"type":"cart","cart":{}}]`, failed, `lp_sdes[0].type is "cart"`},
		{`[{"type":"ctmrinfo"}]`, failed, "lp_sdes[0].info is missing"},
		{`[{"type":"ctmrinfo","info":[]}]`, failed, "lp_sdes[0].info is an array"},
		{`[{"type":"ctmrinfo","info":{},"personal":{}}]`, warned, "lp_sdes[0].personal is no documented field"},
		{`[{"type":"ctmrinfo","info":{}},{"type":"ctmrinfo","info":{}}]`, warned, "lp_sdes[1].type is there twice"},
		{info(`"balance":"-400.99"`), failed, "lp_sdes[0].info.balance is text, and must be a number"},
		{info(`"ctype":null`), failed, "lp_sdes[0].info.ctype is null"},
		{info(`"companySize":1.5`), failed, "lp_sdes[0].info.companySize is not a whole number"},
		{info(`"loginStatus":true`), failed, "lp_sdes[0].info.loginStatus is true or false"},
		{info(`"storeNumber":"7"`), failed, "lp_sdes[0].info.storeNumber is refused"},
		{info(`"customerID":"7"`), warned, "lp_sdes[0].info.customerID is no documented field, which is written customerId"},
		{info(`"\u001b[2J":"7"`), warned, `lp_sdes[0].info["\x1b[2J"]`},
		{info(`"lastPaymentDate":"2014-10-15"`), failed, "lastPaymentDate is text, and must be an object of day"},
		{info(`"lastPaymentDate":{"day":15,"year":2014}`), failed, "lastPaymentDate.month is missing"},
		{info(`"registrationDate":{"day":31,"month":2,"year":2014}`), failed, "registrationDate is not in the calendar"},
		{info(`"registrationDate":{"day":"3","month":2,"year":2014}`), failed, "registrationDate.day is text"},
		{personal(`"gender":"female"`), failed, "lp_sdes[0].personal.gender must be one of MALE, FEMALE, OTHER"},
		{personal(`"gender":1`), failed, "personal.gender is a number"},
		{personal(`"language":"english"`), warned, "personal.language"},
		{personal(`"language":7`), failed, "personal.language is a number"},
		{personal(`"contacts":{}`), failed, "personal.contacts is an object, and must be an array"},
		{personal(`"contacts":[{"phoneType":"Mobile"}]`), failed, "contacts[0].phoneType must be one of"},
		{personal(`"contacts":[{},{"country":"US"}]`), warned, "contacts[1].country is no documented field"},
		{personal(`"age":34`), failed, "personal.age is a number, and must be an object"},
	} {
		report := inspect.Token(sign(t, brandKey, jose.RS256, claims(map[string]any{"lp_sdes": document(test.sdes)}), nil), options(t))
		if got := faults(report); len(got) != 1 || got[0] != test.outcome || !strings.Contains(found(report, "lp_sdes"), test.says) {
			t.Errorf("%s: %q, %s", test.sdes, got, found(report, "lp_sdes"))
		}
	}
	several := inspect.Token(sign(t, brandKey, jose.RS256, claims(map[string]any{
		"lp_sdes": document(info(`"role":1,"imei":2`)),
	}), nil), options(t))
	if got := faults(several); len(got) != 2 {
		t.Errorf("not every fault is told: %q", got)
	}
	if absent := inspect.Token(sign(t, brandKey, jose.RS256, claims(map[string]any{"lp_sdes": nil}), nil), options(t)); faults(absent) != nil {
		t.Errorf("without lp_sdes: %q", faults(absent))
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	token := good(t)
	segments := strings.Split(token, ".")
	encode := base64.RawURLEncoding.EncodeToString
	for name, test := range map[string]struct{ token, says string }{
		"nothing":         {"", "1 segments"},
		"four segments":   {token + ".x", "4 segments"},
		"padding":         {segments[0] + "=." + segments[1] + "." + segments[2], "segment 1 is not base64url"},
		"line breaks":     {segments[0] + "." + segments[1][:8] + "\n" + segments[1][8:] + "." + segments[2], "segment 2 is not base64url"},
		"plain base64":    {segments[0] + "." + segments[1] + ".ab+/", "segment 3 is not base64url"},
		"no signature":    {segments[0] + "." + segments[1] + ".", "segment 3 is empty"},
		"no JSON":         {encode([]byte("x")) + "." + segments[1] + "." + segments[2], "the header is not a JSON object"},
		"an array":        {segments[0] + "." + encode([]byte("[]")) + "." + segments[2], "the payload is not a JSON object"},
		"null":            {segments[0] + "." + encode([]byte("null")) + "." + segments[2], "the payload is not a JSON object"},
		"two objects":     {segments[0] + "." + encode([]byte("{}{}")) + "." + segments[2], "the payload is not a JSON object"},
		"a name twice":    {segments[0] + "." + encode([]byte(`{"sub":"a","x":[{"sub":"b"}],"sub":"c"}`)) + "." + segments[2], `the payload has "sub" twice`},
		"a name deep":     {segments[0] + "." + encode([]byte(`{"sub":["sub"],"x":[{"a":{"b":1},"a":2}]}`)) + "." + segments[2], `the payload has "a" twice`},
		"larger than all": {strings.Repeat("a", inspect.MaxSize+1), "longer than 64 KB"},
	} {
		report := inspect.Token(test.token, options(t))
		if report.Verdict != inspect.Refused || !strings.Contains(found(report, "form"), test.says) {
			t.Errorf("%s: %s, %q", name, report.Verdict, found(report, "form"))
		}
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	symmetric := []byte(strings.Repeat("k", 64))
	_, rest, _ := strings.Cut(good(t), ".")
	unsecured := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT","kid":"one"}`)) + "." + rest
	for name, test := range map[string]struct {
		token string
		want  []string
	}{
		"HS256":            {sign(t, symmetric, jose.HS256, claims(nil), nil), []string{"alg failed", "kid failed", "signature left-out"}},
		"PS256":            {sign(t, brandKey, jose.PS256, claims(nil), nil), []string{"alg failed", "signature left-out"}},
		"none":             {unsecured, []string{"alg failed", "signature left-out"}},
		"an access token":  {sign(t, brandKey, jose.RS256, claims(nil), map[jose.HeaderKey]any{"typ": "at+jwt"}), []string{"typ warned"}},
		"a stranger's key": {sign(t, strangerKey, jose.RS256, claims(nil), nil), []string{"signature failed"}},
	} {
		report := inspect.Token(test.token, options(t))
		if diff := cmp.Diff(test.want, faults(report)); diff != "" {
			t.Errorf("%s: faults (-want +got):\n%s", name, diff)
		}
	}
}

func TestPayload(t *testing.T) {
	t.Parallel()
	payload, err := json.Marshal(claims(map[string]any{"sub": "4711"}))
	if err != nil {
		t.Fatal(err)
	}
	report := inspect.Payload(payload, 1000, inspect.Options{Now: now, Issuer: issuer, ClientID: "messaging"})
	if diff := cmp.Diff([]string{"sub warned"}, faults(report)); diff != "" || report.Verdict != inspect.Accepted || report.Size != 1000 {
		t.Errorf("%s, %d bytes, faults (-want +got):\n%s", report.Verdict, report.Size, diff)
	}
	if inspect.Payload([]byte("[]"), 2, inspect.Options{}).Verdict != inspect.Refused {
		t.Error("an array passes for claims")
	}
}

// publicPEM is the key as openssl writes it.
func publicPEM(tb testing.TB, public any) []byte {
	tb.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki(tb, public)})
}
