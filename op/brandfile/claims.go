package brandfile

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/language"

	"github.com/brandidp/idp/op/identifier"
	"github.com/brandidp/idp/storage"
)

// claimsEntry are the standard claims, as the file has them.
type claimsEntry storage.Claims

// RefusedField names the claims that are not for the file to say.
func (*claimsEntry) RefusedField(name string) string {
	switch name {
	case "sub":
		return "must stand beside claims, not in them"
	case "updated_at":
		return "is refused: the provider keeps it"
	case "iss", "aud", "exp", "iat", "nbf", "jti", "acr", "amr", "azp", "nonce", "auth_time", "sid", "lp_sdes":
		return "is refused: only the provider says it; Personal and Customer Info are personal_info and customer_info"
	}
	return ""
}

var (
	birthdatePattern = regexp.MustCompile(`^[0-9]{4}(-[0-9]{2}-[0-9]{2})?$`)
	zoneinfoPattern  = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}$`)
	extensionPattern = regexp.MustCompile(`;ext=[0-9]{1,15}$`)
)

// claims checks the standard claims (OpenID Connect Core 5.1) that the file
// gives a consumer.
func (d *decoder) claims(c *storage.Claims, path string) {
	for _, claim := range [...]struct{ name, value string }{
		{"name", c.Name},
		{"given_name", c.GivenName},
		{"family_name", c.FamilyName},
		{"middle_name", c.MiddleName},
		{"nickname", c.Nickname},
		{"preferred_username", c.PreferredUsername},
		{"gender", c.Gender},
	} {
		d.oneLine(path, claim.name, claim.value)
	}
	for _, claim := range [...]struct{ name, value string }{{"profile", c.Profile}, {"picture", c.Picture}, {"website", c.Website}} {
		if claim.value != "" && !isWebAddress(claim.value) {
			d.at(join(path, claim.name), "must be an http or https address")
		}
	}
	if c.Birthdate != "" && !isBirthdate(c.Birthdate) {
		d.at(join(path, "birthdate"), "must be a date that exists, YYYY-MM-DD, with the year 0000 if it is not told, or a year, YYYY")
	}
	if c.Zoneinfo != "" && !zoneinfoPattern.MatchString(c.Zoneinfo) {
		d.at(join(path, "zoneinfo"), "must be a time zone such as Europe/Berlin")
	}
	if c.Locale != "" {
		if _, err := language.Parse(c.Locale); err != nil {
			d.at(join(path, "locale"), "must be a language tag such as en-US")
		}
	}
	d.contacts(c, path)
	if c.Address != nil {
		d.address(*c.Address, join(path, "address"))
	}
}

func (d *decoder) contacts(c *storage.Claims, path string) {
	if c.Email != "" {
		// What net/mail understands in other ways (a display name, a comment) is not
		// an address alone.
		parsed, err := mail.ParseAddress(c.Email)
		if _, normal := identifier.Email(c.Email); err != nil || normal != nil || parsed.Name != "" || parsed.Address != c.Email {
			d.at(join(path, "email"), identifier.ErrEmail.Error())
		}
	}
	if c.EmailVerified != nil && c.Email == "" {
		d.at(join(path, "email_verified"), "needs email")
	}
	if c.PhoneNumber != "" {
		// An extension (RFC 3966) may be told, but cannot sign in.
		if _, err := identifier.PhoneNumber(extensionPattern.ReplaceAllString(c.PhoneNumber, "")); err != nil {
			d.at(join(path, "phone_number"), err.Error())
		}
	}
	if c.PhoneNumberVerified != nil && c.PhoneNumber == "" {
		d.at(join(path, "phone_number_verified"), "needs phone_number")
	}
}

func (d *decoder) address(a storage.Address, path string) {
	if a == (storage.Address{}) {
		d.at(path, "must not be empty: leave it out instead")
	}
	// formatted and street_address may have line breaks.
	for _, part := range [...]struct{ name, value string }{
		{"locality", a.Locality}, {"region", a.Region}, {"postal_code", a.PostalCode}, {"country", a.Country},
	} {
		d.oneLine(path, part.name, part.value)
	}
}

// oneLine notes text that has more than one line.
func (d *decoder) oneLine(path, name, value string) {
	if strings.ContainsFunc(value, unicode.IsControl) {
		d.at(join(path, name), "must be text on one line")
	}
}

func isWebAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && len(address) <= maxAddress &&
		!strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) })
}

func isBirthdate(date string) bool {
	if !birthdatePattern.MatchString(date) {
		return false
	}
	if len(date) == len("YYYY") {
		return date != "0000"
	}
	// 2000 is a leap year, as the year that is not told may be.
	if year, rest := date[:4], date[4:]; year == "0000" {
		date = "2000" + rest
	}
	_, err := time.Parse(time.DateOnly, date)
	return err == nil
}
