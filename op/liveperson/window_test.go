package liveperson_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"github.com/brandidp/idp/op/liveperson"
)

const account = "12345678"

// windowState is what a window of the account sends, as recorded, but shorter.
const windowState = `{"lpUnifiedWindowConfig":{"accountId":"12345678","env":"prod",` +
	`"clickedChannel":"-lpuw-authMessaging","external":true,"scp":"uw","engConf":{"async":true,"scid":"1",` +
	`"lang":"en-US","connector":{"id":4056284238,"deleted":false,"name":"50% off, \"best\" {bank}","type":2,` +
	`"configuration":{"jwtPublicKey":"MIIBIjAN+/=","authorizationEndpoint":"https://id.brand.example/a?x=%22%7B",` +
	`"clientId":"messaging","jsContext":"window","rfcCompliance":true}},"skillId":-1}}}`

func twice(s string) string { return url.QueryEscape(url.QueryEscape(s)) }

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}

	return string(text)
}

func TestCheckWindowAccountAdmits(t *testing.T) {
	t.Parallel()

	for name, state := range map[string]string{
		"nothing":                    "",
		"a random state":             "u8-Xz_q0.~",
		"a random state in base64":   "eyJscFVuaWZpZWRXaW5kb3dDb25maWciOnt9fQ==",
		"a number":                   "1234",
		"a state with percent signs": "50% or %zz or %2",
		"an application's JSON":      `{"return_to":"/basket","n":[1,null,true]}`,
		"an application's string":    `"abc"`,
		"the window":                 windowState,
		"the window, encoded":        url.PathEscape(windowState),
		"the window, encoded wholly": strings.ReplaceAll(url.QueryEscape(windowState), "+", "%20"),
		"the window, encoded twice":  url.PathEscape(url.PathEscape(windowState)),
		"the window in a string":     quoted(windowState),
		"the account as a number":    `{"lpUnifiedWindowConfig":{"accountId":12345678}}`,
		"the window below":           `{"a":[` + windowState + `]}`,
		"a configuration in a string": `{"lpUnifiedWindowConfig":` +
			quoted(url.PathEscape(`{"accountId":"12345678"}`)) + `}`,
		"spaces": " {\n\"lpUnifiedWindowConfig\" : {\"accountId\" : \"12345678\"}}\t",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			if err := liveperson.CheckWindowAccount(state, account); err != nil {
				t.Errorf("CheckWindowAccount(%q) = %v", state, err)
			}
		})
	}
}

//security:1-foreign-account 1-twice 1-unreadable
func TestCheckWindowAccountRefuses(t *testing.T) {
	t.Parallel()

	const evil = `{"lpUnifiedWindowConfig":{"accountId":"666"}}`

	for name, state := range map[string]string{
		"another account":                    evil,
		"another account, encoded":           url.QueryEscape(evil),
		"another account, encoded twice":     twice(evil),
		"another account, four times":        twice(twice(evil)),
		"another account, too often to read": twice(twice(twice(twice(twice(evil))))),
		"another account, partly encoded":    strings.ReplaceAll(evil, `"`, "%22"),
		"lower-case hexadecimal":             strings.ToLower(url.QueryEscape(`{"accountId":"666"}`)),
		"in a string":                        quoted(evil),
		"in a string in a string":            quoted(quoted(quoted(evil))),
		"in a string, encoded":               quoted(twice(evil)),
		"in an array":                        "[" + evil + "]",
		"below another key":                  `{"a":{"b":` + evil + `}}`,
		"below __proto__":                    `{"lpUnifiedWindowConfig":{"accountId":"12345678","__proto__":{"accountId":"666"}}}`,
		"in a string below":                  `{"a":` + quoted(evil) + `}`,
		"beside ours":                        `{"a":` + evil + `,"lpUnifiedWindowConfig":{"accountId":"12345678"}}`,
		"an account alone":                   `{"accountId":"666"}`,
		"configuration twice, ours last":     `{"lpUnifiedWindowConfig":{"accountId":"666"},"lpUnifiedWindowConfig":{"accountId":"12345678"}}`,
		"configuration twice, ours first":    `{"lpUnifiedWindowConfig":{"accountId":"12345678"},"lpUnifiedWindowConfig":{"accountId":"666"}}`,
		"configuration twice, both ours":     `{"lpUnifiedWindowConfig":{"accountId":"12345678"},"lpUnifiedWindowConfig":{"accountId":"12345678"}}`,
		"configuration twice by an escape":   `{"lpUnifiedWindowConfig":{"accountId":"12345678"},"lp\u0055nifiedWindowConfig":{"accountId":"12345678"}}`,
		"account twice":                      `{"lpUnifiedWindowConfig":{"accountId":"12345678","accountId":"12345678"}}`,
		"account twice by an escape":         `{"lpUnifiedWindowConfig":{"accountId":"12345678","\u0061ccountId":"666"}}`,
		"escaped key":                        `{"\u006cpUnifiedWindowConfig":{"\u0061ccountId":"666"}}`,
		"escaped key behind a plus":          `+{"\u006cpUnifiedWindowConfig":{"accountId":"666"}}`,
		"escaped key behind a mark":          "\ufeff" + `{"\u006cpUnifiedWindowConfig":{"accountId":"666"}}`,
		"another key twice":                  `{"lpUnifiedWindowConfig":{"accountId":"12345678","a":1,"a":2}}`,
		"other case":                         `{"lpunifiedwindowconfig":{"accountId":"12345678"}}`,
		"account in other case":              `{"lpUnifiedWindowConfig":{"accountid":"12345678"}}`,
		"a dotted key":                       `{"lpUnifiedWindowConfig.accountId":"666"}`,
		"a longer account":                   `{"lpUnifiedWindowConfig":{"accountId":"123456789"}}`,
		"an account with a space":            `{"lpUnifiedWindowConfig":{"accountId":"12345678 "}}`,
		"an encoded account":                 `{"lpUnifiedWindowConfig":{"accountId":"%3112345678"}}`,
		"a number with a fraction":           `{"lpUnifiedWindowConfig":{"accountId":12345678.0}}`,
		"a number with an exponent":          `{"lpUnifiedWindowConfig":{"accountId":1.2345678e7}}`,
		"another number":                     `{"lpUnifiedWindowConfig":{"accountId":666}}`,
		"account in an array":                `{"lpUnifiedWindowConfig":{"accountId":["12345678"]}}`,
		"account null":                       `{"lpUnifiedWindowConfig":{"accountId":null}}`,
		"account missing":                    `{"lpUnifiedWindowConfig":{"env":"prod"}}`,
		"account deeper only":                `{"lpUnifiedWindowConfig":{"engConf":{"accountId":"12345678"}}}`,
		"configuration null":                 `{"lpUnifiedWindowConfig":null}`,
		"configuration an array":             `{"lpUnifiedWindowConfig":[{"accountId":"12345678"}]}`,
		"configuration an opaque string":     `{"lpUnifiedWindowConfig":"abc"}`,
		"configuration cut off":              `{"lpUnifiedWindowConfig":{"accountId":"12345678"}`,
		"trailing data":                      `{"lpUnifiedWindowConfig":{"accountId":"12345678"}}{}`,
		"single quotes":                      `{'lpUnifiedWindowConfig':{'accountId':'12345678'}}`,
		"a comment":                          `{/**/"lpUnifiedWindowConfig":{"accountId":"12345678"}}`,
		"trailing comma":                     `{"a":1,}`,
		"a form":                             `lpUnifiedWindowConfig=%7B%22accountId%22%3A%2212345678%22%7D`,
		"a fragment":                         `#lpUnifiedWindowConfig=x`,
		"unreadable JSON":                    `{abc}`,
		"deep nesting":                       strings.Repeat("[", 1000) + strings.Repeat("]", 1000),
		"very deep nesting":                  strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000),
		// Harmless as it is; decoded once more, a string becomes a configuration.
		"configuration appears when decoded": `{"a":"%22%2C%22\u006cpUnifiedWindowConfig%22%3A%7B%22accountId%22%3A%22666%22%7D%2C%22b%22%3A%22"}`,
		"duplicate appears when decoded": `{"a":"%22%2C%22lpUnifiedWindowConfig%22%3A%7B%22accountId%22%3A%22666%22%7D%2C%22b%22%3A%22",` +
			`"lpUnifiedWindowConfig":{"accountId":"12345678"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()

			err := liveperson.CheckWindowAccount(state, account)
			if !errors.Is(err, liveperson.ErrWindow) {
				t.Fatalf("CheckWindowAccount(%.200q) = %v, want ErrWindow", state, err)
			}

			if strings.Contains(err.Error(), "666") || strings.Contains(err.Error(), account) {
				t.Errorf("the error repeats input: %v", err)
			}
		})
	}
}

// A legacy connector's window takes the same from the query of its address.
//
//security:1-foreign-account-address 1-twice 1-unreadable
func TestCheckWindowAddress(t *testing.T) {
	t.Parallel()

	const (
		page = "https://lpcdn.lpsnmedia.net/le_unified_window/index.html"
		ours = `{"lpUnifiedWindowConfig":{"accountId":"12345678"}}`
		evil = `{"accountId":"666"}`
	)

	query := func(pairs ...string) string {
		parts := []string{}
		for i := 0; i < len(pairs); i += 2 {
			parts = append(parts, url.QueryEscape(pairs[i])+"="+url.QueryEscape(pairs[i+1]))
		}

		return page + "?" + strings.Join(parts, "&")
	}

	for name, address := range map[string]string{
		"no query":           page,
		"an empty query":     page + "?",
		"another parameter":  query("lang", "en-US", "secure", "50% off"),
		"our window":         query("lpUnifiedWindowConfig", `{"accountId":"12345678","env":"prod"}`),
		"encoded once more":  query("lpUnifiedWindowConfig", url.PathEscape(`{"accountId":"12345678"}`)),
		"wrapped as state":   query("x", ours),
		"our account beside": query("accountId", "12345678", "lpUnifiedWindowConfig", `{"accountId":"12345678"}`),
	} {
		if err := liveperson.CheckWindowAddress(address, account); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	for name, address := range map[string]string{
		"another account":          query("lpUnifiedWindowConfig", evil),
		"encoded":                  query("lpUnifiedWindowConfig", url.QueryEscape(evil)),
		"encoded twice":            query("lpUnifiedWindowConfig", twice(evil)),
		"twice, ours first":        query("lpUnifiedWindowConfig", `{"accountId":"12345678"}`, "lpUnifiedWindowConfig", evil),
		"twice, both ours":         query("lpUnifiedWindowConfig", `{"accountId":"12345678"}`, "lpUnifiedWindowConfig", `{"accountId":"12345678"}`),
		"twice by an escape":       query("lpUnifiedWindowConfig", `{"accountId":"12345678"}`) + "&lp%55nifiedWindowConfig=" + url.QueryEscape(evil),
		"escaped twice":            query("lp%55nifiedWindowConfig", evil),
		"another parameter twice":  query("a", "1", "a", "1"),
		"other case":               query("LpUnifiedWindowConfig", evil),
		"name in brackets":         query("lpUnifiedWindowConfig[accountId]", "666"),
		"key twice":                query("lpUnifiedWindowConfig", `{"accountId":"12345678","accountId":"666"}`),
		"no account":               query("lpUnifiedWindowConfig", `{"env":"prod"}`),
		"no configuration":         query("lpUnifiedWindowConfig", ""),
		"not JSON":                 query("lpUnifiedWindowConfig", "abc"),
		"an account alone":         query("accountId", "666"),
		"account in other case":    query("accountid", "12345678"),
		"in another parameter":     query("x", `{"lpUnifiedWindowConfig":`+evil+`}`),
		"behind a second mark":     page + "?a=1?lpUnifiedWindowConfig=" + url.QueryEscape(evil),
		"behind an escaped and":    page + "?a=1%26lpUnifiedWindowConfig%3D" + url.QueryEscape(evil),
		"behind a semicolon":       page + "?a=1;lpUnifiedWindowConfig=" + url.QueryEscape(evil),
		"a bad escape":             page + "?a=%zz",
		"a name encoded too often": page + "?%" + strings.Repeat("25", 50) + "41=1",
	} {
		err := liveperson.CheckWindowAddress(address, account)
		if !errors.Is(err, liveperson.ErrWindow) {
			t.Errorf("%s: %v, want ErrWindow", name, err)
		} else if strings.Contains(err.Error(), "666") {
			t.Errorf("%s: the error repeats input: %v", name, err)
		}

		if err := liveperson.CheckWindowAddress(address, ""); err != nil {
			t.Errorf("%s, any account: %v", name, err)
		}
	}
}

// A number that a page's script rounds is not the account it spells.
func TestCheckWindowAccountRefusesRoundedNumber(t *testing.T) {
	t.Parallel()

	const long = "12345678901234567"

	if err := liveperson.CheckWindowAccount(`{"lpUnifiedWindowConfig":{"accountId":`+long+`}}`, long); err == nil {
		t.Error("a number of 17 digits was taken for the account")
	}

	if err := liveperson.CheckWindowAccount(`{"lpUnifiedWindowConfig":{"accountId":"`+long+`"}}`, long); err != nil {
		t.Errorf("the same account as text: %v", err)
	}
}

func TestCheckWindowAccountWithoutAccount(t *testing.T) {
	t.Parallel()

	if err := liveperson.CheckWindowAccount(`{"lpUnifiedWindowConfig":`, ""); err != nil {
		t.Errorf("CheckWindowAccount without an account = %v", err)
	}
}

// A state that unfolds at every level, nested as far as 64 KB go, costs bounded
// work: this test ends.
func TestCheckWindowAccountBoundsWork(t *testing.T) {
	t.Parallel()

	state := "%252525252541"
	for len(state) < 32<<10 {
		state = `{"a":` + quoted(state) + `,"b":` + quoted(state+"%25252542") + `}`
	}

	_ = liveperson.CheckWindowAccount(state, account)
}

// FuzzCheckWindowAccount holds the check against a naive reader, decoding up to
// three times as a page would: whatever account that one sees has to be ours.
//
//security:1-unreadable
func FuzzCheckWindowAccount(f *testing.F) {
	for _, seed := range []string{
		windowState, url.QueryEscape(windowState), quoted(windowState), `{"lpUnifiedWindowConfig":{"accountId":"6"}}`,
		`{"lpUnifiedWindowConfig":"{\"accountId\":\"6\"}"}`, `%7B%22lpUnifiedWindowConfig%22:{"accountId":6}}`, `abc%25`,
	} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, state string) {
		refused := liveperson.CheckWindowAccount(state, account) != nil

		for range 3 {
			if seen := naiveAccount(state); seen != nil && seen != account && !refused {
				t.Fatalf("admitted, but a page reads the account %v", seen)
			}

			decoded, err := url.PathUnescape(state)
			if err != nil {
				return
			}

			state = decoded
		}
	})
}

// naiveAccount returns the account that a page would take from state, or nil.
func naiveAccount(state string) any {
	var document any
	if json.Unmarshal([]byte(state), &document) != nil {
		return nil
	}

	if text, ok := document.(string); ok {
		return naiveAccount(text)
	}

	object, _ := document.(map[string]any)
	configuration := object["lpUnifiedWindowConfig"]

	if text, ok := configuration.(string); ok && json.Unmarshal([]byte(text), &configuration) != nil {
		return nil
	}

	object, _ = configuration.(map[string]any)

	switch seen := object["accountId"].(type) {
	case nil:
		return nil
	case float64:
		text, _ := json.Marshal(seen)

		return string(text)
	default:
		return seen
	}
}
