package brandfile_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/brandfile"
	"github.com/brandidp/idp/storage"
)

func cloud(settings string) string {
	return client("conversational_cloud: {variant: rfc, " + settings + "}")
}

func TestParseAcceptsWhatIDTokensSay(t *testing.T) {
	t.Parallel()
	for name, file := range map[string]string{
		"an account as audience": cloud(`audience: ["acc:12345678", rp]`),
		"a URI as audience":      cloud("audience: [https://api.brand.example/chat]"),
		"an acr":                 cloud("acr: urn:brand:strong"),
		"no acr":                 cloud("acr: none"),
		"no backdating":          cloud("iat_backdating: 0"),
		"a minute":               cloud("iat_backdating: 1m"),
		"IMEI":                   cloud("phone_number: imei"),
		"the phone":              cloud("phone_number: phone"),
		"a pasted key":           cloud("idp_certificate_type: jwt_public_key"),
		"a key set":              cloud("idp_certificate_type: jwks_endpoint"),
		"claims":                 client("custom_claims: {tier: customer_info.ctype, 'https://brand.example/region': attributes.region, a.b: claims.email}"),
		"no claims":              client("custom_claims: {}"),
		"attributes":             consumer(`attributes: {region: emea, score: -1.5e3, on: true, since: 2013-05-23, text: "12", lines: "a\nb", A-b_1: 0}`),
		"no attributes":          consumer("attributes: {}"),
		"long attributes":        consumer("attributes: {a: " + strings.Repeat("x", 8180) + "}"),
	} {
		if _, faults := brandfile.Parse("brand.yaml", []byte(file), options()); faults != nil {
			t.Errorf("%s:\n%v", name, faults)
		}
	}
}

//security:2-mapped-claim
func TestParseRefusesWhatIDTokensMustNotSay(t *testing.T) {
	t.Parallel()
	many := func(line string) string {
		var text strings.Builder
		for i := range 51 {
			fmt.Fprintf(&text, line+", ", i)
		}
		return strings.TrimSuffix(text.String(), ", ")
	}
	const claims, block, attributes = "clients[0].custom_claims", "clients[0].conversational_cloud", "consumers[0].attributes"
	for name, test := range map[string]struct {
		file string
		want string // line, field and a part of the rule
	}{
		"no audience":          {cloud("audience: []"), "4 " + block + ".audience: must have 1 to 10"},
		"many audiences":       {cloud("audience: [a,b,c,d,e,f,g,h,i,j,k]"), "4 " + block + ".audience: must have 1 to 10"},
		"an audience twice":    {cloud("audience: [a, b, a]"), "4 " + block + ".audience[2]: must not be given twice"},
		"a space":              {cloud(`audience: ["a b"]`), "4 " + block + ".audience[0]: must be 1 to 255 printable ASCII"},
		"audience no list":     {cloud("audience: rp"), "4 " + block + ".audience: must be a list"},
		"the issuer":           {cloud("audience: [rp, " + issuer + "]"), "4 " + block + ".audience[1]: must not be an address of this provider"},
		"the token endpoint":   {cloud("audience: [" + issuer + "/token]"), "4 " + block + ".audience[0]: must not be an address of this provider"},
		"acr with spaces":      {cloud(`acr: "loa1 loa2"`), "4 " + block + ".acr: must be 1 to 255 printable ASCII"},
		"acr 0":                {cloud(`acr: "0"`), "4 " + block + ".acr: must not be 0"},
		"acr a number":         {cloud("acr: 1"), "4 " + block + ".acr: must be text"},
		"too much backdating":  {cloud("iat_backdating: 61s"), "4 " + block + ".iat_backdating: must be from 0s to 60s"},
		"negative backdating":  {cloud("iat_backdating: -1s"), "4 " + block + ".iat_backdating: must be from 0s to 60s"},
		"a part of a second":   {cloud("iat_backdating: 500ms"), "4 " + block + ".iat_backdating: must be a duration such as"},
		"backdating no time":   {cloud("iat_backdating: soon"), "4 " + block + ".iat_backdating: must be a duration such as"},
		"backdating a boolean": {cloud("iat_backdating: true"), "4 " + block + ".iat_backdating: must be a duration such as"},
		"another certificate":  {cloud("idp_certificate_type: pem"), "4 " + block + ".idp_certificate_type: must be one of jwt_public_key, jwks_endpoint"},
		"another reading":      {cloud("phone_number: fax"), "4 " + block + ".phone_number: must be one of phone, imei"},

		"a claim of the protocol": {client("custom_claims: {sub: claims.email}"), "4 " + claims + ".sub: must not be a claim of the protocol"},
		"in capitals":             {client("custom_claims: {ISS: claims.email}"), "4 " + claims + ".ISS: must not be a claim of the protocol"},
		"a standard claim":        {client("custom_claims: {email: claims.name}"), "4 " + claims + ".email: must not be a standard claim"},
		"lp_sdes":                 {cloud("account_id: a}\n    custom_claims: {lp_sdes: attributes.a"), "5 " + claims + ".lp_sdes: must not be a claim of the protocol"},
		"no name":                 {client("custom_claims: {'hunter2 x': claims.name}"), "4 " + claims + ".(a name of other characters): must be 1 to 128 letters"},
		"an unknown source":       {client("custom_claims: {tier: customer_info.ctyp}"), "4 " + claims + ".tier: is not a known source; did you mean customer_info.ctype?"},
		"a source of nowhere":     {client("custom_claims: {tier: hunter2}"), "4 " + claims + ".tier: is not a known source"},
		"a source no text":        {client("custom_claims: {tier: 1}"), "4 " + claims + ".tier: must be text"},
		"a claim twice":           {client("custom_claims: {tier: claims.name, tier: claims.name}"), "4 " + claims + ".tier: must not be given twice"},
		"no object":               {client("custom_claims: [tier]"), "4 " + claims + ": must be an object"},
		"an empty source":         {client("custom_claims: {tier: }"), "4 " + claims + ".tier: must not be empty"},
		"many claims":             {client("custom_claims: {" + many("c%d: claims.name") + "}"), "4 " + claims + ": must have at most 50"},

		"an attribute's name":   {consumer("attributes: {hunter2 x: a}"), "3 " + attributes + ".(a name of other characters): must have a name"},
		"a dot":                 {consumer("attributes: {a.b: a}"), "3 " + attributes + ".(a name of other characters): must have a name"},
		"an attribute nested":   {consumer("attributes: {a: {b: c}}"), "3 " + attributes + ".a: must be text, a number, true or false"},
		"a list":                {consumer("attributes: {a: [b]}"), "3 " + attributes + ".a: must be text, a number, true or false"},
		"nothing":               {consumer("attributes: {a: null}"), "3 " + attributes + ".a: must not be empty"},
		"empty text":            {consumer(`attributes: {a: ""}`), "3 " + attributes + ".a: must not be empty"},
		"a number of YAML":      {consumer("attributes: {a: 0x7b}"), "3 " + attributes + ".a: must be a number, written as in JSON"},
		"no number":             {consumer("attributes: {a: .nan}"), "3 " + attributes + ".a: must be a number, written as in JSON"},
		"a rounded number":      {consumer("attributes: {a: 12345678901234567890}"), "3 " + attributes + ".a: must have no more digits"},
		"attributes no object":  {consumer("attributes: hunter2"), "3 " + attributes + ": must be an object"},
		"attributes too long":   {consumer("attributes: {a: " + strings.Repeat("x", 8200) + "}"), "3 " + attributes + ": must be at most 50, and 8192 bytes"},
		"attributes too many":   {consumer("attributes: {" + many("a%d: b") + "}"), "3 " + attributes + ": must be at most 50, and 8192 bytes"},
		"an anchor in a value":  {consumer("attributes: {a: &b hunter2}"), "3 " + attributes + ".a: must be written out"},
		"an attribute twice":    {consumer("attributes: {a: b, a: c}"), "3 " + attributes + ".a: must not be given twice"},
		"an attribute's tag":    {consumer("attributes: {a: !!int 5}"), "3 " + attributes + ".a: must not have a YAML tag"},
		"custom claims of none": {consumer("custom_claims: {a: b}"), "3 consumers[0].custom_claims: is not a known field"},
	} {
		_, faults := brandfile.Parse("brand.yaml", []byte(test.file), options())
		if len(faults) != 1 {
			t.Errorf("%s: %d faults, want one:\n%v", name, len(faults), faults)
			continue
		}
		got := fmt.Sprint(faults[0].Line, " ", faults[0].Field, ": ", faults[0].Rule)
		if !strings.HasPrefix(got, test.want) || strings.Contains(got, hunter2) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, test.want)
		}
	}
}

func TestApplyKeepsAttributes(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	file := consumer("attributes: {region: emea, score: 12.0, half: 0.5, zero: -0.0, huge: 1e21, vip: true, number: \"12\"}")
	apply(t, store, file, brandfile.Changes{})
	want := storage.Attributes{"region": "emea", "score": 12.0, "half": 0.5, "zero": 0.0, "huge": 1e21, "vip": true, "number": "12"}
	if diff := cmp.Diff(want, find(t, store, "amelia").Attributes); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if again := apply(t, store, file, brandfile.Changes{}); !again.Diff.Empty() {
		t.Errorf("a second run changes:\n%s", again.Diff)
	}
	changed := apply(t, store, consumer("attributes: {region: apac}"), brandfile.Changes{}).Diff.String()
	if !strings.Contains(changed, `~ attributes.region: "emea" -> "apac"`) || !strings.Contains(changed, "- attributes.score: 12\n") {
		t.Errorf("difference:\n%s", changed)
	}
	apply(t, store, consumer("disabled: false"), brandfile.Changes{})
	if got := find(t, store, "amelia").Attributes; got != nil {
		t.Errorf("attributes that the file has no more: %v", got)
	}
}

func TestApplyKeepsWhatIDTokensSay(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	file := cloud("audience: [a, rp], acr: none, iat_backdating: 0, phone_number: imei}\n    custom_claims: {tier: customer_info.ctype, a.b: claims.name")
	apply(t, store, file, brandfile.Changes{})
	row := clients(t, store)["rp"]
	settings := row.ConversationalCloud
	if diff := cmp.Diff([]string{"a", "rp"}, settings.AudienceOf("rp")); diff != "" || settings.ACROf("loa1") != "" ||
		settings.Backdating() != 0 || !settings.ReadsIMEI() || len(row.CustomClaims) != 2 {
		t.Errorf("%+v\n%s", settings, diff)
	}
	if again := apply(t, store, file, brandfile.Changes{}); !again.Diff.Empty() {
		t.Errorf("a second run changes:\n%s", again.Diff)
	}
	back := apply(t, store, cloud("account_id: a"), brandfile.Changes{}).Diff.String()
	for _, want := range []string{
		"- conversational_cloud.audience", "- conversational_cloud.iat_backdating: 0", `- custom_claims.tier: "customer_info.ctype"`, "- custom_claims.a.b",
	} {
		if !strings.Contains(back, want) {
			t.Errorf("want %q in\n%s", want, back)
		}
	}
}

// TestNoAudienceIsAnotherClient: a client that verifies with all keys would take
// the ID tokens of a connector whose audience names it, and access tokens that are
// JWTs, whichever is made first. Nor is a client that gets tokens for itself somebody.
//
//security:2-audience 2-access-token-audience 2-machine
func TestNoAudienceIsAnotherClient(t *testing.T) {
	t.Parallel()
	connector := func(id, audience string) string {
		return "  - {client_id: " + id + ", redirect_uris: [https://rp.example/cb], conversational_cloud: {variant: rfc, audience: [" + audience + "]}}\n"
	}
	const site = "  - {client_id: site, redirect_uris: [https://rp.example/cb]}\n"
	jwt := func(audience string) string {
		return "  - {client_id: rp, redirect_uris: [https://rp.example/cb], access_token_format: jwt, access_token_audience: " + audience + "}\n"
	}
	const (
		api     = "  - {client_id: site, grant_types: [], introspection: true}\n"
		machine = "  - {client_id: stock, grant_types: [client_credentials]}\n"
		stock   = "consumers:\n  - {sub: stock, username: amelia}\n"
	)
	prune := brandfile.Changes{Prune: true}
	for name, test := range map[string]struct {
		before, file string
		changes      brandfile.Changes
		want         string // "" if it is accepted
	}{
		"both in one file":        {"", site + connector("rp", "rp, site"), brandfile.Changes{}, "brand.yaml:3: clients[1].conversational_cloud.audience[1]: must not be the client_id of another client"},
		"the connector later":     {site, connector("rp", "site"), brandfile.Changes{}, "brand.yaml:2: clients[0].conversational_cloud.audience[0]: must not be"},
		"the other client later":  {connector("rp", "site"), site, brandfile.Changes{}, "brand.yaml:2: clients[0].client_id: must not be what another client has as its audience"},
		"of two connectors":       {connector("rp", "rp"), connector("rp2", "rp2, rp"), brandfile.Changes{}, "clients[0].conversational_cloud.audience[1]"},
		"an audience that stays":  {site + connector("rp", "rp"), connector("rp", "rp, site"), brandfile.Changes{}, "clients[0].conversational_cloud.audience[1]"},
		"its own":                 {site, connector("rp", "rp"), brandfile.Changes{}, ""},
		"one audience of several": {connector("rp", "'acc:1'"), connector("rp2", "'acc:1'"), brandfile.Changes{}, ""},
		"the other one goes":      {site, connector("rp", "site"), prune, ""},
		"the connector goes":      {connector("rp", "site"), site, prune, ""},
		"access tokens":           {"", site + jwt("site"), brandfile.Changes{}, "brand.yaml:3: clients[1].access_token_audience: must not be the client_id of another client"},
		"access tokens later":     {site, jwt("site"), brandfile.Changes{}, "clients[0].access_token_audience: must not be"},
		"access tokens before":    {jwt("site"), site, brandfile.Changes{}, "clients[0].client_id: must not be what another client has as its audience"},
		"an API signs in":         {api + jwt("site"), site, brandfile.Changes{}, "clients[0].client_id: must not be what another client has as its audience"},
		"access tokens of an API": {api, jwt("site"), brandfile.Changes{}, ""},
		"of the client itself":    {"", jwt("rp"), brandfile.Changes{}, ""},
		"a consumer is a client":  {"", machine + stock, brandfile.Changes{}, "brand.yaml:2: clients[0].client_id: must not be the sub of a consumer"},
		"the consumer first":      {site + stock, machine, brandfile.Changes{}, "clients[0].client_id: must not be the sub of a consumer"},
		"the client first":        {machine, site + stock, brandfile.Changes{}, "brand.yaml:4: consumers[0].sub: must not be the client_id of a client with the grant client_credentials"},
		"the machine goes":        {machine, site + stock, prune, ""},
		"no machine":              {"", site + "consumers:\n  - {sub: site, username: amelia}\n", brandfile.Changes{}, ""},
		"the audience goes":       {connector("rp", "site"), connector("rp", "rp") + site, brandfile.Changes{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := openStore(t)
			if test.before != "" {
				apply(t, store, "clients:\n"+test.before, brandfile.Changes{})
			}
			before := clients(t, store)
			file := parse(t, "clients:\n"+test.file)
			_, planned := brandfile.Plan(t.Context(), store, file, test.changes)
			_, err := brandfile.Apply(t.Context(), store, file, test.changes, makers())
			if test.want == "" {
				if err != nil || planned != nil {
					t.Errorf("%v\n%v", planned, err)
				}
				return
			}
			for _, err := range []error{planned, err} {
				faults, ok := errors.AsType[brandfile.Faults](err)
				if !ok || len(faults) != 1 || !strings.Contains(faults.Error(), test.want) {
					t.Errorf("got %v, want %s", err, test.want)
				}
			}
			if diff := cmp.Diff(before, clients(t, store)); diff != "" {
				t.Errorf("it was refused, and has changed clients:\n%s", diff)
			}
		})
	}
}
