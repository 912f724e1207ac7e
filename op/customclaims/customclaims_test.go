package customclaims_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/customclaims"
	"github.com/brandidp/idp/op/liveperson"
	"github.com/brandidp/idp/storage"
)

func ExampleSet_AppendTo() {
	claims := customclaims.Compile(map[string]string{"tier": "customer_info.ctype", "region": "attributes.region"})
	token, _ := claims.AppendTo([]byte(`{"sub":"0b6c"}`), &storage.Consumer{
		CustomerInfo: &liveperson.CustomerInfo{CType: "vip"},
		Attributes:   storage.Attributes{"region": "emea"},
	})
	fmt.Println(string(token))
	// Output: {"sub":"0b6c","region":"emea","tier":"vip"}
}

//security:2-mapped-claim
func TestNameRule(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"tier", "a", "groups", "roles", "brand_tier", "brand.tier", "https://brand.example/claims/tier", "urn:brand:tier",
		strings.Repeat("a", 128),
	} {
		if rule := customclaims.NameRule(name); rule != "" {
			t.Errorf("%s: %s", name, rule)
		}
	}
	// What the protocol or a standard says, in whatever case: some who read JSON
	// take SUB for sub.
	protocol := "iss sub aud exp iat nbf jti auth_time nonce acr amr azp at_hash c_hash s_hash sid lp_sdes lp.ext events SUB Aud LP_SDES"
	standard := "name given_name family_name middle_name nickname preferred_username profile picture website gender birthdate zoneinfo " +
		"locale updated_at email email_verified phone_number phone_number_verified address Email"
	for rule, names := range map[string][]string{
		"claim of the protocol": strings.Fields(protocol),
		"standard claim":        strings.Fields(standard),
		"beginning with a letter": {
			"", "1", "_claims", "a b", "a\"", "a\n", "\u212aid", "ti\u00e9r", strings.Repeat("a", 129), "-", "a\\",
		},
	} {
		for _, name := range names {
			if got := customclaims.NameRule(name); !strings.Contains(got, rule) {
				t.Errorf("%q: %q, want one of %q", name, got, rule)
			}
		}
	}
}

func TestSourceRule(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"claims.email", "claims.email_verified", "claims.address", "claims.address.country", "personal_info.firstname", "personal_info.contacts",
		"personal_info.age.year", "customer_info.ctype", "customer_info.balance", "customer_info.lastPaymentDate.day", "attributes.region", "attributes.A-b_1",
	} {
		if rule := customclaims.SourceRule(source); rule != "" {
			t.Errorf("%s: %s", source, rule)
		}
	}
	for source, want := range map[string]string{
		"customer_info.ctyp":                    "did you mean customer_info.ctype?",
		"Customer_Info.CType":                   "did you mean customer_info.ctype?",
		"claims.e-mail":                         "did you mean claims.email?",
		"personal_info.firstName":               "did you mean personal_info.firstname?",
		"customer_info.registrationDate.mnth":   "did you mean customer_info.registrationDate.month?",
		"":                                      "must be a field of claims,",
		"x":                                     "must be a field of claims,",
		"password_hash":                         "must be a field of claims,",
		"attributes.":                           "must name an attribute",
		"attributes.a.b":                        "must name an attribute",
		"attributes." + strings.Repeat("a", 65): "must name an attribute",
		"claims":                                "is not a known source",
		"personal_info.contacts[0].phone":       "is not a known source",
		"claims.sub":                            "is not a known source",
		"customer_info.ctype.x.y.z.something.longer": "is not a known source",
	} {
		if rule := customclaims.SourceRule(source); !strings.Contains(rule, want) {
			t.Errorf("%q: %q, want %q", source, rule, want)
		}
	}
}

func TestValuesKeepTheirTypesAndAbsentOnesAreLeftOut(t *testing.T) {
	t.Parallel()
	zero, no, month := 0.0, false, 5
	consumer := &storage.Consumer{
		Claims:       storage.Claims{Name: "A \"<\u2028", EmailVerified: &no},
		CustomerInfo: &liveperson.CustomerInfo{Balance: &zero, RegistrationDate: &liveperson.Date{Month: &month}},
		Attributes:   storage.Attributes{"text": "", "whole": 12.0, "part": -0.5, "no": false},
	}
	mapping := map[string]string{
		"a_name": "claims.name", "a_verified": "claims.email_verified", "a_balance": "customer_info.balance",
		"a_date": "customer_info.registrationDate", "a_month": "customer_info.registrationDate.month",
		"a_text": "attributes.text", "a_whole": "attributes.whole", "a_part": "attributes.part", "a_no": "attributes.no",
		// Absent: the field, what it is in, the attribute.
		"b_day": "customer_info.registrationDate.day", "b_year": "personal_info.age.year", "b_contacts": "personal_info.contacts",
		"b_country": "claims.address.country", "b_email": "claims.email", "b_none": "attributes.none",
		// What a later release may have stored.
		"c": "customer_info.mood", "sub": "attributes.text", "": "attributes.text",
	}
	got, err := customclaims.Compile(mapping).AppendTo([]byte("{}"), consumer)
	if err != nil {
		t.Fatal(err)
	}
	var values map[string]any
	if err := json.Unmarshal(got, &values); err != nil {
		t.Fatalf("%v\n%s", err, got)
	}
	want := map[string]any{
		"a_name": "A \"<\u2028", "a_verified": false, "a_balance": 0.0, "a_date": map[string]any{"month": 5.0}, "a_month": 5.0,
		"a_text": "", "a_whole": 12.0, "a_part": -0.5, "a_no": false,
	}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
	if none, err := customclaims.Compile(nil).AppendTo([]byte(`{"sub":"a"}`), consumer); err != nil || string(none) != `{"sub":"a"}` {
		t.Errorf("a mapping of nothing: %s, %v", none, err)
	}
}
