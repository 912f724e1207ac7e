package liveperson

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// ClaimError is a fault of the lp_sdes claim of a token, whoever made it.
type ClaimError struct {
	// Path is where it is, such as lp_sdes[0].info.balance.
	Path string
	// Rule continues the sentence that Path begins, and says what should be. Of what
	// was found it repeats names and a type alone.
	Rule string
	// Documented: Conversational Cloud is documented to want it otherwise. If not,
	// nobody has documented what it makes of it.
	Documented bool
}

// Error implements error.
func (f ClaimError) Error() string { return f.Path + " " + f.Rule }

// CheckClaim returns every fault of a decoded lp_sdes claim, in the order of its
// entries and the names of their fields, or nil. Numbers have to be json.Number,
// so that whole ones can be told.
func CheckClaim(value any) []ClaimError {
	const claim = "lp_sdes"

	entries, isArray := value.([]any)
	if _, wrapped := value.(map[string]any); wrapped {
		return []ClaimError{{claim, "is an object, and must be an array of objects with type and info or personal", true}}
	}

	if !isArray {
		return []ClaimError{{claim, mustBe(value, "an array"), true}}
	}

	var found claimFaults

	seen := map[any]bool{}

	for i, entry := range entries {
		path := fmt.Sprintf("%s[%d]", claim, i)
		found.entry(path, entry)

		members, _ := entry.(map[string]any)
		if kind, isText := members["type"].(string); isText && kind != "" && seen[kind] {
			found.undocumented(path+".type", "is there twice: which entry counts is not documented")
		}

		seen[members["type"]] = true
	}

	return found
}

// claimFaults collects what CheckClaim finds.
type claimFaults []ClaimError

func (f *claimFaults) add(path, rule string) { *f = append(*f, ClaimError{path, rule, true}) }

func (f *claimFaults) undocumented(path, rule string) { *f = append(*f, ClaimError{path, rule, false}) }

// shape judges a value of the claim; path is where it stands.
type shape func(f *claimFaults, path string, value any)

// The shapes of the two entries that are supported in a token, field by field.
var (
	customerShape = objectOf(map[string]shape{
		"cstatus": isText, "ctype": isText, "customerId": isText, "balance": isNumber, "currency": isText, "socialId": isText,
		"imei": isText, "userName": isText, "companySize": isWhole, "companyBranch": isText, "accountName": isText, "role": isText,
		"lastPaymentDate": isDate, "registrationDate": isDate, "loginStatus": isWhole,
	})
	personalShape = objectOf(map[string]shape{
		"firstname": isText, "lastname": isText, "gender": isOneOf(genders), "language": isLanguage, "company": isText,
		"age": objectOf(map[string]shape{"age": isWhole, "year": isWhole, "month": isWhole, "day": isWhole}),
		"contacts": arrayOf(objectOf(map[string]shape{
			"email": isText, "phone": isText, "phoneType": isOneOf(phoneTypes),
			"address": objectOf(map[string]shape{"country": isText, "region": isText}),
		})),
	})
)

// entry checks one entry: a type, and the one member that goes with it.
func (f *claimFaults) entry(path string, value any) {
	entry, isObject := value.(map[string]any)
	if !isObject {
		f.add(path, mustBe(value, "an object"))

		return
	}

	payload, check := "info", customerShape

	switch kind, _ := entry["type"].(string); kind {
	case TypeCustomerInfo:
	case TypePersonalInfo:
		payload, check = "personal", personalShape
	case "":
		f.add(path+".type", "is missing, and must be ctmrinfo or personal")

		return
	default:
		f.add(path+".type", "is "+quoted(kind)+": ctmrinfo and personal alone are supported for authenticated consumers")

		return
	}

	if _, there := entry[payload]; !there {
		f.add(path+"."+payload, "is missing")
	}

	objectOf(map[string]shape{"type": isText, payload: check})(f, path, value)
}

func objectOf(fields map[string]shape) shape {
	return func(f *claimFaults, path string, value any) {
		members, isObject := value.(map[string]any)
		if !isObject {
			f.add(path, mustBe(value, "an object"))

			return
		}

		for _, name := range slices.Sorted(maps.Keys(members)) {
			check, known := fields[name]

			switch refusal := (*CustomerInfo)(nil).RefusedField(name); {
			case known:
				check(f, below(path, name), members[name])
			case refusal != "":
				f.add(below(path, name), refusal)
			default:
				f.undocumented(below(path, name), "is no documented field"+nearby(name, fields)+": nobody will see it")
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

func arrayOf(element shape) shape {
	return func(f *claimFaults, path string, value any) {
		elements, isArray := value.([]any)
		if !isArray {
			f.add(path, mustBe(value, "an array"))

			return
		}

		for i, one := range elements {
			element(f, fmt.Sprintf("%s[%d]", path, i), one)
		}
	}
}

func isText(f *claimFaults, path string, value any) {
	if _, ok := value.(string); !ok {
		f.add(path, mustBe(value, "text"))
	}
}

func isNumber(f *claimFaults, path string, value any) {
	if _, ok := value.(json.Number); !ok {
		f.add(path, mustBe(value, "a number"))
	}
}

var wholePattern = regexp.MustCompile(`^-?[0-9]{1,18}$`)

func isWhole(f *claimFaults, path string, value any) {
	switch n, ok := value.(json.Number); {
	case !ok:
		f.add(path, mustBe(value, "a whole number"))
	case !wholePattern.MatchString(n.String()):
		f.add(path, "is not a whole number")
	}
}

func isOneOf(values []string) shape {
	allowed := "one of " + strings.Join(values, ", ")

	return func(f *claimFaults, path string, value any) {
		name, ok := value.(string)

		switch {
		case !ok:
			f.add(path, mustBe(value, allowed))
		case !slices.Contains(values, name):
			f.add(path, "must be "+allowed+", in upper case")
		}
	}
}

func isLanguage(f *claimFaults, path string, value any) {
	if name, ok := value.(string); ok && !languagePattern.MatchString(name) {
		f.undocumented(path, "is not written as a language and a country, such as en-US")
	}

	isText(f, path, value)
}

// isDate is a date with all its parts that the calendar has.
func isDate(f *claimFaults, path string, value any) {
	members, isObject := value.(map[string]any)
	if !isObject {
		f.add(path, mustBe(value, "an object of day, month and year"))

		return
	}

	before := len(*f)
	objectOf(map[string]shape{"day": isWhole, "month": isWhole, "year": isWhole})(f, path, value)

	part := func(name string) int {
		if _, there := members[name]; !there {
			f.add(path+"."+name, "is missing: a date needs day, month and year")
		}

		n, _ := members[name].(json.Number)
		i, _ := n.Int64()

		return int(i)
	}

	date := NewDate(part("year"), part("month"), part("day"))
	if len(*f) == before && date.rule() != "" {
		f.add(path, "is not in the calendar")
	}
}

// mustBe says what a value is and what it has to be.
func mustBe(value any, wanted string) string {
	return "is " + KindOf(value) + ", and must be " + wanted
}

// KindOf names the JSON type of a decoded value, numbers being json.Number, for
// messages: "a number".
func KindOf(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "text"
	case json.Number:
		return "a number"
	case []any:
		return "an array"
	default:
		return "an object"
	}
}

// quoted writes a name of a token into a sentence: short, and without anything
// that a terminal would act on.
func quoted(name string) string {
	const longest = 100
	if runes := []rune(name); len(runes) > longest {
		name = string(runes[:longest]) + "…"
	}

	return strconv.QuoteToGraphic(name)
}
