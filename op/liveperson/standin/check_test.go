package standin_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/brandidp/idp/op/liveperson/standin"
)

// Each bad token fails the check that is there for it, and nobody is let in.
func TestEachCheck(t *testing.T) {
	t.Parallel()
	b := newBrand(t, nil)
	claims := func(change func(map[string]any)) string {
		all := b.goodClaims()
		change(all)
		return b.token(all)
	}
	set := func(name string, value any) string {
		return claims(func(all map[string]any) { all[name] = value })
	}
	without := func(name string) string {
		return claims(func(all map[string]any) { delete(all, name) })
	}
	personal := func(field string, value any) string {
		return set("lp_sdes", []any{map[string]any{"type": "personal", "personal": map[string]any{field: value}}})
	}
	customer := func(field string, value any) string {
		return set("lp_sdes", []any{map[string]any{"type": "ctmrinfo", "info": map[string]any{field: value}}})
	}
	good := b.token(b.goodClaims())
	parts := strings.Split(good, ".")
	other := strings.Split(set("sub", "somebody else"), ".")
	for name, test := range map[string]struct {
		token string
		fails []string
	}{
		"empty segments":        {"..", []string{"segments"}},
		"four segments":         {good + ".x", []string{"segments"}},
		"five segments":         {good + ".x.y", []string{"encryption"}},
		"padding":               {parts[0] + "." + parts[1] + "." + parts[2] + "==", []string{"segments"}},
		"header not JSON":       {"eA." + parts[1] + "." + parts[2], []string{"segments"}},
		"payload an array":      {parts[0] + ".W10." + parts[2], []string{"segments"}},
		"two payloads":          {parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte("{} {}")) + "." + parts[2], []string{"segments"}},
		"HS256":                 {sign(t, b.goodClaims(), jose.HS256, []byte(oneLine(t, testKeys()[0])), "first"), []string{"alg", "signature", "pasted"}},
		"PS256":                 {sign(t, b.goodClaims(), jose.PS256, testKeys()[0], "first"), []string{"alg", "signature", "pasted"}},
		"none":                  {base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"first"}`)) + "." + parts[1] + "." + parts[2], []string{"alg", "signature", "pasted"}},
		"no kid":                {sign(t, b.goodClaims(), jose.RS256, testKeys()[0], ""), []string{"kid"}},
		"another kid":           {sign(t, b.goodClaims(), jose.RS256, testKeys()[0], "second"), []string{"kid"}},
		"another key":           {sign(t, b.goodClaims(), jose.RS256, testKeys()[1], "first"), []string{"signature", "pasted"}},
		"another's payload":     {parts[0] + "." + other[1] + "." + parts[2], []string{"signature", "pasted"}},
		"iss, slash":            {set("iss", b.URL+"/"), []string{"iss"}},
		"iss missing":           {without("iss"), []string{"iss"}},
		"iss a list":            {set("iss", []string{b.URL}), []string{"iss"}},
		"sub missing":           {without("sub"), []string{"sub"}},
		"sub a number":          {set("sub", 7), []string{"sub"}},
		"sub too long":          {set("sub", strings.Repeat("a", 256)), []string{"sub"}},
		"sub not ASCII":         {set("sub", "am\u00e9lia"), []string{"sub"}},
		"aud of another":        {set("aud", "somebody"), []string{"aud"}},
		"aud of others":         {set("aud", []string{"somebody"}), []string{"aud"}},
		"azp of another":        {set("azp", "somebody"), []string{"aud"}},
		"aud missing":           {without("aud"), []string{"aud"}},
		"iat in the future":     {set("iat", now.Unix()+60), []string{"iat"}},
		"iat missing":           {without("iat"), []string{"iat"}},
		"iat in milliseconds":   {set("iat", now.UnixMilli()), []string{"iat"}},
		"iat text":              {set("iat", "1700000000"), []string{"iat"}},
		"iat with a fraction":   {set("iat", 1700000000.5), []string{"iat"}},
		"iat with an exponent":  {set("iat", json.RawMessage("17e8")), []string{"iat"}},
		"iat negative":          {set("iat", -1), []string{"iat"}},
		"exp in the past":       {set("exp", now.Unix()), []string{"exp"}},
		"exp missing":           {without("exp"), []string{"exp"}},
		"exp in milliseconds":   {set("exp", now.UnixMilli()+3600_000), []string{"exp"}},
		"exp text":              {set("exp", "soon"), []string{"exp"}},
		"lp_sdes an object":     {set("lp_sdes", map[string]any{"customerInfo": map[string]any{}}), []string{"lp_sdes"}},
		"lp_sdes null":          {set("lp_sdes", nil), []string{"lp_sdes"}},
		"entry a text":          {set("lp_sdes", []any{"personal"}), []string{"lp_sdes"}},
		"entry of another type": {set("lp_sdes", []any{map[string]any{"type": "cart", "total": 1}}), []string{"lp_sdes"}},
		"entry without type":    {set("lp_sdes", []any{map[string]any{"personal": map[string]any{}}}), []string{"lp_sdes"}},
		"entry without payload": {set("lp_sdes", []any{map[string]any{"type": "personal"}}), []string{"lp_sdes"}},
		"entry with another's payload": {
			set("lp_sdes", []any{map[string]any{"type": "personal", "personal": map[string]any{}, "info": map[string]any{}}}), []string{"lp_sdes"},
		},
		"payload a text":     {set("lp_sdes", []any{map[string]any{"type": "personal", "personal": "x"}}), []string{"lp_sdes"}},
		"unknown field":      {personal("nickname", "Amy"), []string{"lp_sdes"}},
		"field of any case":  {personal("FirstName", "Amy"), []string{"lp_sdes"}},
		"text null":          {personal("firstname", nil), []string{"lp_sdes"}},
		"text a number":      {customer("customerId", 138766), []string{"lp_sdes"}},
		"storeNumber":        {customer("storeNumber", "7"), []string{"lp_sdes"}},
		"storeZipCode":       {customer("storeZipCode", "12345"), []string{"lp_sdes"}},
		"balance a text":     {customer("balance", "-400.99"), []string{"lp_sdes"}},
		"size with fraction": {customer("companySize", 1.5), []string{"lp_sdes"}},
		"date without year":  {customer("lastPaymentDate", map[string]any{"day": 1, "month": 2}), []string{"lp_sdes"}},
		"no such date":       {customer("registrationDate", map[string]any{"day": 29, "month": 2, "year": 2023}), []string{"lp_sdes"}},
		"date a text":        {customer("registrationDate", "2023-02-01"), []string{"lp_sdes"}},
		"gender lower case":  {personal("gender", "female"), []string{"lp_sdes"}},
		"language":           {personal("language", "english"), []string{"lp_sdes"}},
		"contacts an object": {personal("contacts", map[string]any{"email": "a@b.example"}), []string{"lp_sdes"}},
		"phone type":         {personal("contacts", []any{map[string]any{"phoneType": "CELL"}}), []string{"lp_sdes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := b.in(t)
			attempt, response, answer := b.exchange("implicit", map[string]string{"id_token": test.token})
			for _, check := range attempt.Checks {
				if check.Reason == "" || check.Title == "" {
					t.Errorf("%s has no reason or no title", check.Name)
				}
			}
			want := slices.Sorted(slices.Values(test.fails))
			if diff := cmp.Diff(want, slices.Sorted(slices.Values(failed(attempt)))); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s", diff)
			}
			if response.StatusCode != http.StatusUnauthorized || answer["internalErrorCode"] == nil || answer["token"] != nil {
				t.Errorf("status %d, answer %v", response.StatusCode, answer)
			}
			if attempt.Consumer != nil || attempt.ConsumerToken != "" {
				t.Error("somebody was let in")
			}
		})
	}
	t.Run("nothing to say", func(t *testing.T) {
		t.Parallel()
		attempt, _, _ := b.in(t).exchange("implicit", map[string]string{"id_token": without("lp_sdes")})
		if attempt.Refusal != nil || attempt.Consumer.Personal.FirstName != "Amelia" {
			t.Errorf("refusal %v, consumer %+v", attempt.Refusal, attempt.Consumer)
		}
	})
	t.Run("audience among others", func(t *testing.T) {
		t.Parallel()
		attempt, _, _ := b.in(t).exchange("implicit", map[string]string{"id_token": set("aud", []string{"somebody", clientID})})
		if attempt.Refusal != nil {
			t.Error(attempt.Refusal)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	wrong := func(status int, body string) func(*brand) {
		return func(b *brand) {
			b.jwks = func(w http.ResponseWriter) { w.WriteHeader(status); _, _ = w.Write([]byte(body)) }
		}
	}
	set := func(keys jose.JSONWebKeySet) func(*brand) {
		return func(b *brand) { b.jwks = func(w http.ResponseWriter) { _ = json.NewEncoder(w).Encode(keys) } }
	}
	twice := keySet("first", testKeys()[0])
	twice.Keys = append(twice.Keys, keySet("first", testKeys()[1]).Keys...)
	encryption := keySet("first", testKeys()[0])
	encryption.Keys[0].Use = "enc"
	for name, test := range map[string]struct {
		published func(*brand)
		pasted    string
		fails     []string
	}{
		"endpoint away":          {func(b *brand) { b.Close() }, oneLine(t, testKeys()[0]), []string{"kid"}},
		"status 500":             {wrong(http.StatusInternalServerError, "{}"), oneLine(t, testKeys()[0]), []string{"kid"}},
		"redirect":               {wrong(http.StatusFound, ""), oneLine(t, testKeys()[0]), []string{"kid"}},
		"not JSON":               {wrong(http.StatusOK, "keys"), oneLine(t, testKeys()[0]), []string{"kid"}},
		"too much":               {wrong(http.StatusOK, `{"x":"`+strings.Repeat("x", 70<<10)+`"}`), oneLine(t, testKeys()[0]), []string{"kid"}},
		"the same kid twice":     {set(twice), oneLine(t, testKeys()[0]), []string{"kid"}},
		"a key for encryption":   {set(encryption), oneLine(t, testKeys()[0]), []string{"kid"}},
		"another key pasted":     {nil, oneLine(t, testKeys()[1]), []string{"pasted"}},
		"pasted with line break": {nil, oneLine(t, testKeys()[0])[:64] + "\n" + oneLine(t, testKeys()[0])[64:], []string{"pasted"}},
		"pasted with markers":    {nil, "-----BEGIN PUBLIC KEY-----", []string{"pasted"}},
		"pasted no key":          {nil, "AAAA", []string{"pasted"}},
		"nothing pasted":         {nil, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBrand(t, func(c *standin.Connector) { c.PublicKey = test.pasted })
			token := b.token(b.goodClaims())
			if test.published != nil {
				test.published(b)
			}
			attempt, _, _ := b.exchange("implicit", map[string]string{"id_token": token})
			if diff := cmp.Diff(test.fails, failed(attempt)); diff != "" {
				t.Errorf("failed checks (-want +got):\n%s", diff)
			}
			if test.pasted == "" && outcomes(attempt)["pasted"] != standin.LeftOut {
				t.Error("a check against no key is not left out")
			}
		})
	}
}
