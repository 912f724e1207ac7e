package standin

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"
)

// form is the shape of a value of lp_sdes: it returns the rule that a value
// breaks, beginning with where, or "".
type form func(where string, value any) string

// The forms of the two entries that are supported in a token, field by field.
var (
	customerForm = object(map[string]form{
		"cstatus": text, "ctype": text, "customerId": text, "balance": number, "currency": text, "socialId": text, "imei": text,
		"userName": text, "companySize": integer, "companyBranch": text, "accountName": text, "role": text,
		"lastPaymentDate": date, "registrationDate": date, "loginStatus": integer,
	})
	personalForm = object(map[string]form{
		"firstname": text, "lastname": text, "gender": oneOf("MALE", "FEMALE", "OTHER"), "language": language, "company": text,
		"age": object(map[string]form{"age": integer, "year": integer, "month": integer, "day": integer}),
		"contacts": array(object(map[string]form{
			"email": text, "phone": text,
			"phoneType": oneOf("HOME", "MOBILE", "WORK", "FAX", "MAIN", "HOME_FAX", "WORK_FAX", "PAGER", "OTHER"),
			"address":   object(map[string]form{"country": text, "region": text}),
		})),
	})
)

// checkSDEs returns the rule that a value of lp_sdes breaks, or "".
func checkSDEs(value any) string { return array(sde)("lp_sdes", value) }

// sde is one entry: a type and the one member that goes with it.
func sde(where string, value any) string {
	entry, isObject := value.(map[string]any)
	if !isObject {
		return where + " is not an object"
	}
	switch entry["type"] {
	case "ctmrinfo":
		return all(entry, where, map[string]form{"type": text, "info": customerForm}, "info")
	case "personal":
		return all(entry, where, map[string]form{"type": text, "personal": personalForm}, "personal")
	default:
		return where + ".type is neither ctmrinfo nor personal"
	}
}

func object(fields map[string]form) form {
	return func(where string, value any) string {
		members, isObject := value.(map[string]any)
		if !isObject {
			return where + " is not an object"
		}
		return all(members, where, fields)
	}
}

// all checks the members of an object, unknown and missing ones included.
func all(members map[string]any, where string, fields map[string]form, required ...string) string {
	for _, name := range required {
		if _, there := members[name]; !there {
			return where + "." + name + " is missing"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		check, known := fields[name]
		if !known {
			return fmt.Sprintf("%s.%s is not supported in a token", where, name)
		}
		if broken := check(where+"."+name, members[name]); broken != "" {
			return broken
		}
	}
	return ""
}

func array(element form) form {
	return func(where string, value any) string {
		elements, isArray := value.([]any)
		if !isArray {
			return where + " is not an array"
		}
		for i, one := range elements {
			if broken := element(fmt.Sprintf("%s[%d]", where, i), one); broken != "" {
				return broken
			}
		}
		return ""
	}
}

func text(where string, value any) string {
	if _, isText := value.(string); !isText {
		return where + " is not text"
	}
	return ""
}

func number(where string, value any) string {
	if _, isNumber := value.(json.Number); !isNumber {
		return where + " is not a number"
	}
	return ""
}

var integerPattern = regexp.MustCompile(`^-?[0-9]{1,18}$`)

func integer(where string, value any) string {
	if n, isNumber := value.(json.Number); !isNumber || !integerPattern.MatchString(n.String()) {
		return where + " is not a whole number"
	}
	return ""
}

func oneOf(values ...string) form {
	return func(where string, value any) string {
		if name, isText := value.(string); !isText || !slices.Contains(values, name) {
			return fmt.Sprintf("%s is none of %v", where, values)
		}
		return ""
	}
}

var languagePattern = regexp.MustCompile(`^[a-z]{2}[-_][A-Z]{2}$`)

func language(where string, value any) string {
	if name, isText := value.(string); !isText || !languagePattern.MatchString(name) {
		return where + " is not a language such as en-US"
	}
	return ""
}

// date is a whole date that the calendar has.
func date(where string, value any) string {
	parts, isObject := value.(map[string]any)
	if !isObject {
		return where + " is not an object"
	}
	fields := map[string]form{"day": integer, "month": integer, "year": integer}
	if broken := all(parts, where, fields, "day", "month", "year"); broken != "" {
		return broken
	}
	part := func(name string) int {
		n, _ := parts[name].(json.Number)
		i, _ := n.Int64()
		return int(i)
	}
	year, month, day := part("year"), part("month"), part("day")
	at := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if at.Year() != year || at.Month() != time.Month(month) || at.Day() != day {
		return where + " is not in the calendar"
	}
	return ""
}
