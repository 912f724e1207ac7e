package liveperson_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
)

// The two examples of LivePerson's documentation, as they stand there.
const (
	documentedCustomer = `{ "type": "ctmrinfo",
  "info": {
    "cstatus": "cancelled", "ctype": "vip", "customerId": "138766AC",
    "balance": -400.99, "currency": "USD", "socialId": "11256324780",
    "imei": "3543546543545688", "userName": "user000",
    "companySize": 500, "companyBranch": "East Village",
    "accountName": "bank corp", "role": "broker",
    "lastPaymentDate":  {"day": 15, "month": 10, "year": 2014},
    "registrationDate": {"day": 23, "month": 5,  "year": 2013},
    "loginStatus": 1 } }`

	documentedPersonal = `{ "type": "personal",
  "personal": {
    "firstname": "John", "lastname": "Doe",
    "age": {"age": 34, "year": 1980, "month": 4, "day": 15},
    "contacts": [ {"email": "myname@example.com", "phone": "+1 212-788-8877",
                   "phoneType": "MOBILE",
                   "address": {"country": "US", "region": "Ohio"}} ],
    "gender": "MALE", "language": "en-US", "company": "company" } }`
)

//contract:1.4-customer-info 1.4-personal-info
func TestSDEsAreTheDocumentedBytes(t *testing.T) {
	t.Parallel()

	var (
		customer, personal liveperson.SDE
		want               bytes.Buffer
	)

	for text, sde := range map[string]*liveperson.SDE{documentedCustomer: &customer, documentedPersonal: &personal} {
		decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
		decoder.DisallowUnknownFields()

		if err := decoder.Decode(sde); err != nil {
			t.Fatal(err)
		}
	}

	if faults := append(customer.Info.Validate(), personal.Personal.Validate()...); faults != nil {
		t.Errorf("Validate() = %v", faults)
	}

	if err := json.Compact(&want, []byte("["+documentedCustomer+","+documentedPersonal+"]")); err != nil {
		t.Fatal(err)
	}

	got, err := json.Marshal(liveperson.SDEs(customer.Info, personal.Personal))
	if err != nil {
		t.Fatal(err)
	}

	if diff := cmp.Diff(want.String(), string(got)); diff != "" {
		t.Errorf("lp_sdes (-documented +got):\n%s", diff)
	}
}

//contract:1.4-absent 1.4-login-status
func TestSDEsEmitNothingForWhatIsAbsent(t *testing.T) {
	t.Parallel()

	zero, none := 0.0, 0

	for want, sdes := range map[string][]liveperson.SDE{
		`null`: liveperson.SDEs(&liveperson.CustomerInfo{}, &liveperson.PersonalInfo{Contacts: []liveperson.Contact{}}),
		`[{"type":"ctmrinfo","info":{"balance":0,"loginStatus":0}}]`: liveperson.SDEs(
			&liveperson.CustomerInfo{Balance: &zero, LoginStatus: &none}, nil),
		`[{"type":"personal","personal":{"contacts":[{"phone":"+1"}]}}]`: liveperson.SDEs(
			nil, &liveperson.PersonalInfo{Contacts: []liveperson.Contact{{Phone: "+1"}}}),
	} {
		got, err := json.Marshal(sdes)
		if err != nil {
			t.Fatal(err)
		}

		if string(got) != want {
			t.Errorf("SDEs = %s, want %s", got, want)
		}
	}

	if sdes := liveperson.SDEs(nil, nil); sdes != nil {
		t.Errorf("SDEs(nil, nil) = %v", sdes)
	}
}

func fields(faults []liveperson.FieldError) []string {
	var fields []string
	for _, fault := range faults {
		fields = append(fields, fault.Field)
	}

	return fields
}

func TestCustomerInfoValidate(t *testing.T) {
	t.Parallel()

	infinite := math.Inf(-1)

	info := liveperson.CustomerInfo{
		CStatus: "a\x00b", Balance: &infinite, Role: "\xff",
		LastPaymentDate: liveperson.NewDate(2023, 2, 29), RegistrationDate: &liveperson.Date{},
	}

	want := []string{"cstatus", "balance", "role", "lastPaymentDate", "registrationDate"}
	if diff := cmp.Diff(want, fields(info.Validate())); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}
}

//contract:1.4-store
func TestCustomerInfoRefusedField(t *testing.T) {
	t.Parallel()

	var info *liveperson.CustomerInfo

	if info.RefusedField("storeZipCode") == "" || info.RefusedField("storeNumber") == "" {
		t.Error("a field that is not supported for authenticated consumers is let through")
	}

	if why := info.RefusedField("role"); why != "" {
		t.Errorf("role: %s", why)
	}
}

//contract:1.4-age 1.4-gender 1.4-language 1.4-phone-type
func TestPersonalInfoValidate(t *testing.T) {
	t.Parallel()

	one, negative := 1, -1

	info := liveperson.PersonalInfo{
		FirstName: "a\nb", Age: &liveperson.Age{Age: &negative, Year: &one}, Gender: "male", Language: "EN-us",
		Contacts: []liveperson.Contact{
			{Email: "a@b.example", PhoneType: "MOBILE"},
			{PhoneType: "Mobile", Address: &liveperson.Address{}},
			{},
		},
	}

	want := []string{
		"firstname", "age.age", "age", "contacts[1].phoneType", "contacts[1].address", "contacts[2]", "gender", "language",
	}
	if diff := cmp.Diff(want, fields(info.Validate())); diff != "" {
		t.Errorf("fields (-want +got):\n%s", diff)
	}

	for _, good := range []liveperson.PersonalInfo{
		{}, {Language: "en_US"}, {Gender: "OTHER"}, {Age: &liveperson.Age{Age: &one}},
	} {
		if faults := good.Validate(); faults != nil {
			t.Errorf("Validate() = %v", faults)
		}
	}
}

//contract:1.4-dates
func TestDatesAreWholeAndExist(t *testing.T) {
	t.Parallel()

	for _, test := range []struct {
		year, month, day int
		good             bool
	}{
		{2024, 2, 29, true},
		{2000, 2, 29, true},
		{1, 1, 1, true},
		{9999, 12, 31, true},
		{2023, 2, 29, false},
		{1900, 2, 29, false},
		{2023, 4, 31, false},
		{2023, 13, 1, false},
		{2023, 0, 1, false},
		{2023, 1, 0, false},
		{2023, 1, 32, false},
		{0, 1, 1, false},
		{10000, 1, 1, false},
		{-1, 1, 1, false},
		{math.MaxInt, 1, 1, false},
		{2023, math.MinInt, 1, false},
	} {
		info := liveperson.CustomerInfo{LastPaymentDate: liveperson.NewDate(test.year, test.month, test.day)}
		if good := info.Validate() == nil; good != test.good {
			t.Errorf("%d-%d-%d: good is %v", test.year, test.month, test.day, good)
		}
	}
}

//security:5-method-name
func TestConversationalCloud(t *testing.T) {
	t.Parallel()

	settings := liveperson.ConversationalCloud{Variant: "rfc"}
	settings.SetDefaults()

	if faults := settings.Validate(); faults != nil {
		t.Fatalf("the defaults: %v", faults)
	}

	for _, test := range []struct {
		field  string
		change func(*liveperson.ConversationalCloud)
	}{
		{"variant", func(c *liveperson.ConversationalCloud) { c.Variant = "" }},
		{"variant", func(c *liveperson.ConversationalCloud) { c.Variant = "openID" }},
		{"variant", func(c *liveperson.ConversationalCloud) { c.Variant = "RFC" }},
		{"js_method", func(c *liveperson.ConversationalCloud) { c.JSMethod = "alert(1)" }},
		{"js_method", func(c *liveperson.ConversationalCloud) { c.JSMethod = "a..b" }},
		{"js_method", func(c *liveperson.ConversationalCloud) { c.JSMethod = "a.__proto__.b" }},
		{"js_method", func(c *liveperson.ConversationalCloud) { c.JSMethod = "a\n" }},
		{"js_context", func(c *liveperson.ConversationalCloud) { c.JSContext = "window;x" }},
		{"js_context", func(c *liveperson.ConversationalCloud) { c.JSContext = "wind\u00f6w" }},
		{"account_id", func(c *liveperson.ConversationalCloud) { c.AccountID = "12 34" }},
		{"response_placement", func(c *liveperson.ConversationalCloud) { c.ResponsePlacement = "query" }},
		{"response_placement", func(c *liveperson.ConversationalCloud) { c.ResponsePlacement = "body" }},
		{"token_parameter", func(c *liveperson.ConversationalCloud) { c.TokenParameter = "access_token" }},
		{"token_parameter", func(c *liveperson.ConversationalCloud) { c.TokenParameter = "state" }},
	} {
		changed := settings
		test.change(&changed)

		if got := fields(changed.Validate()); len(got) != 1 || got[0] != test.field {
			t.Errorf("%+v: faults in %v, want %s", changed, got, test.field)
		}
	}

	legacy := liveperson.ConversationalCloud{Variant: "legacy"}
	legacy.SetDefaults()
	legacy.ResponsePlacement = "query"

	if faults := legacy.Validate(); faults != nil || legacy.TokenParameter != "token" {
		t.Errorf("legacy: token_parameter %s, faults %v", legacy.TokenParameter, faults)
	}

	legacy.CodeRetry = true

	if got := fields(legacy.Validate()); len(got) != 1 || got[0] != "code_retry" {
		t.Errorf("legacy with code_retry: faults in %v", got)
	}

	dotted := settings
	dotted.JSMethod, dotted.JSContext, dotted.AccountID = "brand.$chat._token2", "window.top", "12345678"

	if faults := dotted.Validate(); faults != nil {
		t.Errorf("Validate() = %v", faults)
	}
}

func ExampleSDEs() {
	balance := -400.99

	claim, err := json.Marshal(liveperson.SDEs(
		&liveperson.CustomerInfo{CType: "vip", Balance: &balance, Currency: "USD"},
		&liveperson.PersonalInfo{FirstName: "Amelia", Gender: "FEMALE"},
	))
	if err != nil {
		fmt.Println(err)
	}

	fmt.Println(string(claim))
	// Output:
	// [{"type":"ctmrinfo","info":{"ctype":"vip","balance":-400.99,"currency":"USD"}},{"type":"personal","personal":{"firstname":"Amelia","gender":"FEMALE"}}]
}

func ExampleCheckWindowAccount() {
	ours := `{"lpUnifiedWindowConfig":{"accountId":"12345678"}}`
	theirs := `{"lpUnifiedWindowConfig":{"accountId":"87654321"}}`

	fmt.Println(liveperson.CheckWindowAccount(ours, "12345678"))
	fmt.Println(liveperson.CheckWindowAccount(theirs, "12345678"))
	// Output:
	// <nil>
	// conversation window refused: the window configuration names another account
}
