package liveperson_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson"
)

func TestIDTokenSettings(t *testing.T) {
	t.Parallel()

	var none *liveperson.ConversationalCloud

	// A client that is no connector has the defaults.
	for name, c := range map[string]*liveperson.ConversationalCloud{"none": none, "defaults": {}} {
		if c.Backdating() != 5*time.Second || c.ACROf("loa2") != "loa2" || c.ReadsIMEI() || !cmp.Equal(c.AudienceOf("rp"), []string{"rp"}) {
			t.Errorf("%s: %v %q %v", name, c.Backdating(), c.ACROf("loa2"), c.AudienceOf("rp"))
		}
	}

	seconds := liveperson.Seconds(60)
	c := &liveperson.ConversationalCloud{Audience: []string{"a", "b"}, ACR: "x", IATBackdating: &seconds, PhoneNumber: "imei"}

	if c.Backdating() != time.Minute || c.ACROf("loa1") != "x" || !c.ReadsIMEI() || !cmp.Equal(c.AudienceOf("rp"), []string{"a", "b"}) {
		t.Errorf("%v %q %v", c.Backdating(), c.ACROf("loa1"), c.AudienceOf("rp"))
	}

	if c.ACR = liveperson.ACRNone; c.ACROf("loa1") != "" {
		t.Errorf("acr %q, want none", c.ACROf("loa1"))
	}
}

func TestIDTokenSettingsAreChecked(t *testing.T) {
	t.Parallel()

	long, negative := liveperson.Seconds(61), liveperson.Seconds(-1)

	for want, change := range map[string]func(*liveperson.ConversationalCloud){
		"audience: must have 1 to 10":            func(c *liveperson.ConversationalCloud) { c.Audience = []string{} },
		"audience[1]: must not be given twice":   func(c *liveperson.ConversationalCloud) { c.Audience = []string{"a", "a"} },
		"audience[0]: must be 1 to 255":          func(c *liveperson.ConversationalCloud) { c.Audience = []string{strings.Repeat("a", 256)} },
		"acr: must be 1 to 255":                  func(c *liveperson.ConversationalCloud) { c.ACR = "a\n" },
		"acr: must not be 0":                     func(c *liveperson.ConversationalCloud) { c.ACR = "0" },
		"iat_backdating: must be from 0s to 60s": func(c *liveperson.ConversationalCloud) { c.IATBackdating = &long },
		"iat_backdating: must be from 0s to":     func(c *liveperson.ConversationalCloud) { c.IATBackdating = &negative },
		"phone_number: must be one of":           func(c *liveperson.ConversationalCloud) { c.PhoneNumber = "IMEI" },
	} {
		c := &liveperson.ConversationalCloud{Variant: liveperson.VariantRFC}
		c.SetDefaults()
		change(c)

		if faults := c.Validate(); len(faults) != 1 || !strings.HasPrefix(faults[0].Error(), want) {
			t.Errorf("%s: %v", want, faults)
		}
	}
}

func TestWithPhone(t *testing.T) {
	t.Parallel()

	const number = "+12127888870"

	contacts := append(make([]liveperson.Contact, 0, 4), liveperson.Contact{Email: "amelia@brand.example"})
	info := &liveperson.PersonalInfo{FirstName: "Amelia", Contacts: contacts}

	want := &liveperson.PersonalInfo{FirstName: "Amelia", Contacts: []liveperson.Contact{{Email: "amelia@brand.example"}, {Phone: number}}}
	if diff := cmp.Diff(want, info.WithPhone(number)); diff != "" {
		t.Errorf("added (-want +got):\n%s", diff)
	}

	if len(info.Contacts) != 1 || contacts[:2][1] != (liveperson.Contact{}) {
		t.Error("it was written into what others share")
	}

	if got := (*liveperson.PersonalInfo)(nil).WithPhone(number); !cmp.Equal(got, &liveperson.PersonalInfo{Contacts: []liveperson.Contact{{Phone: number}}}) {
		t.Errorf("of nobody: %+v", got)
	}

	if got := (*liveperson.PersonalInfo)(nil).WithPhone(""); got != nil {
		t.Errorf("no number of nobody: %+v", got)
	}

	spelt := &liveperson.PersonalInfo{Contacts: []liveperson.Contact{{Phone: "+1 (212) 788-8870", PhoneType: "HOME"}}}
	if got := spelt.WithPhone(number); got != spelt {
		t.Errorf("in another spelling: %+v", got)
	}
}
