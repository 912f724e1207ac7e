package liveperson

import (
	"fmt"
	"regexp"
)

// PersonalInfo is the personal object of a personal entry of lp_sdes: who
// somebody is. Agents see it marked as verified.
//
// An empty string or a nil pointer is absent and is not emitted; a pointer to
// zero is emitted.
type PersonalInfo struct {
	FirstName string    `json:"firstname,omitempty"`
	LastName  string    `json:"lastname,omitempty"`
	Age       *Age      `json:"age,omitempty"`
	Contacts  []Contact `json:"contacts,omitempty"`
	// Gender is MALE, FEMALE or OTHER, unlike OpenID Connect's gender claim, which
	// is in lower case.
	Gender string `json:"gender,omitempty"`
	// Language is an ISO 639-1 code in lower case, "-" or "_", and an ISO 3166-1
	// code in upper case, such as "en-US".
	Language string `json:"language,omitempty"`
	Company  string `json:"company,omitempty"`
}

// Age is an age in years, a date of birth, or both. The date is whole or absent.
type Age struct {
	Age   *int `json:"age,omitempty"`
	Year  *int `json:"year,omitempty"`
	Month *int `json:"month,omitempty"`
	Day   *int `json:"day,omitempty"`
}

// Contact is one way to reach somebody.
type Contact struct {
	Email string `json:"email,omitempty"`
	Phone string `json:"phone,omitempty"`
	// PhoneType is HOME, MOBILE, WORK, FAX, MAIN, HOME_FAX, WORK_FAX, PAGER or
	// OTHER.
	PhoneType string   `json:"phoneType,omitempty"`
	Address   *Address `json:"address,omitempty"`
}

// Address is a country, best as an ISO 3166-1 code of two letters, and a region.
type Address struct {
	Country string `json:"country,omitempty"`
	Region  string `json:"region,omitempty"`
}

var (
	genders    = []string{"MALE", "FEMALE", "OTHER"}
	phoneTypes = []string{"HOME", "MOBILE", "WORK", "FAX", "MAIN", "HOME_FAX", "WORK_FAX", "PAGER", "OTHER"}
)

var languagePattern = regexp.MustCompile(`^[a-z]{2}[-_][A-Z]{2}$`)

// Validate returns every fault, in the order of the fields, or nil.
func (p *PersonalInfo) Validate() []FieldError {
	var faults faults

	faults.text("firstname", p.FirstName)
	faults.text("lastname", p.LastName)

	if p.Age != nil {
		faults.age(p.Age)
	}

	for i := range p.Contacts {
		faults.contact(fmt.Sprintf("contacts[%d]", i), &p.Contacts[i])
	}

	faults.oneOf("gender", p.Gender, genders)

	if p.Language != "" && !languagePattern.MatchString(p.Language) {
		faults.add("language", "must be a language in lower case, - or _, and a country in upper case, such as en-US")
	}

	faults.text("company", p.Company)

	return faults
}

func (f *faults) age(age *Age) {
	if *age == (Age{}) {
		f.add("age", emptyObject)

		return
	}

	if age.Age != nil && *age.Age < 0 {
		f.add("age.age", "must not be negative")
	}

	if age.Year != nil || age.Month != nil || age.Day != nil {
		f.add("age", Date{Day: age.Day, Month: age.Month, Year: age.Year}.rule())
	}
}

func (f *faults) contact(path string, contact *Contact) {
	if *contact == (Contact{}) {
		f.add(path, emptyObject)

		return
	}

	f.text(path+".email", contact.Email)
	f.text(path+".phone", contact.Phone)
	f.oneOf(path+".phoneType", contact.PhoneType, phoneTypes)

	if contact.Address == nil {
		return
	}

	if *contact.Address == (Address{}) {
		f.add(path+".address", emptyObject)
	}

	f.text(path+".address.country", contact.Address.Country)
	f.text(path+".address.region", contact.Address.Region)
}

const emptyObject = "must not be empty: leave it out instead"
