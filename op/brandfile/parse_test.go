package brandfile_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
)

const issuer = "https://id.brand.example"

// brand is the file of the documentation, with what this release supports.
const brand = `clients:
  - client_id: messaging-code
    client_name: Messaging, code flow
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html, https://liveperson.net]
    response_types: [code]
    grant_types: [authorization_code]
    token_endpoint_auth_method: client_secret_basic
    web_origins: [https://www.brand.example]
    scope: openid profile email offline_access
    id_token_lifetime: 1h
    claims_policy: everything
    conversational_cloud:
      variant: rfc
      js_method: lpGetAuthenticationToken
      js_context: window
      account_id: "12345678"
      response_placement: fragment
      token_parameter: id_token
  - client_id: app
    application_type: native
    token_endpoint_auth_method: none
    redirect_uris: [com.brand.app:/callback, "http://127.0.0.1/callback"]
consumers:
  - sub: 0b6c2c8e-6c0e-4f51-9d5a-3f1f1b9c8a10
    username: Amelia
    password: correct horse battery
    claims:
      given_name: Amelia
      family_name: Pond
      email: Amelia@brand.example
      email_verified: true
      birthdate: 1980-04-15
      phone_number: "+49 30 1234567"
    personal_info: {firstname: Amelia, age: {age: 34, year: 1980, month: 4, day: 15}, contacts: [{email: amelia@brand.example, phoneType: MOBILE}]}
    customer_info: {ctype: vip, customerId: 138766AC, balance: -400.99, currency: USD, loginStatus: 0}
  - username: rory
    disabled: true
`

func options() brandfile.Options { return brandfile.Options{Issuer: issuer} }

//contract:5.2-register
func TestParseAccepts(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"the documented file": brand,
		"JSON":                `{"clients": [], "consumers": [{"sub": "a", "claims": {"name": "\ud83d\ude00 \\ud83d \u00e9"}}]}`,
		"JSON with tabs":      "{\n\t\"consumers\": [\n\t\t{\"sub\":\"a\"}\n\t]\n}",
		"no clients":          "consumers: []\n",
		"lifetimes":           client("id_token_lifetime: 5", "access_token_lifetime: 30d"),
		"a Norwegian":         consumer("personal_info: {lastname: No, company: Yes}"),
		"a number in quotes":  consumer(`customer_info: {customerId: "0123", balance: 0, companySize: 10}`),
		"a debt":              consumer("customer_info: {balance: -400.990}"),
		"fifteen digits":      consumer("customer_info: {balance: 9999999999999.99}"),
		"a power of ten":      consumer("customer_info: {balance: 1E+23}"),
		"much of nothing":     consumer("customer_info: {balance: -0.0e999999999}"),
		"a year of birth":     consumer(`claims: {birthdate: "1980"}`),
		"no year of birth":    consumer(`claims: {birthdate: 0000-02-29}`),
		"lines of an address": consumer("claims: {address: {formatted: \"A\\nB\"}}"),
		"own address as name": "consumers: [{username: A@b.example, claims: {email: a@B.example}}]",
		"an extension":        consumer(`claims: {phone_number: "+12127888877;ext=5"}`),
		"a legacy connector": client("response_types: [code, token, id_token]", "grant_types: [implicit, authorization_code]",
			"conversational_cloud: {variant: legacy, response_placement: query}"),
		"a legacy connector's defaults": client("conversational_cloud: {variant: legacy, response_placement: form_post, token_parameter: id_token}"),
		"hybrid response types":         client("response_types: [token id_token code, code id_token]", "grant_types: [implicit, authorization_code]"),
		"a code's name for a token":     client("response_types: [id_token]", "conversational_cloud: {variant: rfc, token_parameter: code}"),
		"a code answered again":         client("conversational_cloud: {variant: rfc, code_retry: true}"),
		"a connector of an application": clientOf("application_type: native", "redirect_uris: [com.brand.app:/cb]",
			"conversational_cloud: {variant: rfc}", "require_pkce: true"),
		"refresh tokens": client("response_types: [code, id_token]", "grant_types: [refresh_token, implicit, authorization_code]",
			"refresh_token_lifetime: 365d", "scope: openid offline_access"),
		"delegation": client("grant_types: [authorization_code, refresh_token]", "scope: openid",
			"conversational_cloud: {variant: rfc, account_id: '1', idp_domains: [idp.liveperson.example]}"),
		"bcrypt": consumer(`password_hash: $2b$10$abcdefghijklmnopqrstuuAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA`),
	} {
		if _, faults := brandfile.Parse("brand.yaml", []byte(file), options()); faults != nil {
			t.Errorf("%s:\n%v", name, faults)
		}
	}
}

// client is a file of one client with some lines more, the first being line 4.
func client(lines ...string) string {
	return clientOf(append([]string{"redirect_uris: [https://rp.example/cb]"}, lines...)...)
}

func clientOf(lines ...string) string {
	return "clients:\n  - client_id: rp\n    " + strings.Join(lines, "\n    ") + "\n"
}

// consumer is a file of one consumer with some lines more, the first being line 3.
func consumer(lines ...string) string {
	return "consumers:\n  - username: amelia\n    " + strings.Join(lines, "\n    ") + "\n"
}

// parseFaults gives "line field" of each fault.
func parseFaults(file string, opts brandfile.Options) ([]string, brandfile.Faults) {
	_, faults := brandfile.Parse("brand.yaml", []byte(file), opts)
	var places []string
	for _, fault := range faults {
		places = append(places, strings.TrimSpace(fmt.Sprint(fault.Line, " ", fault.Field)))
	}
	return places, faults
}

// hunter2 stands where a secret or a name could be: no message may repeat it.
const hunter2 = "hunter2"

//contract:1.1-rs256 1.3-email 1.4-company-size 1.4-dates 1.4-phone-type 1.4-store 2.1-chosen 2.1-setting
//contract:2.6-code-flow 5.2-cannot-work
//security:5-method-name
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const secret = "client_secret: 0123456789abcdef0123456789abcdef"
	for _, test := range []struct {
		name, file string
		want       []string
	}{
		{"nothing", "", []string{"1"}},
		{"a list", "- a", []string{"1"}},
		{"an empty object", "{}", []string{"1"}},
		{"null", "~", []string{"1"}},
		{"two documents", "consumers: []\n---\nconsumers: []\n", []string{"2"}},
		{"bad UTF-8", "consumers: []\n# \xff\n", []string{"2"}},
		{"a secret as an alias", consumer("password: *hunter2"), []string{"3"}},
		{"broken YAML", consumer("password: [hunter2"), []string{"3"}},
		{"bad indentation", consumer("claims:", "  name: hunter2", " email: hunter2"), []string{"2"}},
		{"a colon in text", consumer("password: hunter2: b"), []string{"3"}},
		{"a quote that does not end", consumer(`password: "hunter2`), []string{"3"}},
		{"a control character", consumer("password: hunter2\x00"), []string{"3"}},
		{"a tab", "consumers:\n\t- sub: hunter2\n", []string{"2"}},
		{"an anchor", consumer("claims: &a {name: A}"), []string{"3 consumers[0].claims"}},
		{"a merge", consumer("claims: {<<: {name: A}}"), []string{"3 consumers[0].claims"}},
		{"a tag", consumer("claims: {name: !!str 12}"), []string{"3 consumers[0].claims.name"}},
		{"a key twice", consumer("sub: a", "sub: b"), []string{"4 consumers[0].sub"}},
		{"null for a list", "consumers:\n", []string{"1 consumers"}},
		{"null for text", consumer("password:"), []string{"3 consumers[0].password"}},
		{"empty text", consumer(`password: ""`), []string{"3 consumers[0].password"}},
		{"unknown field", consumer("pasword: hunter2"), []string{"3 consumers[0].pasword"}},
		{"a secret as a field", "consumers: [{password:hunter2}]", []string{"1 consumers[0].(a name of other characters)"}},
		{"number for text", consumer("claims: {name: 1, address: {postal_code: 1}}"), []string{"3 consumers[0].claims.address.postal_code", "3 consumers[0].claims.name"}},
		{
			"account as a number", client("conversational_cloud: {variant: rfc, account_id: 12345678}"),
			[]string{"4 clients[0].conversational_cloud.account_id"},
		},
		{"truth as text", consumer("disabled: yes"), []string{"3 consumers[0].disabled"}},
		{"octal", consumer("customer_info: {companySize: 010}"), []string{"3 consumers[0].customer_info.companySize"}},
		{"underscores", consumer("customer_info: {companySize: 1_0}"), []string{"3 consumers[0].customer_info.companySize"}},
		{"a fraction of a company", consumer("customer_info: {companySize: 1.5}"), []string{"3 consumers[0].customer_info.companySize"}},
		{"infinite", consumer("customer_info: {balance: .inf}"), []string{"3 consumers[0].customer_info.balance"}},
		{"too large", consumer("customer_info: {balance: 1e999}"), []string{"3 consumers[0].customer_info.balance"}},
		{"a balance of too many digits", consumer("customer_info: {balance: 1234567890123456789.123}"), []string{"3 consumers[0].customer_info.balance"}},
		{"a whole number of too many digits", consumer("customer_info: {balance: 9007199254740993}"), []string{"3 consumers[0].customer_info.balance"}},
		{"a balance too small", consumer("customer_info: {balance: 1e-999999999}"), []string{"3 consumers[0].customer_info.balance"}},
		{"a balance too long", consumer("customer_info: {balance: 1." + strings.Repeat("0", 64) + "}"), []string{"3 consumers[0].customer_info.balance"}},
		{"balance as text", consumer(`customer_info: {balance: "1"}`), []string{"3 consumers[0].customer_info.balance"}},
		{
			"store", consumer("customer_info:", "  storeZipCode: hunter2", "  storeNumber: hunter2"),
			[]string{"4 consumers[0].customer_info.storeZipCode", "5 consumers[0].customer_info.storeNumber"},
		},
		{
			"a contact", consumer("personal_info:", "  contacts:", "    - phone: hunter2", "      phoneType: hunter2"),
			[]string{"6 consumers[0].personal_info.contacts[0].phoneType"},
		},
		{
			"half a date", consumer("customer_info: {lastPaymentDate: {day: 1, year: 2020}}"),
			[]string{"3 consumers[0].customer_info.lastPaymentDate"},
		},
		{"text for an object", consumer("claims: hunter2"), []string{"3 consumers[0].claims"}},
		{"nobody", "consumers: [{disabled: true}]", []string{"1 consumers[0]"}},
		{"iss", consumer("claims: {iss: hunter2, sub: hunter2}"), []string{"3 consumers[0].claims.iss", "3 consumers[0].claims.sub"}},
		{
			"claims", consumer("claims:", "  email: hunter2", "  phone_number: hunter2", "  birthdate: 2023-02-29", "  locale: hunter2hunter2",
				"  zoneinfo: hunter 2", "  picture: javascript:hunter2", `  name: "hunter2\n"`, "  phone_number_verified: true"),
			[]string{
				"4 consumers[0].claims.email", "5 consumers[0].claims.phone_number", "6 consumers[0].claims.birthdate",
				"7 consumers[0].claims.locale", "8 consumers[0].claims.zoneinfo", "9 consumers[0].claims.picture", "10 consumers[0].claims.name",
			},
		},
		{
			"verified what", consumer("claims: {email_verified: true, phone_number_verified: false}"),
			[]string{"3 consumers[0].claims.email_verified", "3 consumers[0].claims.phone_number_verified"},
		},
		{
			"two passwords", consumer("password: hunter2hunter2", "password_hash: hunter2"),
			[]string{"3 consumers[0].password", "4 consumers[0].password_hash"},
		},
		{"a short password", consumer("password: hunter2"), []string{"3 consumers[0].password"}},
		{"a name with @", "consumers: [{username: hunter2@b.example, claims: {email: a@b.example}}]", []string{"1 consumers[0].username"}},
		{"a name with +", "consumers: [{username: +hunter2}]", []string{"1 consumers[0].username"}},
		{"a name with a space", "consumers: [{username: hunter 2}]", []string{"1 consumers[0].username"}},
		{"a sub", consumer("sub: hünter2"), []string{"3 consumers[0].sub"}},
		{"one name twice", "consumers:\n  - username: hunter2\n  - username: HUNTER2\n", []string{"3 consumers[1].username"}},
		{"one address twice", "consumers:\n" +
			"  - {username: a, claims: {email: hunter2@b.example, email_verified: true}}\n" +
			"  - {username: b, claims: {email: Hunter2@B.example, email_verified: true}}\n", []string{"3 consumers[1].claims.email"}},
		{"one sub twice", "consumers:\n  - sub: hunter2\n  - sub: hunter2\n", []string{"3 consumers[1].sub"}},

		{"no client_id", "clients: [{redirect_uris: [https://rp.example/cb]}]", []string{"1 clients[0].client_id"}},
		{"a bad client_id", "clients: [{client_id: a/b, redirect_uris: [https://rp.example/cb]}]", []string{"1 clients[0].client_id"}},
		{"one client twice", client() + "  - client_id: rp\n    redirect_uris: [https://rp.example/cb]\n", []string{"4 clients[1].client_id"}},
		{"no address", clientOf("client_name: A"), []string{"2 clients[0].redirect_uris"}},
		{"an empty list of addresses", clientOf("redirect_uris: []"), []string{"3 clients[0].redirect_uris"}},
		{"short secret", client("client_secret: hunter2"), []string{"4 clients[0].client_secret"}},
		{"two secrets", client(secret, "client_secret_file: hunter2"), []string{"4 clients[0].client_secret"}},
		{"a file of secrets", client("client_secret_file: hunter2"), []string{"4 clients[0].client_secret_file"}},
		{"a public secret", client(secret, "token_endpoint_auth_method: none"), []string{"4 clients[0].client_secret"}},
		{"a method", client("token_endpoint_auth_method: client_secret_jwt"), []string{"4 clients[0].token_endpoint_auth_method"}},
		{
			"a public connector", client("token_endpoint_auth_method: none", "conversational_cloud: {variant: rfc}"),
			[]string{"4 clients[0].token_endpoint_auth_method"},
		},
		{
			"response types", client("response_types: [token, id_token id_token, code, code, token code id_token, code id_token token]"),
			[]string{"4 clients[0].response_types[0]", "4 clients[0].response_types[1]", "4 clients[0].response_types[3]", "4 clients[0].response_types[5]"},
		},
		{"a connector by ES256", client("id_token_signed_response_alg: ES256", "conversational_cloud: {variant: rfc}"), []string{"4 clients[0].id_token_signed_response_alg"}},
		{"no response type", client("response_types: []"), []string{"4 clients[0].response_types"}},
		{
			"grants without types", client("response_types: [code]", "grant_types: [authorization_code, implicit, refresh_token, password]"),
			[]string{"5 clients[0].grant_types[1]", "5 clients[0].grant_types[3]"},
		},
		{"half the grants of a hybrid type", client("response_types: [code id_token]", "grant_types: [authorization_code]"), []string{"5 clients[0].grant_types"}},
		{"types without grants", client("response_types: [id_token, code]", "grant_types: [implicit]"), []string{"5 clients[0].grant_types"}},
		{"no grant", client("grant_types: []"), []string{"4 clients[0].grant_types"}},
		{"scope", client("scope: profile email"), []string{"4 clients[0].scope"}},
		{"a scope twice", client("scope: openid openid"), []string{"4 clients[0].scope"}},
		{"an unknown scope", client("scope: openid hunter2"), []string{"4 clients[0].scope"}},
		{
			"lifetimes", client("id_token_lifetime: 4s", "access_token_lifetime: 1.5s"),
			[]string{"4 clients[0].id_token_lifetime", "5 clients[0].access_token_lifetime"},
		},
		{"a lifetime in quotes", client(`id_token_lifetime: "3600"`), []string{"4 clients[0].id_token_lifetime"}},
		{"a lifetime without end", client("id_token_lifetime: 99999999999999999999"), []string{"4 clients[0].id_token_lifetime"}},
		{
			"not yet", client("jwks_uri: https://rp.example/jwks"),
			[]string{"4 clients[0].jwks_uri"},
		},
		{
			"refresh tokens without codes", client("response_types: [id_token]", "grant_types: [implicit, refresh_token]"),
			[]string{"5 clients[0].grant_types[1]"},
		},
		{"refresh tokens alone", client("grant_types: [refresh_token]"), []string{"4 clients[0].grant_types"}},
		{
			"refresh tokens twice", client("grant_types: [authorization_code, refresh_token, refresh_token]"),
			[]string{"4 clients[0].grant_types[2]"},
		},
		{
			"refresh tokens for nobody", client("grant_types: [authorization_code, refresh_token]", "scope: openid profile"),
			[]string{"5 clients[0].scope"},
		},
		{
			"of refresh tokens, without the grant",
			client("refresh_token_lifetime: 30d", "conversational_cloud: {variant: rfc, idp_domains: [va.idp.liveperson.net]}"),
			[]string{"4 clients[0].refresh_token_lifetime", "5 clients[0].conversational_cloud.idp_domains"},
		},
		{
			"domains", client("grant_types: [authorization_code, refresh_token]", "conversational_cloud:", "  variant: rfc", "  idp_domains:",
				"    - https://va.idp.liveperson.net", "    - va.idp.liveperson.net:443", "    - VA.idp.liveperson.net", "    - '*.idp.liveperson.net'",
				"    - localhost", "    - lo.idp.liveperson.net/callback", "    - va.idp.liveperson.net", "    - va.idp.liveperson.net"),
			[]string{
				"8 clients[0].conversational_cloud.idp_domains[0]", "9 clients[0].conversational_cloud.idp_domains[1]",
				"10 clients[0].conversational_cloud.idp_domains[2]", "11 clients[0].conversational_cloud.idp_domains[3]",
				"12 clients[0].conversational_cloud.idp_domains[4]", "13 clients[0].conversational_cloud.idp_domains[5]",
				"15 clients[0].conversational_cloud.idp_domains[7]",
			},
		},
		{
			"no domain", client("grant_types: [authorization_code, refresh_token]", "conversational_cloud: {variant: rfc, idp_domains: []}"),
			[]string{"5 clients[0].conversational_cloud.idp_domains"},
		},
		{
			"choices", client("application_type: desktop", "claims_policy: some", "consent: never", "id_token_signed_response_alg: none"),
			[]string{
				"4 clients[0].application_type", "5 clients[0].claims_policy", "6 clients[0].consent",
				"7 clients[0].id_token_signed_response_alg",
			},
		},
		{
			"connector", client("conversational_cloud:", "  variant: openID", "  js_method: alert(1)"),
			[]string{"5 clients[0].conversational_cloud.variant", "6 clients[0].conversational_cloud.js_method"},
		},
		{
			"legacy with PKCE", client("require_pkce: true", "conversational_cloud: {variant: legacy, code_retry: true}"),
			[]string{"4 clients[0].require_pkce", "5 clients[0].conversational_cloud.code_retry"},
		},
		{
			"legacy code flow without secret", client("token_endpoint_auth_method: none", "conversational_cloud: {variant: legacy}"),
			[]string{"4 clients[0].token_endpoint_auth_method"},
		},
		{
			"addresses of a legacy connector",
			clientOf("redirect_uris: [http://lp.example/w, 'https://lp.example/w#a', 'https://lp.example/w?token=1', 'https://lp.example/w?a&a', 'https://*.example/w']",
				"conversational_cloud: {variant: legacy}"),
			[]string{
				"3 clients[0].redirect_uris[0]", "3 clients[0].redirect_uris[1]", "3 clients[0].redirect_uris[2]",
				"3 clients[0].redirect_uris[3]", "3 clients[0].redirect_uris[4]",
			},
		},
		{
			"a token in the query", client("conversational_cloud: {variant: rfc, response_placement: query}"),
			[]string{"4 clients[0].conversational_cloud.response_placement"},
		},
		{
			"response type token without legacy", client("response_types: [token]", "conversational_cloud: {variant: rfc}"),
			[]string{"4 clients[0].response_types[0]"},
		},
		{
			"a token by the name of a code", client("response_types: [code, id_token]", "conversational_cloud: {variant: rfc, token_parameter: code}"),
			[]string{"5 clients[0].conversational_cloud.token_parameter"},
		},
		{
			"another name for a token", client("conversational_cloud: {variant: rfc, token_parameter: state}"),
			[]string{"4 clients[0].conversational_cloud.token_parameter"},
		},
		{
			"a token by the name of a hybrid code", client("response_types: [id_token, code id_token]", "conversational_cloud: {variant: rfc, token_parameter: code}"),
			[]string{"5 clients[0].conversational_cloud.token_parameter"},
		},
		{"nothing that a window asks for", client("response_types: [code id_token]", "conversational_cloud: {variant: rfc}"), []string{
			"4 clients[0].response_types",
		}},
		{
			"nothing that a legacy window asks for", client("response_types: [id_token token]", "conversational_cloud: {variant: legacy}"),
			[]string{"4 clients[0].response_types"},
		},
		{
			"no way to an ID token", clientOf(`redirect_uris: ["https://liveperson.net"]`, "response_types: [id_token]", "conversational_cloud: {variant: rfc}"),
			[]string{"3 clients[0].redirect_uris"},
		},
		{
			"codes to answer again", client("response_types: [id_token]", "conversational_cloud: {variant: rfc, code_retry: true}"),
			[]string{"5 clients[0].conversational_cloud.code_retry"},
		},
		{
			"a form for an application", clientOf("application_type: native", "redirect_uris: [https://rp.example/cb, com.brand.app:/cb]",
				"conversational_cloud: {variant: rfc, response_placement: form_post}"),
			[]string{"4 clients[0].redirect_uris[1]"},
		},
		{"relaxations of an ordinary client", client("variant: legacy", "response_placement: query", "token_parameter: token", "code_retry: true"), []string{
			"4 clients[0].variant", "5 clients[0].response_placement", "6 clients[0].token_parameter", "7 clients[0].code_retry",
		}},
		{"no variant", client("conversational_cloud: {}"), []string{"4 clients[0].conversational_cloud.variant"}},
		{
			"encryption", client("conversational_cloud: {variant: rfc, encryption_key: {pem: hunter2}}"),
			[]string{"4 clients[0].conversational_cloud.encryption_key.pem"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, faults := parseFaults(test.file, options())
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("places (-want +got):\n%s\n%v", diff, faults)
			}
			if strings.Contains(strings.ReplaceAll(faults.Error(), "clients[0]", ""), hunter2) {
				t.Errorf("a message repeats the file:\n%v", faults)
			}
		})
	}
}

func TestSizeIsBounded(t *testing.T) {
	t.Parallel()
	places, _ := parseFaults("consumers: []\n#"+strings.Repeat("a", brandfile.MaxBytes), options())
	if diff := cmp.Diff([]string{"1"}, places); diff != "" {
		t.Error(diff)
	}
	if places, _ := parseFaults(strings.Repeat("[", 1<<20), options()); len(places) != 1 {
		t.Errorf("faults at %v", places)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{brand, `{"clients":[{"client_id":"\ud83d\ude00"}]}`, "a: &a [*a]", "consumers: [{<<: 1}]", "\\"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		file, faults := brandfile.Parse("f", data, options())
		if (file == nil) == (faults == nil) {
			t.Errorf("file %v, faults %v", file, faults)
		}
	})
}

// Everything is told at once: what cannot be read and what breaks a rule.
