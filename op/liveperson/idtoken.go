package liveperson

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// DefaultIATBackdating is how far an ID token's iat lies before its making, for
// relying parties whose clocks are behind.
const DefaultIATBackdating = 5 * time.Second

// MaxIATBackdating is the most that ConversationalCloud.IATBackdating may say.
const MaxIATBackdating = time.Minute

// ACRAuthenticated is the acr of a consumer who has signed in, the one value that
// LivePerson documents for it: a page's identity function has to say it.
const ACRAuthenticated = "loa1"

// ACRNone is the value of ConversationalCloud.ACR that leaves the claim out.
const ACRNone = "none"

// The readings of the claim phone_number: LivePerson's older documentation shows
// it to agents as a phone number, a newer one as CustomerInfo.IMEI.
const (
	PhoneNumberPhone = "phone"
	PhoneNumberIMEI  = "imei"
)

// Seconds is a time in whole seconds.
type Seconds int64

// Backdating is how far an ID token's iat lies before its making. c may be nil.
func (c *ConversationalCloud) Backdating() time.Duration {
	if c == nil || c.IATBackdating == nil {
		return DefaultIATBackdating
	}

	return time.Duration(*c.IATBackdating) * time.Second
}

// AudienceOf is what ID tokens for the client name as aud (RFC 7519 4.1.3). c may
// be nil.
func (c *ConversationalCloud) AudienceOf(clientID string) []string {
	if c == nil || len(c.Audience) == 0 {
		return []string{clientID}
	}

	return c.Audience
}

// ACROf is what ID tokens say as acr, "" for nothing, where the session has acr.
// c may be nil.
func (c *ConversationalCloud) ACROf(acr string) string {
	switch {
	case c == nil || c.ACR == "":
		return acr
	case c.ACR == ACRNone:
		return ""
	default:
		return c.ACR
	}
}

// ReadsIMEI tells that the claim phone_number carries CustomerInfo.IMEI. It is
// false for nil.
func (c *ConversationalCloud) ReadsIMEI() bool { return c != nil && c.PhoneNumber == PhoneNumberIMEI }

const maxAudience = 10

// wordPattern is a URI or any other name without spaces, which separate the
// values of acr_values (OpenID Connect Core 3.1.2.1).
var wordPattern = regexp.MustCompile(`^[\x21-\x7e]{1,255}$`)

// idToken notes faults of what ID tokens say.
func (f *faults) idToken(c *ConversationalCloud) {
	if c.Audience != nil && len(c.Audience) == 0 || len(c.Audience) > maxAudience {
		f.add("audience", "must have 1 to 10 entries; leave it out for the client id")
	}

	for i, name := range c.Audience {
		switch field := fmt.Sprintf("audience[%d]", i); {
		case !wordPattern.MatchString(name):
			f.add(field, "must be 1 to 255 printable ASCII characters without spaces")
		case slices.Contains(c.Audience[:i], name):
			f.add(field, "must not be given twice")
		}
	}

	switch {
	case c.ACR == "":
	case !wordPattern.MatchString(c.ACR):
		f.add("acr", "must be 1 to 255 printable ASCII characters without spaces, or none")
	case c.ACR == "0":
		f.add("acr", "must not be 0, which stands for consumers who are not authenticated")
	}

	if back := c.Backdating(); back < 0 || back > MaxIATBackdating {
		f.add("iat_backdating", "must be from 0s to 60s")
	}

	f.oneOf("phone_number", c.PhoneNumber, []string{PhoneNumberPhone, PhoneNumberIMEI})
}

// idTokenNotes are sentences about what the ID tokens of a client say otherwise
// than by default.
func (c *ConversationalCloud) idTokenNotes(clientID string) []string {
	var notes []string

	if len(c.Audience) > 0 && !slices.Equal(c.Audience, []string{clientID}) {
		notes = append(notes, "ID tokens name "+strings.Join(c.Audience, ", ")+" as aud (audience), and the client id as azp.")
	}

	switch c.ACR {
	case "":
	case ACRNone:
		notes = append(notes, "ID tokens have no acr (acr: none). The page's identity function says loa1 all the same, which it has to.")
	default:
		notes = append(notes, "ID tokens say "+c.ACR+" as acr, whatever the session has.")
	}

	if c.Backdating() != DefaultIATBackdating {
		notes = append(notes, "The iat of ID tokens lies "+c.Backdating().String()+" before they are made (iat_backdating), never before the sign-in.")
	}

	if c.ReadsIMEI() {
		notes = append(notes, "phone_number of ID tokens is the IMEI of Customer Info (phone_number: imei); the phone number is told among the contacts of Personal Info.")
	}

	return notes
}

// idTokenWarnings are sentences about ID tokens that a relying party is less sure
// to take.
func (c *ConversationalCloud) idTokenWarnings(clientID string) []string {
	var warnings []string

	if !slices.Contains(c.AudienceOf(clientID), clientID) {
		warnings = append(warnings, "audience does not have the client id: whoever verifies ID tokens as OpenID Connect wants it refuses them")
	}

	if acr := c.ACROf(ACRAuthenticated); acr != ACRAuthenticated {
		warnings = append(warnings, "acr of ID tokens is not "+ACRAuthenticated+", the one value that LivePerson documents for authenticated consumers")
	}

	if c.Backdating() == 0 {
		warnings = append(warnings, "iat_backdating is 0s: a clock that is behind by a moment sees ID tokens from the future")
	}

	return warnings
}

// WithPhone is Personal Info with a phone number among its contacts: as it is, if
// one of them has the number in any spelling. p, which may be nil, is not changed.
func (p *PersonalInfo) WithPhone(number string) *PersonalInfo {
	if number == "" {
		return p
	}

	var with PersonalInfo

	if p != nil {
		with = *p
	}

	same := func(c Contact) bool { return digits(c.Phone) == digits(number) }
	if slices.ContainsFunc(with.Contacts, same) {
		return p
	}

	with.Contacts = append(slices.Clip(with.Contacts), Contact{Phone: number})

	return &with
}

// digits are those of a phone number, which is all that its spellings have in
// common.
func digits(number string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}

		return r
	}, number)
}
