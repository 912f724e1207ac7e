package inspect

import (
	"net/mail"
	"net/url"
	"regexp"
	"strings"
)

// issuer holds iss against the connector's, which is compared letter by letter.
func (x *examination) issuer() {
	iss, isText := x.claims["iss"].(string)
	wanted := x.opts.Issuer
	switch {
	case !isText || iss == "":
		x.fail("iss", "iss is missing, or not text")
	case wanted != "" && iss != wanted:
		x.fail("iss", "iss is "+quoted(iss)+", and the connector's JWT issuer is "+quoted(wanted)+issuerHint(iss, wanted))
	case wanted != "":
		x.pass("iss", "iss is the connector's, letter by letter: "+quoted(iss))
	case !isHTTPS(iss):
		x.warn("iss", "iss is "+quoted(iss)+", and no https address, as the form describes it")
	default:
		x.pass("iss", "iss is "+quoted(iss)+"; the connector's JWT issuer has to be the same, letter by letter")
	}
}

// issuerHint names the common reasons for a difference.
func issuerHint(iss, wanted string) string {
	switch {
	case strings.TrimRight(iss, "/") == strings.TrimRight(wanted, "/"):
		return ": they differ by a slash at the end"
	case strings.EqualFold(iss, wanted):
		return ": they differ by upper and lower case"
	case strings.TrimSpace(iss) == strings.TrimSpace(wanted):
		return ": they differ by spaces"
	default:
		return ""
	}
}

func isHTTPS(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && u.Host != ""
}

// class is the acr, which the page's identity function names too.
func (x *examination) class() {
	value, there := x.claims["acr"]
	switch {
	case !there:
	case value == "loa1":
		x.pass("acr", "acr is loa1: an authenticated consumer")
	case value == "0":
		x.warn("acr", `acr is "0", which stands for consumers who are not authenticated`)
	default:
		x.warn("acr", "acr is not loa1, the one value that is documented for authenticated consumers")
	}
}

var e164 = regexp.MustCompile(`^\+[1-9][0-9]{1,14}(;ext=[0-9]+)?$`)

// standardClaims are those that agents see.
func (x *examination) standardClaims() {
	there, faultless := 0, true
	for _, name := range []string{"given_name", "family_name", "email", "gender", "preferred_username", "phone_number"} {
		value, given := x.claims[name]
		if !given {
			continue
		}
		there++
		if _, isText := value.(string); !isText {
			x.fail("claims", name+" is not text")
			faultless = false
		}
	}
	if email := text(x.claims, "email"); email != "" {
		if address, err := mail.ParseAddress(email); err != nil || address.Address != email {
			x.warn("claims", "email is no e-mail address (RFC 5322 3.4.1)")
			faultless = false
		}
	}
	// Where it is read as an IMEI, it is the one of Customer Info.
	if phone := text(x.claims, "phone_number"); phone != "" && !e164.MatchString(phone) && phone != x.imei() {
		x.warn("claims", "phone_number is not written as E.164, such as +12125550123;ext=5")
		faultless = false
	}
	switch {
	case !faultless:
	case there == 0:
		x.pass("claims", "none: agents see what lp_sdes says")
	default:
		x.pass("claims", "each is text, and as it should be")
	}
}

// imei is that of Customer Info, "" if there is none.
func (x *examination) imei() string {
	sdes, _ := x.claims["lp_sdes"].([]any)
	for _, entry := range sdes {
		sde, _ := entry.(map[string]any)
		info, _ := sde["info"].(map[string]any)
		if imei := text(info, "imei"); imei != "" {
			return imei
		}
	}
	return ""
}
