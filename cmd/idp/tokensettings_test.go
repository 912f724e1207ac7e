package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op"
	"github.com/brandidp/idp/storage"
)

// toldYAML has a connector with every setting of what its ID tokens say, one with
// a form_post, an ordinary client, and a consumer with attributes.
const toldYAML = `clients:
  - client_id: told
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token, code]
    custom_claims: {tier: customer_info.ctype, region: attributes.region}
    conversational_cloud: {variant: rfc, audience: ["acc:12345678", shop], acr: urn:brand:strong, iat_backdating: 0, phone_number: imei, idp_certificate_type: jwks_endpoint}
    jwks_refresh: 10m
  - client_id: posted
    redirect_uris: [https://lpcdn.lpsnmedia.net/le_unified_window/index.html]
    response_types: [id_token]
    conversational_cloud: {variant: rfc, response_placement: form_post}
  - client_id: site
    redirect_uris: [https://www.brand.example/cb]
    response_types: [code, id_token]
    custom_claims: {note: attributes.note}
consumers:
  - username: amelia
    claims: {given_name: Amelia, phone_number: "+12127888870"}
    customer_info: {ctype: vip, imei: "3543546543545688"}
    attributes: {region: emea, score: 12.5, note: short}
`

func told(t *testing.T, file string) *installation {
	t.Helper()

	i := newInstallation(t)
	i.environ = append(i.environ, "IDP_ISSUER=https://id.brand.example")

	if got := i.run(file, "apply", "-f", "-"); got.code != 0 {
		t.Fatalf("%+v", got)
	}

	return i
}

// words is text with one space between words, whatever the columns of a table.
func words(text string) string { return strings.Join(strings.Fields(text), " ") }

// What deviates is told wherever a connector is shown.
func TestWhatIDTokensSayIsShown(t *testing.T) {
	t.Parallel()

	i := told(t, toldYAML)
	show := i.run("", "client", "show", "told")
	settings := i.run("", "connector", "settings", "told")

	for want, in := range map[string][]result{
		"custom_claims region: attributes.region, tier: customer_info.ctype": {show},
		"audience acc:12345678, shop":                                        {show},
		"acr urn:brand:strong":                                               {show},
		"iat_backdating 0s":                                                  {show},
		"phone_number imei":                                                  {show},
		"idp_certificate_type jwks_endpoint":                                 {show},
		"jwks_refresh 10m0s":                                                 {show},
		"Note: ID tokens name acc:12345678, shop as aud (audience), and the client id as azp": {settings},
		"Note: ID tokens say urn:brand:strong as acr":                                         {settings},
		"Note: phone_number of ID tokens is the IMEI":                                         {settings},
		"Warning: audience does not have the client id":                                       {show, settings},
		"Warning: acr of ID tokens is not loa1":                                               {show, settings},
		"Warning: iat_backdating is 0s":                                                       {show, settings},
	} {
		for _, got := range in {
			if got.code != 0 || !strings.Contains(words(got.stdout), want) {
				t.Errorf("want %q in\n%s%s", want, got.stdout, got.stderr)
			}
		}
	}

	plain := words(i.run("", "client", "show", "posted").stdout)
	for _, want := range []string{
		"audience posted", "acr that of the session, loa1 for a password", "iat_backdating 5s", "phone_number phone", "idp_certificate_type not said: jwt_public_key",
		"variant rfc", "js_method lpGetAuthenticationToken", "js_context window", "response_placement form_post", "token_parameter id_token", "code_retry false",
	} {
		if !strings.Contains(plain, want) || strings.Contains(plain, "custom_claims") {
			t.Errorf("want %q, and no custom claims, in\n%s", want, plain)
		}
	}

	if consumer := i.run("", "consumer", "show", "amelia"); !strings.Contains(consumer.stdout, `"region": "emea"`) || !strings.Contains(consumer.stdout, `"score": 12.5`) {
		t.Errorf("consumer:\n%s", consumer.stdout)
	}

	var consumer consumerView

	decode(t, i.run("", "consumer", "show", "amelia", "--json"), &consumer)

	if consumer.Attributes["score"] != 12.5 {
		t.Errorf("attributes %v", consumer.Attributes)
	}
}

func TestTokenPreviewShowsWhatIDTokensSay(t *testing.T) {
	t.Parallel()

	i := told(t, toldYAML)

	var preview op.Preview

	decode(t, i.run("", "token", "preview", "--client", "told", "--consumer", "amelia", "--json"), &preview)

	var claims map[string]any
	if err := json.Unmarshal(preview.Payload, &claims); err != nil {
		t.Fatal(err)
	}

	for name, want := range map[string]any{
		"aud": []any{"acc:12345678", "shop"}, "azp": "told", "acr": "urn:brand:strong", "phone_number": "3543546543545688",
		"tier": "vip", "region": "emea", "iat": claims["auth_time"],
	} {
		if diff := cmp.Diff(want, claims[name]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}

	// The IMEI is no number that is badly written, and the account is a reading of
	// aud; an acr that is not documented is worth a warning.
	var found []string
	for _, check := range preview.Checks {
		found = append(found, check.Name)
	}

	if diff := cmp.Diff([]string{"acr"}, found); diff != "" || !preview.InAddress {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

// giveProviderAKey stores one of the provider's own, which it makes when it is
// first served: the public half of a connector's, under another name.
func (i *installation) giveProviderAKey() {
	i.t.Helper()

	store := i.store()

	err := store.Administer(i.t.Context(), func(tx *storage.Tx) error {
		rows, err := tx.SigningKeys(i.t.Context())
		if err != nil {
			return err
		}

		own := *rows[0]
		own.ClientID, own.Kid = 0, "own"

		return tx.InsertSigningKey(i.t.Context(), &own)
	})
	if err != nil {
		i.t.Fatal(err)
	}
}

// The limits are those of where a token travels: of addresses for one in a
// fragment, and of the cloud's own token for lp_sdes.
//
//contract:1.5-address 1.5-consumer-token
func TestTokenPreviewWarnsOfLimits(t *testing.T) {
	t.Parallel()

	const address, consumerToken = "may be too long for one", "of 2048 characters"

	long := strings.Replace(toldYAML, "note: short", "note: "+strings.Repeat("x", 4000), 1)
	i := told(t, strings.Replace(long, "tier: customer_info.ctype,", "tier: customer_info.ctype, note: attributes.note,", 1))

	unserved := i.run("", "token", "preview", "--consumer", "amelia", "--client", "site")
	if unserved.code != 1 || !strings.HasSuffix(unserved.stderr, "idp serve makes the provider's at its first start\n") {
		t.Errorf("before the first start: %+v", unserved)
	}

	i.giveProviderAKey()

	for args, want := range map[string]string{
		"told":                            address,
		"told --response-type id_token":   address,
		"told --response-type code":       "",
		"posted":                          "",
		"site":                            "",
		"site --response-type id_token":   address,
		"site --response-type code":       "",
		"posted --response-type id_token": "",
	} {
		got := i.run("", append([]string{"token", "preview", "--consumer", "amelia", "--client"}, strings.Fields(args)...)...)
		if got.code != 0 || strings.Contains(got.stdout, address) != (want != "") || strings.Contains(got.stdout, consumerToken) {
			t.Errorf("%s: %d\n%s%s", args, got.code, got.stdout, got.stderr)
		}
	}

	i.run(strings.Replace(toldYAML, "ctype: vip", "ctype: vip, role: "+strings.Repeat("x", 800), 1), "apply", "-f", "-")

	for client, warned := range map[string]bool{"told": true, "posted": true, "site": false} {
		got := i.run("", "token", "preview", "--consumer", "amelia", "--client", client)
		if got.code != 0 || strings.Contains(got.stdout, consumerToken) != warned {
			t.Errorf("%s: %d\n%s%s", client, got.code, got.stdout, got.stderr)
		}
	}
}
