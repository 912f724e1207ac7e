package inspect

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/brandidp/idp/op/liveperson"
)

// shape judges a value of lp_sdes; path is where it stands.
type shape func(x *examination, path string, value any)

// The shapes of the two entries that are supported in a token, field by field.
var (
	customerShape = object(map[string]shape{
		"cstatus": isText, "ctype": isText, "customerId": isText, "balance": isNumber, "currency": isText, "socialId": isText,
		"imei": isText, "userName": isText, "companySize": isWhole, "companyBranch": isText, "accountName": isText, "role": isText,
		"lastPaymentDate": isDate, "registrationDate": isDate, "loginStatus": isWhole,
	})
	personalShape = object(map[string]shape{
		"firstname": isText, "lastname": isText, "gender": oneOf("MALE", "FEMALE", "OTHER"), "language": isLanguage, "company": isText,
		"age": object(map[string]shape{"age": isWhole, "year": isWhole, "month": isWhole, "day": isWhole}),
		"contacts": array(object(map[string]shape{
			"email": isText, "phone": isText,
			"phoneType": oneOf("HOME", "MOBILE", "WORK", "FAX", "MAIN", "HOME_FAX", "WORK_FAX", "PAGER", "OTHER"),
			"address":   object(map[string]shape{"country": isText, "region": isText}),
		})),
	})
)

// refusedHere asks the plain types which documented fields are not supported for
// authenticated consumers.
var refusedHere = (*liveperson.CustomerInfo)(nil).RefusedField

func (x *examination) sdes() {
	value, there := x.claims["lp_sdes"]
	if !there {
		x.pass("lp_sdes", "lp_sdes is absent: agents see the standard claims alone")
		return
	}
	if _, wrapped := value.(map[string]any); wrapped {
		x.fail("lp_sdes", "lp_sdes is an object, and must be an array of objects with type and info or personal")
		return
	}
	before := len(x.report.Checks)
	array(sde)(x, "lp_sdes", value)
	x.repeatedTypes(value)
	if len(x.report.Checks) == before {
		x.pass("lp_sdes", "an array of ctmrinfo and personal, every field of its type")
	}
}

// repeatedTypes: which of two entries of one type counts is not documented.
func (x *examination) repeatedTypes(value any) {
	seen := map[string]bool{}
	entries, _ := value.([]any)
	for i, entry := range entries {
		members, _ := entry.(map[string]any)
		name := text(members, "type")
		if seen[name] && name != "" {
			x.warn("lp_sdes", fmt.Sprintf("lp_sdes[%d].type is there twice: which entry counts is not documented", i))
		}
		seen[name] = true
	}
}

// sde is one entry: a type, and the one member that goes with it.
func sde(x *examination, path string, value any) {
	entry, isObject := value.(map[string]any)
	if !isObject {
		x.fail("lp_sdes", path+" is "+kind(value)+", and must be an object")
		return
	}
	payload, check := "info", customerShape
	switch name := text(entry, "type"); name {
	case liveperson.TypeCustomerInfo:
	case liveperson.TypePersonalInfo:
		payload, check = "personal", personalShape
	case "":
		x.fail("lp_sdes", path+".type is missing, and must be ctmrinfo or personal")
		return
	default:
		x.fail("lp_sdes", path+".type is "+quoted(name)+": ctmrinfo and personal alone are supported for authenticated consumers")
		return
	}
	if _, there := entry[payload]; !there {
		x.fail("lp_sdes", path+"."+payload+" is missing")
	}
	object(map[string]shape{"type": isText, payload: check})(x, path, value)
}

func object(fields map[string]shape) shape {
	return func(x *examination, path string, value any) {
		members, isObject := value.(map[string]any)
		if !isObject {
			x.fail("lp_sdes", path+" is "+kind(value)+", and must be an object")
			return
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			check, known := fields[name]
			switch refusal := refusedHere(name); {
			case known:
				check(x, below(path, name), members[name])
			case refusal != "":
				x.fail("lp_sdes", below(path, name)+" "+refusal)
			default:
				x.warn("lp_sdes", below(path, name)+" is no documented field"+nearby(name, fields)+": nobody will see it")
			}
		}
	}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_]{1,64}$`)

func below(path, name string) string {
	if !plainName.MatchString(name) {
		return path + "[" + quoted(name) + "]"
	}
	return path + "." + name
}

// nearby names a field that differs by case alone.
func nearby(name string, fields map[string]shape) string {
	for _, field := range slices.Sorted(maps.Keys(fields)) {
		if strings.EqualFold(field, name) {
			return ", which is written " + field
		}
	}
	return ""
}

func array(element shape) shape {
	return func(x *examination, path string, value any) {
		elements, isArray := value.([]any)
		if !isArray {
			x.fail("lp_sdes", path+" is "+kind(value)+", and must be an array")
			return
		}
		for i, one := range elements {
			element(x, fmt.Sprintf("%s[%d]", path, i), one)
		}
	}
}

func isText(x *examination, path string, value any) {
	if _, ok := value.(string); !ok {
		x.fail("lp_sdes", path+" is "+kind(value)+", and must be text")
	}
}

func isNumber(x *examination, path string, value any) {
	if _, ok := value.(json.Number); !ok {
		x.fail("lp_sdes", path+" is "+kind(value)+", and must be a number")
	}
}

var wholePattern = regexp.MustCompile(`^-?[0-9]{1,18}$`)

func isWhole(x *examination, path string, value any) {
	switch n, ok := value.(json.Number); {
	case !ok:
		x.fail("lp_sdes", path+" is "+kind(value)+", and must be a whole number")
	case !wholePattern.MatchString(n.String()):
		x.fail("lp_sdes", path+" is not a whole number")
	}
}

func oneOf(values ...string) shape {
	return func(x *examination, path string, value any) {
		name, ok := value.(string)
		switch {
		case !ok:
			x.fail("lp_sdes", path+" is "+kind(value)+", and must be one of "+strings.Join(values, ", "))
		case !slices.Contains(values, name):
			x.fail("lp_sdes", path+" must be one of "+strings.Join(values, ", ")+", in upper case")
		}
	}
}

var languagePattern = regexp.MustCompile(`^[a-z]{2}[-_][A-Z]{2}$`)

func isLanguage(x *examination, path string, value any) {
	name, ok := value.(string)
	switch {
	case !ok:
		isText(x, path, value)
	case !languagePattern.MatchString(name):
		x.warn("lp_sdes", path+" is not written as a language and a country, such as en-US")
	}
}

// isDate is a date with all its parts that the calendar has.
func isDate(x *examination, path string, value any) {
	parts, isObject := value.(map[string]any)
	if !isObject {
		x.fail("lp_sdes", path+" is "+kind(value)+", and must be an object of day, month and year")
		return
	}
	before := len(x.report.Checks)
	object(map[string]shape{"day": isWhole, "month": isWhole, "year": isWhole})(x, path, value)
	for _, name := range []string{"day", "month", "year"} {
		if _, there := parts[name]; !there {
			x.fail("lp_sdes", path+"."+name+" is missing: a date needs day, month and year")
		}
	}
	if len(x.report.Checks) > before {
		return
	}
	part := func(name string) int {
		n, _ := parts[name].(json.Number)
		i, _ := n.Int64()
		return int(i)
	}
	year, month, day := part("year"), part("month"), part("day")
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if at.Year() != year || at.Month() != time.Month(month) || at.Day() != day {
		x.fail("lp_sdes", path+" is not in the calendar")
	}
}
